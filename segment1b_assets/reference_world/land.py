"""The country of every land cell, in bands of rows.

Only the raster's sea and the choice of outlet countries depend on it; S1 decides the tiles
exactly. So GDAL's tie-breaking at a centre on an edge is good enough.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import rasterio.features
import shapely
from numpy.typing import NDArray

from segment1b_assets.reference_world.grid import EAST, NORTH, WEST, WorldGrid


class LandCover:
    """Polygons ready to be burnt band by band; owner i + 1 is `geometries[i]`."""

    def __init__(self, geometries: NDArray[Any]) -> None:
        self.owner_count = len(geometries)
        self._parts, self._owner = shapely.get_parts(geometries, return_index=True)
        self._bounds = shapely.bounds(self._parts)

    def owners(self, grid: WorldGrid, first_row: int, stop_row: int) -> NDArray[np.int16]:
        """Owner of every cell of the rows, int16 (rows, cols); 0 is sea. A cell is its centre's."""
        step = 1.0 / grid.cells_per_degree
        top, bottom = NORTH - first_row * step, NORTH - stop_row * step
        near = (self._bounds[:, 1] <= top) & (self._bounds[:, 3] >= bottom)
        clipped = shapely.clip_by_rect(
            self._parts[near], WEST - step, bottom - step, EAST + step, top + step
        )
        burn = [
            (shape, int(owner))
            for shape, owner in zip(clipped, self._owner[near] + 1, strict=True)
            if not shape.is_empty
        ]
        size = (stop_row - first_row, grid.cols)
        if not burn:
            return np.zeros(size, dtype=np.int16)
        out: NDArray[np.int16] = rasterio.features.rasterize(
            burn,
            out_shape=size,
            transform=grid.band_affine(first_row),
            fill=0,
            dtype="int16",
        )
        return out


def owns_a_tile(geometry: shapely.Geometry, burnt_cells: int, grid: WorldGrid) -> bool:
    """True where some cell's centre is strictly inside the country.

    Many burnt cells are proof enough; for a few the centres are tested one by one.
    """
    if burnt_cells > 8:
        return True
    n = grid.cells_per_degree
    for part in shapely.get_parts(geometry):
        west, south, east, north = shapely.bounds(part)
        rows = (
            max(0, int((NORTH - north) * n) - 1),
            min(grid.rows, int((NORTH - south) * n) + 2),
        )
        cols = (
            max(0, int((west - WEST) * n) - 1),
            min(grid.cols, int((east - WEST) * n) + 2),
        )
        if rows[0] < rows[1]:
            lon, lat = np.meshgrid(grid.centre_lons(*cols), grid.centre_lats(*rows))
            if bool(shapely.contains_xy(part, lon, lat).any()):
                return True
    return False
