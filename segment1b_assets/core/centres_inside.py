"""Which of some cells have their centroid in a placement of a country (contract §4, S1)."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.core.fill import fill_center
from segment1b_assets.core.grid import Grid
from segment1b_assets.core.intervals import Ints
from segment1b_assets.core.placement import Placement
from segment1b_assets.core.row_spans import row_bands


class CornerGrid(Grid):
    """The grid whose cells' centroids are another grid's corners, bit for bit.

    So the exact fill of S1 decides corners too. This grid's own edges lie halfway between and only
    select what is near.
    """

    @classmethod
    def of(cls, grid: Grid) -> CornerGrid:
        return cls(grid.a, grid.c, grid.e, grid.f, grid.nrows + 1, grid.ncols + 1)

    @cached_property
    def centroid_lon(self) -> NDArray[np.float64]:
        return self.c + np.arange(self.ncols, dtype=np.float64) * self.a

    @cached_property
    def centroid_lat(self) -> NDArray[np.float64]:
        return self.f + np.arange(self.nrows, dtype=np.float64) * self.e

    @cached_property
    def lon_edges(self) -> NDArray[np.float64]:
        return self.c + (np.arange(self.ncols + 1, dtype=np.float64) - 0.5) * self.a

    @cached_property
    def lat_edges(self) -> NDArray[np.float64]:
        return self.f + (np.arange(self.nrows + 1, dtype=np.float64) - 0.5) * self.e


def centres_inside(placement: Placement, tiles: Ints) -> NDArray[np.bool_]:
    """Whether the centroid of each tile is in the placement by the rule of `center`, exactly.

    Args:
        placement: the parts, their shift, and the grid that the tiles are of.
        tiles: strictly ascending tile ids, int64, shape (tiles,).

    Returns:
        bool, shape (tiles,).
    """
    inside, grid = np.zeros(tiles.size, np.bool_), placement.grid
    # Rows whose centroids an edge crosses, rows within edges beside the grid, and rows that a
    # part only touches with its northernmost vertex or edge.
    rows = (placement.rows_crossed_beside[0], *(row for _, row in placement.on_centroid_rows))
    spans = [placement.crossed, *((row, row + 1) for row in rows)]
    for row_lo, row_hi in row_bands(spans, grid.nrows):
        starts, stops = fill_center(placement, row_lo, row_hi).included
        if starts.size == 0:
            continue
        low, high = np.searchsorted(tiles, (row_lo * grid.ncols, row_hi * grid.ncols))
        run = np.searchsorted(starts, tiles[low:high], side="right") - 1
        inside[low:high] = (run >= 0) & (tiles[low:high] < stops[run])
    return inside
