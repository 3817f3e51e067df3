"""Which points lie in a country, by GEOS and, on its edges, by rationals (contract S1, S6)."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import shapely
from numpy.typing import NDArray

from segment1b_assets.core.grid import Grid
from segment1b_assets.core.polygon import CountryPolygon
from segment1b_assets.validation.turns import turns_between

F64 = NDArray[np.float64]

#: Degrees; far above the rounding of a longitude to which turns are added.
_NEAR = 1e-9


class CountryPoints:
    """The rule of `center` for single points.

    GEOS says which points are strictly inside. What it does not find inside is on an edge or
    outside; that is decided in rationals, one point after the other, for there is next to none.
    Longitudes wrap; where turns round a longitude, a point close to an edge counts as not found.
    """

    def __init__(self, polygon: CountryPolygon, grid: Grid) -> None:
        self._geometry = polygon.geometry
        shapely.prepare(self._geometry)
        self._turns = turns_between(polygon.geometry, grid)
        self._boundary = shapely.boundary(self._geometry)
        shapely.prepare(self._boundary)

    def strictly_inside(self, lon: F64, lat: F64) -> NDArray[np.bool_]:
        """bool (n,): points that are in the interior for certain, by GEOS."""
        found = np.zeros(lon.size, bool)
        for turn in self._turns:
            open_yet = np.flatnonzero(~found)
            at = lon[open_yet] + turn
            held = shapely.contains_xy(self._geometry, at, lat[open_yet])
            if turn:
                placed = shapely.points(at[held], lat[open_yet][held])
                held[held] = ~shapely.dwithin(self._boundary, placed, _NEAR)
            found[open_yet] = held
        return found

    def belongs(self, lon: float, lat: float) -> bool:
        """Exactly: in the interior or on an outer boundary, and not on a hole's."""
        return any(
            _in_part(part, Fraction(lon) + Fraction(turn), Fraction(lat))
            for turn in self._turns
            for part in shapely.get_parts(self._geometry)
        )


def strictly_inside(points: CountryPoints | None, lon: F64, lat: F64) -> NDArray[np.bool_]:
    """The same where there may be no polygon, in which no point lies."""
    return np.zeros(lon.size, bool) if points is None else points.strictly_inside(lon, lat)


def _in_part(part: shapely.Polygon, x: Fraction, y: Fraction) -> bool:
    west, south, east, north = part.bounds
    if not (west <= x <= east and south <= y <= north):
        return False
    if _place(part.exterior, x, y) < 0:
        return False
    return all(_place(hole, x, y) < 0 for hole in part.interiors)


def _place(ring: shapely.LinearRing, x: Fraction, y: Fraction) -> int:
    """1 inside the ring, 0 on it, -1 outside."""
    xy = shapely.get_coordinates(ring)
    # Only edges at the point's height matter; y was a binary64, so the comparison is exact.
    low, high = np.minimum(xy[:-1, 1], xy[1:, 1]), np.maximum(xy[:-1, 1], xy[1:, 1])
    inside = False
    for i in np.flatnonzero((low <= float(y)) & (high >= float(y))):
        (x1, y1), (x2, y2) = (map(Fraction, map(float, xy[j])) for j in (i, i + 1))
        turn = (x2 - x1) * (y - y1) - (y2 - y1) * (x - x1)
        if turn == 0 and min(x1, x2) <= x <= max(x1, x2):
            return 0
        if (y1 > y) != (y2 > y):
            inside ^= (turn > 0) == (y2 > y1)
    return 1 if inside else -1
