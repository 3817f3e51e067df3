"""RNG events, trace, audit log, run reports and failure events against the truth.

Interpretations taken: whole numbers in JSON may be numbers or decimal strings, except ``blocks`` (a
number) and ``draws`` (a string), which the contract spells out; no key may be extra in an event or
a trace row; a report's keys may be nested; of a report's contents only what the contract defines
without doubt is judged.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from . import layout
from .expected import CountryTruth, Truth
from .identity import Tokens
from .sites import Event, trace

TEXTS = {
    "ts_utc",
    "run_id",
    "parameter_hash",
    "manifest_fingerprint",
    "module",
    "substream_label",
    "legal_country_iso",
}


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    """A JSON lines file; ValueError where a line is not an object."""
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    if not all(isinstance(row, dict) for row in rows):
        raise ValueError("a line is not an object")
    return rows


def compare_logs(
    root: Path, tokens: Tokens, truths: dict[str, CountryTruth], wanted: set[str], whole: bool
) -> list[str]:
    """Every family's events and trace, and the audit log; ``whole`` also looks for stray parts."""
    t = tokens
    found: list[str] = []
    traces = layout.trace_dir(root, t.seed, t.parameter_hash, t.run_id)
    for family, state in layout.FAMILIES.items():
        if state not in wanted:
            continue
        folder = layout.events_dir(root, family, t.seed, t.parameter_hash, t.run_id)
        expected_parts, expected_traces = set(), set()
        for iso, truth in truths.items():
            events = truth.events[family]
            if not events:
                continue
            expected_parts.add(f"part-{iso}.jsonl")
            expected_traces.add(f"{family}-{iso}.jsonl")
            found += _compare_file(folder / f"part-{iso}.jsonl", f"{family} events {iso}", events)
            path = traces / f"{family}-{iso}.jsonl"
            found += _compare_file(path, f"{family} trace {iso}", trace(events))
        if whole:
            for path in sorted(folder.glob("*")):
                if path.name not in expected_parts:
                    found.append(f"{family} events: unexpected {path.name}")
            for path in sorted(traces.glob(f"{family}-*")):
                if path.name not in expected_traces:
                    found.append(f"{family} trace: unexpected {path.name}")
    if "s5" in wanted and any(truth.assign_events for truth in truths.values()):
        found += _audit(layout.audit_path(root, t.seed, t.parameter_hash, t.run_id), tokens)
    return found


def _compare_file(path: Path, name: str, wanted: Sequence[Event]) -> list[str]:
    try:
        have = read_jsonl(path)
    except (OSError, ValueError) as reason:
        return [f"{name}: unreadable: {reason}"]
    keys = [(row.get("merchant_id"), row.get("site_order")) for row in have]
    if len(have) != len(wanted):
        return [f"{name}: {len(have)} lines, should be {len(wanted)}"]
    for number, (row, want) in enumerate(zip(have, wanted, strict=True), start=1):
        if set(row) != set(want):
            lacking, extra = sorted(set(want) - set(row)), sorted(set(row) - set(want))
            return [f"{name}: line {number} lacks keys {lacking}, has extra {extra}"]
        wrong = [key for key in want if not _same(key, row[key], want[key])]
        if wrong:
            shown = {key: (row[key], want[key]) for key in wrong[:4]}
            sites = [(w.get("merchant_id"), w.get("site_order")) for w in wanted]
            hint = "; the order of sites differs too" if keys != sites else ""
            return [f"{name}: line {number} differs (have, should be): {shown}{hint}"]
    return []


def _same(key: str, have: Any, want: Any) -> bool:
    if key in TEXTS or key == "draws":
        return isinstance(have, str) and have == want
    if isinstance(have, bool) or not isinstance(have, int | float | str):
        return False
    if isinstance(want, float):
        # Both zeros of sigma are the contract's 0; deltas and u are never a negative zero.
        return not isinstance(have, str) and float(have).hex() == want.hex()
    if key == "blocks":
        return isinstance(have, int) and have == want
    if isinstance(want, str):
        return have == want
    if isinstance(have, str):
        return have.isdigit() and int(have) == want
    return isinstance(have, int) and have == want


