"""The grid's cells in plain Python floats, as the contract writes them (section 4, S1)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.core.grid import Grid

F64 = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CellLines:
    """Edges and centres of a grid's columns and rows, degrees, float64.

    Attributes:
        west, east, middle_lon: (ncols,); south, north, middle_lat: (nrows,).
    """

    west: F64
    east: F64
    middle_lon: F64
    south: F64
    north: F64
    middle_lat: F64
    ncols: int

    def rows_and_cols(self, tile_id: NDArray[np.uint64]) -> tuple[NDArray[np.intp], ...]:
        """Row and column of each tile; a tile past the last row (others judge it) is put on it."""
        row, col = np.divmod(tile_id, np.uint64(self.ncols))
        last = np.uint64(self.south.size - 1)
        return np.minimum(row, last).astype(np.intp), col.astype(np.intp)


@lru_cache(maxsize=2)
def cell_lines(grid: Grid) -> CellLines:
    """Scalar arithmetic, one line after the other: not the arrays that the states look up."""
    a, c, e, f = grid.a, grid.c, grid.e, grid.f
    cols, rows = range(grid.ncols), range(grid.nrows)
    return CellLines(
        west=np.array([c + k * a for k in cols]),
        east=np.array([c + (k + 1) * a for k in cols]),
        middle_lon=np.array([c + (k + 0.5) * a for k in cols]),
        south=np.array([f + (r + 1) * e for r in rows]),
        north=np.array([f + r * e for r in rows]),
        middle_lat=np.array([f + (r + 0.5) * e for r in rows]),
        ncols=grid.ncols,
    )
