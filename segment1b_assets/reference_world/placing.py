"""Moves a finished world into its root: new files are renamed in, equal ones are kept."""

from __future__ import annotations

import filecmp
import os
import shutil
from contextlib import suppress
from pathlib import Path

from segment1b_assets.reference_world.errors import WorldError

STAGING = ".staging/reference-world"
CATALOGUES = "layer1/1A/outlet_catalogue"


def open_staging(root: Path) -> Path:
    """An empty folder inside `root`, so that renames stay in one file system; leftovers
    of an interrupted build are removed first."""
    staging = root / STAGING
    if staging.exists():
        shutil.rmtree(staging)
    staging.mkdir(parents=True)
    return staging


def refuse_other_world(root: Path, partition: str) -> None:
    """Raises WorldError, before any work, where `root` already holds another catalogue."""
    found = sorted(
        path.relative_to(root / CATALOGUES).as_posix()
        for path in (root / CATALOGUES).glob("seed=*/manifest_fingerprint=*")
    )
    others = [name for name in found if name != partition]
    if others:
        raise WorldError(
            f"{root} already holds another world (outlet catalogue {others[0]}, where this one "
            f"would be {partition}); name an empty folder with --root"
        )


def place(staging: Path, root: Path) -> None:
    """Renames every staged file into `root`, all or (where one differs from an existing file)
    none. Raises WorldError naming the files that differ."""
    names = sorted(p.relative_to(staging) for p in staging.rglob("*") if p.is_file())
    present = [name for name in names if (root / name).exists()]
    different = [
        name.as_posix()
        for name in present
        if not filecmp.cmp(staging / name, root / name, shallow=False)
    ]
    if different:
        raise WorldError(
            f"{root} holds other bytes than this world in {', '.join(different)}; nothing was "
            "changed; name an empty folder with --root, or move these files away first"
        )
    for name in names:
        if name not in present:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(staging / name, root / name)


def discard(staging: Path) -> None:
    """Removes what is left of the staging folder, and its parent if nobody else stages there."""
    shutil.rmtree(staging, ignore_errors=True)
    with suppress(OSError):
        staging.parent.rmdir()
