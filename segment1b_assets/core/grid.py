"""The raster's grid: cells, centroids and edges in the exact form of contract §4, S1."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Grid:
    """A north-up grid with affine (a, 0, c, 0, e, f), a > 0 > e, in degrees.

    Every coordinate comes from one of the four arrays below, so it is rounded once.
    """

    a: float
    c: float
    e: float
    f: float
    nrows: int
    ncols: int

    @cached_property
    def centroid_lon(self) -> NDArray[np.float64]:
        """Longitude of each column's centre: c + (k + 0.5) * a, shape (ncols,)."""
        return self.c + (np.arange(self.ncols, dtype=np.float64) + 0.5) * self.a

    @cached_property
    def centroid_lat(self) -> NDArray[np.float64]:
        """Latitude of each row's centre: f + (r + 0.5) * e, shape (nrows,), descending."""
        return self.f + (np.arange(self.nrows, dtype=np.float64) + 0.5) * self.e

    @cached_property
    def lon_edges(self) -> NDArray[np.float64]:
        """Longitude of each column edge: c + k * a, shape (ncols + 1,)."""
        return self.c + np.arange(self.ncols + 1, dtype=np.float64) * self.a

    @cached_property
    def lat_edges(self) -> NDArray[np.float64]:
        """Latitude of each row edge: f + r * e, shape (nrows + 1,), descending."""
        return self.f + np.arange(self.nrows + 1, dtype=np.float64) * self.e
