"""The 1A run that 1B builds on: found under the root, or chosen by the user (contract §1)."""

from __future__ import annotations

from segment1b_assets.contracts.dictionary import dictionary
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.storage.data_root import DataRoot


def find_outlet_run(
    root: DataRoot, seed: int | None = None, manifest_fingerprint: str | None = None
) -> tuple[int, str]:
    """The (seed, manifest_fingerprint) of the one outlet catalogue that fits the choice.

    Raises:
        Segment1BError: E_INPUT_MISSING where none or several fit; lists what was found.
    """
    entry = dictionary()["outlet_catalogue"]
    found = []
    for folder in root.find_paths("outlet_catalogue"):
        tokens = entry.match(root.relative(folder))
        if tokens and int(tokens["seed"]) < 1 << 64:
            found.append((int(tokens["seed"]), tokens["manifest_fingerprint"]))
    fitting = [
        (s, f)
        for s, f in found
        if seed in (None, s) and manifest_fingerprint in (None, f)
    ]  # fmt: skip
    if len(fitting) == 1:
        return fitting[0]
    listing = "; ".join(f"seed={s} manifest_fingerprint={f}" for s, f in found) or "nothing"
    choice = f" for seed={seed}, manifest_fingerprint={manifest_fingerprint}" if found else ""
    raise Segment1BError(
        "E_INPUT_MISSING",
        f"{'no' if not fitting else 'more than one'} outlet catalogue{choice}; found: {listing}",
        file=root.path / entry.path,
        next_step="put one catalogue under the root, or choose with --seed and "
        "--manifest-fingerprint (in the web UI: the segment1b resource's config)",
    )
