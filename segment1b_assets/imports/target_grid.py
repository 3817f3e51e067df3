"""The grid that a foreign raster is brought to (contract §3, Raster)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

_USUAL_CELLS_PER_DEGREE: Final = (
    1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 24, 30, 40, 60, 120, 240, 360, 400, 600, 1200, 3600,
)  # fmt: skip
METRES_A_DEGREE: Final = 111_320.0
#: Cells: two grids whose edges differ by less are one grid, its numbers rounded.
_SAME: Final = 0.01


@dataclass(frozen=True)
class TargetGrid:
    """North-up cells in degrees: column k spans [west + k·size, west + (k + 1)·size).

    Attributes:
        west, north: degrees, of the outer corner.
        size_x, size_y: degrees, positive.
        nrows, ncols: cells.
    """

    west: float
    north: float
    size_x: float
    size_y: float
    nrows: int
    ncols: int


def usual_cells_per_degree(cell_metres: float) -> int:
    """The usual number of cells a degree that comes next to a cell of so many metres."""
    wanted = METRES_A_DEGREE / cell_metres
    return min(_USUAL_CELLS_PER_DEGREE, key=lambda n: abs(math.log(n / wanted)))


def grid_by_degree(bounds: tuple[float, float, float, float], cells_per_degree: int) -> TargetGrid:
    """The grid of whole cells from (-180, 90) on that covers (west, south, east, north)."""
    n = cells_per_degree
    west, south, east, north = bounds
    left, right = math.floor(west * n + _SAME), math.ceil(east * n - _SAME)
    top = min(math.ceil(north * n - _SAME), 90 * n)
    bottom = max(math.floor(south * n + _SAME), -90 * n)
    right = min(right, left + 360 * n)
    return TargetGrid(left / n, top / n, 1 / n, 1 / n, max(top - bottom, 1), max(right - left, 1))


def common_grid(
    grids: Sequence[TargetGrid],
) -> TargetGrid | None:
    """One grid that holds the cells of all, edge on edge; None where they do not fit together."""
    first = grids[0]
    columns, rows = [], []
    for grid in grids:
        if not (
            abs(grid.size_x / first.size_x - 1) * max(grid.ncols, first.ncols) < _SAME
            and abs(grid.size_y / first.size_y - 1) * max(grid.nrows, first.nrows) < _SAME
        ):
            return None
        column = (grid.west - first.west) / first.size_x
        row = (first.north - grid.north) / first.size_y
        if max(abs(column - round(column)), abs(row - round(row))) > 2 * _SAME:
            return None
        columns.append((round(column), round(column) + grid.ncols))
        rows.append((round(row), round(row) + grid.nrows))
    left, right = min(c[0] for c in columns), max(c[1] for c in columns)
    top, bottom = min(r[0] for r in rows), max(r[1] for r in rows)
    return TargetGrid(
        first.west + left * first.size_x, first.north - top * first.size_y,
        first.size_x, first.size_y, bottom - top, right - left,
    )  # fmt: skip


def inside(grid: TargetGrid, bounds: tuple[float, float, float, float]) -> TargetGrid:
    """The part of a grid that meets (west, south, east, north), in whole cells."""
    west, south, east, north = bounds
    left = int(np.clip(math.floor((west - grid.west) / grid.size_x), 0, grid.ncols - 1))
    right = int(np.clip(math.ceil((east - grid.west) / grid.size_x), left + 1, grid.ncols))
    top = int(np.clip(math.floor((grid.north - north) / grid.size_y), 0, grid.nrows - 1))
    bottom = int(np.clip(math.ceil((grid.north - south) / grid.size_y), top + 1, grid.nrows))
    return TargetGrid(
        grid.west + left * grid.size_x, grid.north - top * grid.size_y,
        grid.size_x, grid.size_y, bottom - top, right - left,
    )  # fmt: skip
