"""Data versions of the inputs that 1B does not make: receipts of files, the run's identity."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from pathlib import Path

from segment1b_assets.contracts.countries import COUNTRY_CODES
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.policies import POLICY_MODELS
from segment1b_assets.storage.digest_memory import Stamp, remembered_sha256, stamp_of
from segment1b_assets.storage.digests import receipt
from segment1b_assets.storage.object_root import ObjectRoot
from segment1b_assets.storage.run_inputs import REFERENCES, RunInputs

#: The run_id, under which S5 and S6 draw. It changes with seed, fingerprint and parameter_hash.
RUN_IDENTITY = "run_identity"
#: The polygon table is observed by country.
POLYGONS = "world_countries"
SEGMENT_1A = ("outlet_catalogue", "validation_bundle_1A")
#: Everything that 1B reads, by dataset id, and the identity that follows from it.
INPUTS: tuple[str, ...] = (*REFERENCES, *SEGMENT_1A, *POLICY_MODELS, RUN_IDENTITY)

_Stamps = tuple[tuple[str, Stamp], ...]
_known: dict[Path, tuple[_Stamps, str]] = {}
_lock = threading.Lock()


def input_version(inputs: RunInputs, dataset: str) -> str | None:
    """The data version of an input as it is now; None where it does not exist.

    A file is hashed again only when its size, inode, time of modification or time of change
    differs; a large one not even in another process (`storage.digest_memory`). For objects in a
    store the ETags count, so nothing is fetched to see that nothing changed.

    Raises:
        Segment1BError: where the path or the identity is unknown (no or several catalogues,
            a reference or policy missing).
    """
    if isinstance(inputs.root, ObjectRoot):
        return _version_in_store(inputs, inputs.root, dataset)
    if dataset == RUN_IDENTITY:
        return inputs.identity.run_id
    path = inputs.ensure_local(dataset)
    files = _files(inputs, dataset, path)
    if not files:
        return None
    try:
        stamp = _stamp_of(files)
        with _lock:
            held = _known.get(path)
        if held is not None and held[0] == stamp:
            return held[1]
        if path.is_file():
            version = remembered_sha256(inputs.root.path, path)[0].hex()
        else:
            version = receipt(path, files)
        # The version of a file that changed while it was read is not cached.
        if _stamp_of(files) == stamp:
            with _lock:
                _known[path] = (stamp, version)
        return version
    except FileNotFoundError:
        return None


def is_fetched(inputs: RunInputs, dataset: str) -> bool:
    """Whether this machine holds an input's current bytes."""
    root = inputs.root
    if not isinstance(root, ObjectRoot):
        return True
    found = root.listings.under(root.relative(inputs.path(dataset)))
    return all(root.mirror.holds(key, stored) for key, stored in found.items())


def _version_in_store(inputs: RunInputs, root: ObjectRoot, dataset: str) -> str | None:
    state: tuple[object, ...]
    if dataset == RUN_IDENTITY:
        decides = ("population_raster_2025", *POLICY_MODELS)
        state = (inputs.outlet_run, *(root.state_of(inputs.path(name)) for name in decides))
        if () in state:
            return None
    else:
        state = root.state_of(inputs.path(dataset))
    return hashlib.sha256(repr(state).encode()).hexdigest() if state else None


def polygon_versions(inputs: RunInputs) -> dict[str, str]:
    """Country -> polygon_sha256: the data version of its row of the polygon table."""
    return {c: inputs.polygon_sha256(c) for c in COUNTRY_CODES if c in inputs.iso_names}


def input_versions(inputs: RunInputs) -> dict[str, str | None]:
    """Dataset id -> data version of every input; None for one that cannot be read."""
    found: dict[str, str | None] = {}
    for dataset in INPUTS:
        try:
            found[dataset] = input_version(inputs, dataset)
        except Segment1BError:
            found[dataset] = None
    return found


def _files(inputs: RunInputs, dataset: str, path: Path) -> Sequence[Path]:
    if dataset == "outlet_catalogue":
        return [p for p in inputs.files_of_input(dataset) if p.is_file()]
    if path.is_dir():
        return sorted(p for p in path.rglob("*") if p.is_file())
    return [path] if path.is_file() else []


def _stamp_of(files: Sequence[Path]) -> _Stamps:
    return tuple((str(path), stamp_of(path)) for path in files)
