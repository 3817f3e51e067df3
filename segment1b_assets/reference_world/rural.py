"""The rural background: people outside the listed towns, near the towns of their country.

Computed on a quarter-degree grid, for any grid of the world, and interpolated: a density that
falls off over about a degree from the nearest settlements and is zero in empty country, so that
deserts and ice sheets really are empty.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.reference_world.gazetteer import Settlements
from segment1b_assets.reference_world.grid import KM_PER_DEGREE, NORTH, WEST, WorldGrid
from segment1b_assets.reference_world.land import LandCover

COARSE = WorldGrid(4)
FINE = WorldGrid(20)  # the land of a coarse cell is counted on its 25 fine ones
BLUR_HALF = 2  # coarse cells; three passes reach 6 cells, 1.5 degrees
DENSEST_PER_KM2 = 1500.0


class RuralDensity:
    """People per km² of land on the coarse grid."""

    def __init__(self, settlements: Settlements, land: LandCover) -> None:
        n = COARSE.cells_per_degree
        row = np.floor((NORTH - settlements.lat) * n).astype(np.int64)
        col = np.floor((settlements.lon - WEST) * n).astype(np.int64) % COARSE.cols
        seen = (row >= 0) & (row < COARSE.rows)
        people = np.bincount(
            row[seen] * COARSE.cols + col[seen],
            weights=settlements.rural_people[seen],
            minlength=COARSE.rows * COARSE.cols,
        ).reshape(COARSE.rows, COARSE.cols)
        step = FINE.cells_per_degree // n
        dry = land.owners(FINE, 0, FINE.rows) > 0
        share = dry.reshape(COARSE.rows, step, COARSE.cols, step).mean(axis=(1, 3))
        # Islets between the fine centres are land too: a floor of a hundredth keeps it finite.
        km2 = np.maximum(share, 0.01) * _cell_km2(COARSE, 0, COARSE.rows)[:, None]
        density = _blur(people.astype(np.float64)) / _blur(km2)
        self._density = np.minimum(density, DENSEST_PER_KM2)

    def add_to(self, cells: NDArray[np.float32], grid: WorldGrid, first: int) -> None:
        """Adds the background to people per cell, rows from `first`, in place; sea included."""
        stop = first + len(cells)
        ratio = COARSE.cells_per_degree / grid.cells_per_degree
        low_row, next_row, row_part = _between(first, stop, ratio, COARSE.rows, wrap=False)
        low_col, next_col, col_part = _between(0, grid.cols, ratio, COARSE.cols, wrap=True)
        area = _cell_km2(grid, first, stop)
        for i in range(len(cells)):
            across = self._density[low_row[i]] * (1.0 - row_part[i])
            across = (across + self._density[next_row[i]] * row_part[i]) * area[i]
            cells[i] += across[low_col] * (1.0 - col_part) + across[next_col] * col_part


def _cell_km2(grid: WorldGrid, first: int, stop: int) -> NDArray[np.float64]:
    """Area of a cell of each row, km² on the sphere."""
    edge = KM_PER_DEGREE / grid.cells_per_degree
    lats = grid.centre_lats(first, stop).tolist()
    return np.array([edge * edge * math.cos(math.radians(lat)) for lat in lats])


def _blur(field: NDArray[np.float64]) -> NDArray[np.float64]:
    """Three passes of a moving mean either way; columns wrap, rows end in zero."""
    width = 2 * BLUR_HALF + 1
    for _ in range(3):
        padded = np.pad(field, ((BLUR_HALF, BLUR_HALF), (0, 0)))
        down = [padded[i : i + len(field)] for i in range(width)]
        field = np.sum(down, axis=0) / width
        across = [np.roll(field, i - BLUR_HALF, axis=1) for i in range(width)]
        field = np.sum(across, axis=0) / width
    return field


def _between(
    first: int, stop: int, ratio: float, size: int, *, wrap: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Coarse neighbours of fine centres and how far each lies between them, 0..1."""
    place = (np.arange(first, stop) + 0.5) * ratio - 0.5
    low = np.floor(place).astype(np.int64)
    part = place - low
    if wrap:
        return low % size, (low + 1) % size, part
    return np.clip(low, 0, size - 1), np.clip(low + 1, 0, size - 1), part
