"""What a country costs in S1 to S8, estimated before anything is made of it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from segment1b_assets.storage.run_inputs import RunInputs

if TYPE_CHECKING:
    from segment1b_assets.core.grid import Grid

# In tiles, 0.5 us of CPU each with every state and check. By the runs of docs/machines.md over the
# 30 arc-second world: 27 s for Russia alone (42 million tiles), 38 s for 22 countries of 16
# million, 5 s of each for the start. So a country costs 1.1 s, whatever its size, with the
# history in PostgreSQL. An outlet costs some 20 us (S3 to S8 with 1.7 million of them
# instead of 0.17).
COUNTRY_TILES = 2_000_000
OUTLET_TILES = 40


def country_cost(inputs: RunInputs, country: str) -> int:
    """The cost in tiles: the polygon's area in cells, the outlets, and what every country costs.

    Raises:
        Segment1BError: an input as a whole cannot be read.
    """
    tiles = _cells_inside(inputs.shapes.wkb.get(country), inputs.grid)
    return COUNTRY_TILES + tiles + OUTLET_TILES * inputs.demand(country)


def _cells_inside(wkb: bytes | None, grid: Grid) -> int:
    """The polygon's area on the raster, in cells; 0 where it cannot be read, which S1 reports.

    In the plane of degrees all cells are equal, so this is the number of tiles, but for the border.
    """
    import shapely  # takes as long as the rest of a command that only shows its help

    east, south = grid.c + grid.ncols * grid.a, grid.f + grid.nrows * grid.e
    area = 0.0
    try:
        geometry = shapely.from_wkb(wkb)
        for turn in (-360, 0, 360):  # a polygon across the antimeridian continues past 180
            on_it = shapely.clip_by_rect(geometry, grid.c + turn, south, east + turn, grid.f)
            area += float(shapely.area(on_it))
    except shapely.errors.ShapelyError:
        return 0
    return round(area / (grid.a * -grid.e)) if math.isfinite(area) else 0
