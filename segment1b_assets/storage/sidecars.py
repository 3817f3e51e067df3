"""Files beside the raster that GDAL would heed and that decide nothing here (contract §3)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

#: Endings that follow the whole name, and endings that replace the name's own.
_AFTER: Final = (".aux.xml", ".msk", ".ovr")
_INSTEAD: Final = (".tfw", ".tifw", ".wld")


def ignored_sidecars(path: Path) -> list[Path]:
    """The sidecars of a raster, in name order; names are compared without their case."""
    names = {path.name.lower() + end for end in _AFTER}
    names |= {path.stem.lower() + end for end in _INSTEAD}
    try:
        return sorted(p for p in path.parent.iterdir() if p.name.lower() in names)
    except OSError:
        return []
