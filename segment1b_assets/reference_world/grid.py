"""The grid of a reference world: cells per degree over 84°N to 56°S, all longitudes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from affine import Affine
from numpy.typing import NDArray

NORTH, SOUTH, WEST, EAST = 84, -56, -180, 180
KM_PER_DEGREE = 111.195  # of a meridian on the mean sphere; areas only shape an invented density


@dataclass(frozen=True)
class WorldGrid:
    """North-up EPSG:4326 grid with `cells_per_degree` cells along a degree."""

    cells_per_degree: int

    @property
    def rows(self) -> int:
        return (NORTH - SOUTH) * self.cells_per_degree

    @property
    def cols(self) -> int:
        return (EAST - WEST) * self.cells_per_degree

    @property
    def affine(self) -> Affine:
        return self.band_affine(0)

    def band_affine(self, first_row: int) -> Affine:
        step = 1.0 / self.cells_per_degree
        return Affine(step, 0.0, float(WEST), 0.0, -step, NORTH - first_row * step)

    def centre_lats(self, first_row: int, stop_row: int) -> NDArray[np.float64]:
        """Latitudes of the row centres, degrees, in the contract's own form f + (r + 0.5)·e."""
        return NORTH + (np.arange(first_row, stop_row, dtype=np.float64) + 0.5) * (
            -1.0 / self.cells_per_degree
        )

    def centre_lons(self, first_col: int, stop_col: int) -> NDArray[np.float64]:
        return WEST + (np.arange(first_col, stop_col, dtype=np.float64) + 0.5) * (
            1.0 / self.cells_per_degree
        )