def _audit(path: Path, tokens: Tokens) -> list[str]:
    try:
        rows = read_jsonl(path)
    except (OSError, ValueError) as reason:
        return [f"rng_audit_log: unreadable: {reason}"]
    if len(rows) != 1:
        return [f"rng_audit_log: {len(rows)} rows, should be 1"]
    row = rows[0]
    wanted = {
        "algorithm": "philox2x64-10",
        "seed": str(tokens.seed),
        "parameter_hash": tokens.parameter_hash,
        "manifest_fingerprint": tokens.manifest_fingerprint,
        "run_id": tokens.run_id,
    }
    found = [
        f"rng_audit_log: {key} is {row.get(key)!r}, should be {value!r}"
        for key, value in wanted.items()
        if str(row.get(key)) != value
    ]
    lacking = [key for key in ("build_commit", "platform") if key not in row]
    return found + [f"rng_audit_log: no {key}" for key in lacking]


def find_key(value: Any, key: str) -> Iterator[Any]:
    """Every value under ``key`` anywhere in parsed JSON."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == key:
                yield inner
            yield from find_key(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from find_key(inner, key)


def compare_reports(
    root: Path, world: Truth, truths: dict[str, CountryTruth], wanted: set[str]
) -> list[str]:
    """Run reports of every published partition and failure events of every failed one."""
    t = world.run.tokens
    found = []
    for iso, truth in truths.items():
        for state in sorted(wanted - {"s0", "s9"}):
            number = int(state[1:])
            if not truth.publishes(number):
                # Later states may repeat the first failure's code or tell their own.
                code = truth.failures[number] if number == min(truth.failures) else None
                if code and not _failure_told(root, state, iso, code):
                    found.append(f"failures {state} {iso}: no event tells {code}")
                continue
            ph, fp = t.parameter_hash, t.manifest_fingerprint
            path = layout.report_path(root, state, t.seed, fp, ph, iso)
            name = f"report {state} {iso}"
            try:
                report = json.loads(path.read_text("utf-8"))
            except (OSError, ValueError) as reason:
                found.append(f"{name}: unreadable: {reason}")
                continue
            for key, value in _report_facts(state, truth, world).items():
                said = list(find_key(report, key))
                if value not in said:
                    found.append(f"{name}: {key} is {said}, should be {value!r}")
            if state == "s1":
                found += _cells_add_up(name, report)
    return found


def _report_facts(state: str, truth: CountryTruth, world: Truth) -> dict[str, Any]:
    if state == "s1":
        ids = [tile.tile_id for tile in truth.tiles]
        facts: dict[str, Any] = {
            "cells_included": len(ids),
            "predicate": world.settings.inclusion_rule,
        }
        return facts | ({"tile_id_min": ids[0], "tile_id_max": ids[-1]} if ids else {})
    if state == "s2":
        scale = 10**world.settings.dp
        return {
            "tiles": len(truth.tiles),
            "K": scale,
            "postquant_sum_fp": scale if truth.tiles else 0,
            "residue_allocations": truth.weights.residue_allocations,
            "zero_mass_fallback": truth.weights.zero_mass_fallback,
        }
    return {}


def _cells_add_up(name: str, report: Any) -> list[str]:
    parts = ("cells_included", "cells_excluded_outside", "cells_excluded_hole")
    said = [next(find_key(report, key), None) for key in ("cells_visited", *parts)]
    numbers = [number for number in said if isinstance(number, int)]
    if len(numbers) != len(said):
        return [f"{name}: cell counters are {said}, should be whole numbers"]
    if numbers[0] != sum(numbers[1:]):
        return [f"{name}: {numbers[0]} cells visited, but {numbers[1:]} accounted for"]
    return []


def _failure_told(root: Path, state: str, iso: str, code: str) -> bool:
    """Whether a failure event names the code and the country."""
    folder = root / f"reports/layer1/1B/failures/state={state.upper()}"
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        text = path.read_text("utf-8")
        for chunk in [text, *text.splitlines()]:
            try:
                event = json.loads(chunk)
            except ValueError:
                continue
            if not isinstance(event, dict) or event.get("event") != f"{state.upper()}_ERROR":
                continue
            # A code may be told with its name or by its number alone.
            told = str(event.get("code"))
            if event.get("country") == iso and told in (code, code.split("_")[0]):
                return True
    return False
