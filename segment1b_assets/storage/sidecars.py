"""Files beside the raster that GDAL would read and 1B ignores (contract §3)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from segment1b_assets.storage.run_inputs import RunInputs

#: Endings that follow the whole name, and endings that replace the name's own.
_AFTER: Final = (".aux.xml", ".msk", ".ovr", ".aux", ".rrd")
_INSTEAD: Final = (".tfw", ".tifw", ".tiffw", ".wld", ".aux", ".rrd", ".tab", ".imd")


def ignored_sidecars(path: Path) -> list[Path]:
    """The sidecars of a raster, in name order; names are compared without case."""
    names = {path.name.lower() + end for end in _AFTER}
    names |= {path.stem.lower() + end for end in _INSTEAD}
    try:
        return sorted(p for p in path.parent.iterdir() if p.name.lower() in names)
    except OSError:
        return []


def sidecar_names(inputs: RunInputs) -> list[str]:
    """The names of the sidecars beside a root's raster, for reports and logs.

    A raster in an object store has none: only the raster is fetched.
    """
    return [path.name for path in ignored_sidecars(inputs.path("population_raster_2025"))]
