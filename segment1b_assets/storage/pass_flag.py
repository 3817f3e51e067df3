"""1B's PASS flag, recomputed (contract §4, S9)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.storage.bundle import verify_flag
from segment1b_assets.storage.data_root import DataRoot, default_root
from segment1b_assets.storage.digests import sha256_of
from segment1b_assets.storage.find_identity import find_outlet_run
from segment1b_assets.storage.open_root import open_root


@dataclass(frozen=True)
class PassedSites:
    """The files that a valid flag covers."""

    seed: int
    manifest_fingerprint: str
    flag_sha256_hex: str
    files: tuple[Path, ...]


def pass_flag(
    root: Path | str | None = None, seed: int | None = None, manifest_fingerprint: str | None = None
) -> PassedSites:
    """Recompute 1B's flag and compare every site_locations file with the bundle.

    Raises:
        Segment1BError: E_FLAG_BAD or E_INDEX_BAD, naming the file that is missing, unknown or
            changed; E_INPUT_MISSING where no run, or more than one, fits the choice.
    """
    data = open_root(root if root is not None else default_root())
    if seed is None or manifest_fingerprint is None:
        seed, manifest_fingerprint = find_outlet_run(data, seed, manifest_fingerprint)
    bundle = data.ensure_local(
        data.path_for("validation_bundle_1B", manifest_fingerprint=manifest_fingerprint)
    )
    try:
        digest = verify_flag(bundle)
    except Segment1BError as err:
        raise err.with_next_step(
            "materialise S9 (segment1b run --states s9); it names what is wrong"
        ) from err
    identity: Any = _json(bundle / "s9_summary.json").get("identity", {})
    if not isinstance(identity, dict) or str(identity.get("seed")) != str(seed):
        raise Segment1BError(
            "E_FLAG_BAD", "the bundle is of another seed", file=bundle, value=identity
        )
    egress = _json(bundle / "egress_checksums.json")
    tokens = {"seed": str(seed), "manifest_fingerprint": manifest_fingerprint}
    countries = data.ensure_local(data.path_for("site_locations", **tokens, country="AA").parent)
    there = {data.relative(p): p for p in countries.glob("country=*/*")}
    for name in sorted({*egress, *there}):
        _compare(data, name, egress.get(name), there.get(name))
    return PassedSites(
        seed, manifest_fingerprint, digest, tuple(there[name] for name in sorted(there))
    )


def _compare(data: DataRoot, name: str, expected: str | None, path: Path | None) -> None:
    country = Path(name).parent.name.removeprefix("country=")
    next_step = f"materialise {country} again, then S9 (validation_bundle_1B)"
    if path is None:
        what = "a file of the bundle is missing"
    elif expected is None:
        what = "a file among the site locations is not in the bundle"
    elif sha256_of(path).hex() != expected:
        what = "a file differs from the bundle's digest"
        next_step = f"segment1b repair --dataset site_locations --country {country}"
    else:
        return
    raise Segment1BError(
        "E_FLAG_BAD",
        f"{what}: {name}",
        file=data.path / name,
        next_step=next_step,
    )


def _json(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as err:
        raise Segment1BError("E_FLAG_BAD", f"cannot be read: {err}", file=path) from err
    if not isinstance(document, dict):
        raise Segment1BError("E_FLAG_BAD", "is not a JSON object", file=path)
    return document
