"""By how many whole turns a grid's longitudes can meet a polygon's (contract §3: wrap)."""

from __future__ import annotations

import math

import shapely

from segment1b_assets.core.grid import Grid
from segment1b_assets.validation.grid_cells import cell_lines


def turns_between(polygon: shapely.Geometry, grid: Grid) -> tuple[float, ...]:
    """Degrees, multiples of 360, that may take a longitude of the grid into the polygon.

    One more at either end than floats say are needed would do no harm, one less would: so the
    bounds are widened by far more than they can be rounded.
    """
    west, _, east, _ = shapely.bounds(polygon)
    lines = cell_lines(grid)
    first = math.ceil((float(west) - float(lines.east[-1]) - 1e-6) / 360.0)
    last = math.floor((float(east) - float(lines.west[0]) + 1e-6) / 360.0)
    return tuple(360.0 * k for k in range(first, last + 1))
