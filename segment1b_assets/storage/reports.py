"""Run reports and failure events: JSON beside the data, never inside a partition (§4, §6)."""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.states import COUNTRY_STATES
from segment1b_assets.storage.gate import as_json
from segment1b_assets.storage.run_inputs import RunInputs

#: The states whose failures belong to tiles (parameter_hash, country) alone.
_TILE_STATES = ("S1", "S2")


def report_path(inputs: RunInputs, state: str, country: str) -> Path:
    return inputs.path(f"run_report_{state.lower()}", country)


def read_report(inputs: RunInputs, state: str, country: str) -> dict[str, Any] | None:
    """The country's last run report of a state; None without a valid one."""
    found = _json_object(inputs.root.ensure_local(report_path(inputs, state, country)))
    outputs = found.get("outputs", {}) if found else {}
    if not isinstance(outputs, dict) or not all(isinstance(o, dict) for o in outputs.values()):
        return None
    return found


def write_report(
    inputs: RunInputs, state: str, country: str, dataset: str, output: dict[str, Any]
) -> None:
    """Record the cost and the counts of publishing one dataset of a state.

    S1 publishes two datasets: its report holds one entry for each under ``outputs``, and the
    counters of the first at the top level, as every other state's report does.
    """
    path = report_path(inputs, state, country)
    before = read_report(inputs, state, country) or {}
    outputs = {**before.get("outputs", {}), dataset: output}
    first = min(outputs, key=lambda name: name != "tile_index")
    document = {
        "state": state,
        "country": country,
        "tokens": inputs.tokens(dataset, country),
        **outputs[first],
        "outputs": outputs,
    }
    inputs.root.replace_file(path, as_json(document))


def noted_receipt(inputs: RunInputs, dataset: str, country: str) -> str | None:
    """The receipt of a partition or log that its state recorded at publishing, or None."""
    for state in COUNTRY_STATES:
        if dataset not in (*state.datasets, *state.logs):
            continue
        outputs = (read_report(inputs, state.id, country) or {}).get("outputs", {})
        if dataset in state.datasets:
            noted = outputs.get(dataset, {}).get("receipt")
        else:
            logs = outputs.get(state.main, {}).get("log_receipts", {})
            noted = logs.get(dataset) if isinstance(logs, dict) else None
        return noted if isinstance(noted, str) else None
    return None


def record_broken(
    inputs: RunInputs, state: str, country: str, dataset: str, codes: Sequence[str]
) -> None:
    """Record the rules that a published partition broke when last judged; a pass clears them."""
    report = read_report(inputs, state, country)
    if report is None or dataset not in report.get("outputs", {}):
        return
    output = report["outputs"][dataset]
    if list(codes) != output.get("broken", []):
        # A read-only root can still be judged.
        with contextlib.suppress(OSError):
            write_report(inputs, state, country, dataset, {**output, "broken": list(codes)})


def recorded_broken(inputs: RunInputs, state: str, country: str) -> str | None:
    """The first rule that a state's published partitions broke when last judged, or None."""
    report = read_report(inputs, state, country) or {}
    for output in report.get("outputs", {}).values():
        for code in output.get("broken", []):
            return str(code)
    return None


def failure_folder(inputs: RunInputs, state: str, country: str | None) -> Path:
    """The folder of a country's failure events; a country that is not an ISO code has none."""
    try:
        if country is not None and state in _TILE_STATES:
            name = "failure_events_tiles"
        elif country is not None and state not in ("S0", "S9"):
            name = "failure_events_sites"
        else:
            name = "failure_events_gates"
        return inputs.root.path_for(name, state=state, **inputs.tokens(name, country))
    except (Segment1BError, ValueError):
        # The inputs are too damaged to give the tokens, or the code is not an ISO code.
        return inputs.root.path_for("failure_events", state=state)


def write_failure(inputs: RunInputs, state: str, error: Segment1BError, run: str) -> Path:
    """Write one failure event: one JSON object per failure (contract §6)."""
    now = datetime.now(UTC)
    folder = failure_folder(inputs, state, error.country)
    try:
        tokens = inputs.identity.tokens
    except Segment1BError:
        tokens = _tile_tokens(inputs)
    event = {
        "event": f"{state}_ERROR",
        "code": error.code,
        "at": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "tokens": tokens,
        "country": error.country,
        "detail": error.detail,
        "file": error.file,
        "value": None if error.value is None else repr(error.value),
        "next_step": error.next_step,
        "run": run,
    }
    name = f"{now:%Y%m%dT%H%M%S%f}-{error.code}-{uuid.uuid4().hex[:8]}.json"
    path = folder / name
    # A full or lost disk or store cannot hold the event; the run's log has it.
    with contextlib.suppress(OSError, Segment1BError):
        inputs.root.replace_file(path, as_json(event))
    return path


def _tile_tokens(inputs: RunInputs) -> dict[str, str]:
    """The tokens of S1 and S2, which need no 1A; empty where they are unknown."""
    try:
        return {"parameter_hash": inputs.parameter_hash}
    except Segment1BError:
        return {}


def last_failure(inputs: RunInputs, state: str, country: str) -> dict[str, Any] | None:
    """The newest failure event of a country without a later success."""
    folder = inputs.root.ensure_local(failure_folder(inputs, state, country))
    events = sorted(folder.glob("*-E*.json")) + sorted(folder.glob("*-A*.json"))
    if not events:
        return None
    newest = max(events, key=lambda p: p.name)
    try:
        report = inputs.root.ensure_local(report_path(inputs, state, country))
        if report.stat().st_mtime_ns > newest.stat().st_mtime_ns:
            return None
    except FileNotFoundError:
        pass
    return _json_object(newest)


def _json_object(path: Path) -> dict[str, Any] | None:
    """A report's content; None for a missing one, or one that a power cut left incomplete."""
    try:
        found = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
