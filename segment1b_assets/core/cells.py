"""Bounds and centroids of given tiles, looked up in the grid (contract §4, S1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.core.grid import Grid
from segment1b_assets.core.philox import U64

F64 = NDArray[np.float64]


@dataclass(frozen=True)
class Cells:
    """Cells of n tiles in degrees, float64 (n,) each, the binary64 values of the grid."""

    min_lon: F64
    max_lon: F64
    min_lat: F64
    max_lat: F64
    centroid_lon: F64
    centroid_lat: F64

    def hold(self, lon: F64, lat: F64) -> NDArray[np.bool_]:
        """Whether each point lies in its closed cell, bool (n,)."""
        across = (lon >= self.min_lon) & (lon <= self.max_lon)
        up = (lat >= self.min_lat) & (lat <= self.max_lat)
        held: NDArray[np.bool_] = across & up
        return held


def cells_of(grid: Grid, tile_id: U64) -> Cells:
    """The cells of `tile_id`, uint64 (n,).

    Raises:
        IndexError: a tile lies beyond the grid's last row.
    """
    row, col = row_and_col(grid, tile_id)
    return Cells(
        min_lon=grid.lon_edges[col],
        max_lon=grid.lon_edges[col + 1],
        min_lat=grid.lat_edges[row + 1],
        max_lat=grid.lat_edges[row],
        centroid_lon=grid.centroid_lon[col],
        centroid_lat=grid.centroid_lat[row],
    )


def row_and_col(grid: Grid, tile_id: U64) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Raster row and column of each tile, signed integers (n,) fit for indexing."""
    row = tile_id // np.uint64(grid.ncols)
    col = tile_id - row * np.uint64(grid.ncols)
    return row.astype(np.intp), col.astype(np.intp)
