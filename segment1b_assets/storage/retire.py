"""Retiring published data: moved aside with who, when and why, never deleted (contract §2)."""

from __future__ import annotations

import getpass
import json
import os
import uuid
from datetime import UTC, datetime
from pathlib import Path

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.states import COUNTRY_STATES
from segment1b_assets.storage.bundle import FLAG
from segment1b_assets.storage.data_root import DataRoot
from segment1b_assets.storage.digests import receipt
from segment1b_assets.storage.gate import as_json
from segment1b_assets.storage.parquet import lineage_of
from segment1b_assets.storage.run_inputs import RunInputs


def retire(root: DataRoot, dataset: str, target: Path, why: str) -> Path:
    """Move a published file or folder under ``{root}/retired/``.

    A folder that holds a PASS flag loses the flag first, so that no flag ever covers a
    bundle that is being moved, even after a power cut.

    The caller holds ``root.exclusive_lock("retiring")``: two must not retire the same files.

    Returns:
        The folder under retired/ that now holds it, with ``retired.json`` beside it.

    Raises:
        Segment1BError: E_INPUT_MISSING where nothing is published there.
    """
    if not root.exists(target):
        raise Segment1BError(
            "E_INPUT_MISSING", f"{dataset} is not published there; nothing to retire", file=target
        )
    when = datetime.now(UTC)
    folder = root.path_for("retired", when=f"{when:%Y%m%dT%H%M%S.%fZ}", dataset=dataset)
    folder = folder.with_name(f"{folder.name}-{uuid.uuid4().hex[:6]}")
    destination = folder / root.relative(target)
    note = {
        "dataset": dataset,
        "path": root.relative(target),
        "receipt": receipt(root.ensure_local(target)),
        "when": when.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "who": _who(),
        "why": why,
    }
    root.replace_file(folder / "retired.json", as_json(note))
    root.move(target, destination)
    return folder


def retire_published(inputs: RunInputs, dataset: str, country: str | None, why: str) -> Path:
    """Retire a country's partition (or log, receipt, bundle), one process at a time.

    Raises:
        Segment1BError: E_INPUT_MISSING where nothing is published there.
    """
    with inputs.root.exclusive_lock("retiring"):
        return retire(inputs.root, dataset, inputs.path(dataset, country), why)


def retire_stale(inputs: RunInputs, state: str, country: str) -> None:
    """Before a state publishes: retire what was made from another polygon (contract §2).

    These are the country's stale partitions of this and all later states with their logs, the 1B
    bundle first. Logs are moved before their partition: after a kill in between the partition is
    still stale, and the next run continues.
    """
    later = COUNTRY_STATES[[s.id for s in COUNTRY_STATES].index(state) :]
    if not any(_is_stale(inputs, d, country) for s in later for d in s.datasets):
        return
    why = f"the polygon of {country} changed to polygon_sha256 {inputs.polygon_sha256(country)}"
    with inputs.root.exclusive_lock("retiring"):
        retire_bundle(inputs, why)
        for each in later:
            stale = [d for d in each.datasets if _is_stale(inputs, d, country)]
            for dataset in (*each.logs, *stale) if stale else ():
                target = inputs.path(dataset, country)
                if inputs.root.exists(target):
                    retire(inputs.root, dataset, target, why)


def _is_stale(inputs: RunInputs, dataset: str, country: str) -> bool:
    """As `RunInputs.is_stale`; False where no 1A run gives S3's paths."""
    try:
        return inputs.is_stale(dataset, country)
    except Segment1BError:
        return False


def retire_superseded(inputs: RunInputs, country: str) -> None:
    """Before S8 publishes: retire what was made under another parameter_hash (contract §2).

    site_locations has no parameter_hash in its path, so a country's partition of another one is
    retired first, with the bundle that covers it. A country that the bundle does not list retires
    the bundle, too: it must list every file of site_locations, and S9 writes a new one.
    """
    old = _parameter_hash(inputs, country)
    if old == inputs.parameter_hash or (old is None and not _vouched_for(inputs)):
        return
    what = "is new:" if old is None else f"is replaced: parameter_hash {old} ->"
    why = f"site_locations of {country} {what} {inputs.parameter_hash}"
    # Two runs may replace countries concurrently; only one may retire the bundle or partition.
    with inputs.root.exclusive_lock("retiring"):
        retire_bundle(inputs, why)
        if old is not None and _parameter_hash(inputs, country) == old:
            retire(inputs.root, "site_locations", inputs.path("site_locations", country), why)


def retire_bundle(inputs: RunInputs, why: str) -> bool:
    """Retire the 1B bundle; returns whether there was one. S1 and S2 may run before any 1A run."""
    try:
        bundle = inputs.path("validation_bundle_1B")
    except Segment1BError:
        return False
    if not inputs.root.exists(bundle):
        return False
    retire(inputs.root, "validation_bundle_1B", bundle, why)
    return True


def _vouched_for(inputs: RunInputs) -> bool:
    """Whether a flag covers this seed's site_locations, or an unknown seed's."""
    if not inputs.root.exists(inputs.path("validation_bundle_1B")):
        return False
    bundle = inputs.ensure_local("validation_bundle_1B")
    if not (bundle / FLAG).is_file():
        return False
    return bundle_seed(bundle) in (None, str(inputs.identity.seed))


def bundle_seed(bundle: Path) -> str | None:
    """The seed that a 1B bundle is of; None where it does not say."""
    try:
        return str(json.loads((bundle / "s9_summary.json").read_bytes())["identity"]["seed"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _parameter_hash(inputs: RunInputs, country: str) -> str | None:
    files = inputs.files("site_locations", country)
    return lineage_of(files[0]).get("parameter_hash") if files else None


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
