"""Each town's people over the land cells round it, by a biweight kernel.

The kernel (1 - d²)² needs no transcendental function, so every machine gets the same bits.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.reference_world.gazetteer import Settlements
from segment1b_assets.reference_world.grid import KM_PER_DEGREE, NORTH, WEST, WorldGrid

PEOPLE_PER_KM2 = 1200.0  # mean density of a built-up area with its suburbs
WIDEST_KM = 80.0
CHUNK_CELLS = 2_000_000


class TownKernels:
    """Towns on a grid, grouped by the size of the window that their kernel needs."""

    def __init__(self, grid: WorldGrid, settlements: Settlements) -> None:
        self._grid = grid
        n = grid.cells_per_degree
        self._y = (NORTH - settlements.lat) * n  # in cells from the grid's north-west corner
        self._x = (settlements.lon - WEST) * n
        self._row = np.floor(self._y).astype(np.int64)
        self._col = np.floor(self._x).astype(np.int64)
        self._people = settlements.people
        km = np.sqrt(settlements.people / (PEOPLE_PER_KM2 * math.pi))
        reach = np.minimum(km, WIDEST_KM) / KM_PER_DEGREE * n
        shrink = np.array([math.cos(math.radians(lat)) for lat in settlements.lat.tolist()])
        # At least one cell, so that the nearest centre always has weight.
        self._reach_rows = np.maximum(reach, 1.0)
        self._reach_cols = np.maximum(reach / np.maximum(shrink, 0.05), 1.0)
        self._half_rows = _window_half(self._reach_rows)
        self._half_cols = np.minimum(_window_half(self._reach_cols), grid.cols // 2 - 1)
        on_grid = (self._row >= 0) & (self._row < grid.rows)
        self._groups = _groups(self._half_rows, self._half_cols, np.flatnonzero(on_grid))

    def halo_rows(self, first: int, stop: int) -> int:
        """Rows of land beyond rows [first, stop) that `spread` needs to see on either side."""
        low, high = self._row - self._half_rows, self._row + self._half_rows
        touching = (high >= first) & (low < stop)
        if not touching.any():
            return 0
        return int(max(first - low[touching].min(), high[touching].max() + 1 - stop, 0))

    def spread(
        self, land: NDArray[np.bool_], land_first: int, first: int, stop: int
    ) -> NDArray[np.float32]:
        """People per cell for rows [first, stop), float32; `land` starts at row `land_first`.

        A town whose window holds no land puts all its people in its own cell.
        """
        out = np.zeros((stop - first, self._grid.cols), dtype=np.float32)
        for half_rows, half_cols, members in self._groups:
            row = self._row[members]
            towns = members[(row + half_rows >= first) & (row - half_rows < stop)]
            window = (2 * half_rows + 1) * (2 * half_cols + 1)
            step = max(1, CHUNK_CELLS // window)
            for start in range(0, len(towns), step):
                chunk = towns[start : start + step]
                self._spread_chunk(chunk, half_rows, half_cols, land, land_first, first, out)
        return out

    def _spread_chunk(
        self,
        towns: NDArray[np.int64],
        half_rows: int,
        half_cols: int,
        land: NDArray[np.bool_],
        land_first: int,
        first: int,
        out: NDArray[np.float32],
    ) -> None:
        rows = self._row[towns, None] + np.arange(-half_rows, half_rows + 1)
        cols = self._col[towns, None] + np.arange(-half_cols, half_cols + 1)
        dy = (rows + 0.5 - self._y[towns, None]) / self._reach_rows[towns, None]
        dx = (cols + 0.5 - self._x[towns, None]) / self._reach_cols[towns, None]
        closeness = np.maximum(1.0 - (dy * dy)[:, :, None] - (dx * dx)[:, None, :], 0.0)
        weight = closeness * closeness
        cols %= self._grid.cols
        on_grid = (rows >= 0) & (rows < self._grid.rows)
        seen = np.clip(rows - land_first, 0, len(land) - 1)
        dry = land[seen[:, :, None], cols[:, None, :]] & on_grid[:, :, None]
        weight *= dry
        total = weight.sum(axis=(1, 2))
        adrift = total == 0
        weight[adrift, half_rows, half_cols] = 1.0
        weight *= (self._people[towns] / np.where(adrift, 1.0, total))[:, None, None]
        inside = (rows >= first) & (rows < first + len(out))
        hit = inside[:, :, None] & (weight > 0)
        target = (rows - first)[:, :, None] * out.shape[1] + cols[:, None, :]
        np.add.at(out.reshape(-1), target[hit], weight[hit].astype(np.float32))


def _window_half(reach: NDArray[np.float64]) -> NDArray[np.int64]:
    """Half a window's width in cells: enough for `reach`, in few distinct sizes."""
    sizes = np.unique(np.rint(1.25 ** np.arange(1, 40)).astype(np.int64))
    return sizes[np.searchsorted(sizes, np.ceil(reach))]


def _groups(
    half_rows: NDArray[np.int64],
    half_cols: NDArray[np.int64],
    members: NDArray[np.int64],
) -> list[tuple[int, int, NDArray[np.int64]]]:
    sizes = np.stack([half_rows[members], half_cols[members]], axis=1)
    kinds, index = np.unique(sizes, axis=0, return_inverse=True)
    index = index.ravel()
    return [(int(r), int(c), members[index == i]) for i, (r, c) in enumerate(kinds.tolist())]
