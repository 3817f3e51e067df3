"""What a finished world holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class WorldSummary:
    """Figures of a world; cells and countries counted under the centre rule."""

    root: Path
    cells_per_degree: int
    seed: int
    manifest_fingerprint: str
    gazetteer_version: str
    rows: int
    cols: int
    iso_countries: int
    polygon_countries: int
    grid_countries: int
    tile_countries: int
    outlet_countries: int
    land_cells: int
    people: float
    merchants: int
    pairs: int
    sites: int
