"""Counts of a foreign grid's cells, handed to the cells of a grid in degrees without loss.

GDAL's resampling by sum takes the box round a target cell's corners, so that on a curved map people
near the edges of two boxes are counted twice or not at all. Here it goes the other way round: each
source cell is cut into n × n equal parts, and each part's share goes to the one target cell that
its centre lies in. So the sum is kept, whatever the map.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from segment1b_assets.core.cell_area import zone_area
from segment1b_assets.imports.target_grid import TargetGrid

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_TURN = 360.0


@dataclass(frozen=True)
class Share:
    """What some source cells give to target cells.

    Attributes:
        row, col: int64, shape (m,), target cells; outside of the grid where it does not reach.
        count: float64, shape (m,), alongside.
    """

    row: Ints
    col: Ints
    count: Floats


class CellSpreader:
    """Spreads the cells of one source grid over a target grid."""

    def __init__(self, affine: Affine, to_degrees: Any, target: TargetGrid, parts: int) -> None:
        """
        Args:
            affine: of the source, from (column, row) to its CRS.
            to_degrees: a function of two float64 arrays x, y in the source's CRS that gives
                longitude and latitude, infinite where the map has none.
            target: the grid to spread over.
            parts: n, parts of a cell's side.
        """
        self._affine = affine
        self._to_degrees = to_degrees
        self._target = target
        self._parts = parts

    def corners(self, row: Ints, col: Ints) -> tuple[Floats, Floats]:
        """Longitudes and latitudes of cells' corners, each float64, shape (cells, 4).

        North-west, north-east, south-west, south-east; longitudes run on past ±180 within a cell.
        """
        down, right = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
        r, c = row[:, None] + down, col[:, None] + right
        width = int(c.max()) + 1
        # Neighbours share corners: each is moved once.
        key, index = np.unique(r * width + c, return_inverse=True)
        lon, lat = self._to_degrees(*self._places(key % width, key // width))
        lon, lat = lon[index.reshape(r.shape)], lat[index.reshape(r.shape)]
        with np.errstate(invalid="ignore"):
            lon = lon - _TURN * np.rint((lon - lon[:, :1]) / _TURN)
        return lon, lat

    def areas_km2(self, row: Ints, col: Ints) -> Floats:
        """Areas of cells on the WGS84 ellipsoid in km², shape (cells,); NaN off the map."""
        lon, lat = self.corners(row, col)
        around = [0, 1, 3, 2]
        with np.errstate(invalid="ignore"):
            up = np.copysign(zone_area(np.zeros_like(lat), np.abs(lat), 1.0), lat)
            x, y = lon[:, around] - lon[:, :1], up[:, around]
            twice = (x * np.roll(y, -1, 1) - np.roll(x, -1, 1) * y).sum(axis=1)
        area: Floats = np.abs(twice) / 2 * 1e-6
        return area

    def shares(self, row: Ints, col: Ints, count: Floats) -> Iterator[Share]:
        """What cells give, one share a part of the cell's side squared.

        Args:
            row, col: int64, shape (cells,), source cells.
            count: float64, shape (cells,), finite.
        """
        lon, lat = self.corners(row, col)
        whole = np.isfinite(lon).all(axis=1) & np.isfinite(lat).all(axis=1)
        if not whole.all():
            yield self._at_the_edge(row[~whole], col[~whole], count[~whole])
        lon, lat, count = lon[whole], lat[whole], count[whole]
        n = self._parts
        part = count / (n * n)
        for i in range(n):
            for j in range(n):
                v, u = (i + 0.5) / n, (j + 0.5) / n
                weight = np.array([(1 - u) * (1 - v), u * (1 - v), (1 - u) * v, u * v])
                yield self._share(lon @ weight, lat @ weight, part)

    def _at_the_edge(self, row: Ints, col: Ints, count: Floats) -> Share:
        """Cells that the map's edge runs through: their parts on the map share the count."""
        n = max(self._parts, 8)
        at = (np.arange(n) + 0.5) / n
        c = (col[:, None, None] + at[None, None, :]) + np.zeros((1, n, 1))
        r = (row[:, None, None] + at[None, :, None]) + np.zeros((1, 1, n))
        lon, lat = self._to_degrees(*self._places(c.ravel(), r.ravel()))
        on = (np.isfinite(lon) & np.isfinite(lat)).reshape(len(row), n * n)
        parts = on.sum(axis=1)
        each = np.divide(count, parts, out=np.zeros_like(count), where=parts > 0)
        flat = on.ravel()
        return self._share(lon[flat], lat[flat], np.repeat(each, n * n)[flat])

    def _places(self, col: NDArray[Any], row: NDArray[Any]) -> tuple[Floats, Floats]:
        a, b, c, d, e, f = tuple(self._affine)[:6]
        return a * col + b * row + c, d * col + e * row + f

    def _share(self, lon: Floats, lat: Floats, count: Floats) -> Share:
        grid = self._target
        col = np.floor(np.mod(lon - grid.west, _TURN) / grid.size_x).astype(np.int64)
        row = np.floor((grid.north - lat) / grid.size_y).astype(np.int64)
        row[(row == grid.nrows) & (lat <= -90.0 + grid.size_y / 1024)] = grid.nrows - 1
        return Share(row, col, count)
