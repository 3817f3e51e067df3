"""Which points lie in a country, by GEOS and, near its edges, by rationals (contract S1, S6)."""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np
import shapely
from numpy.typing import NDArray

from segment1b_assets.core.grid import Grid
from segment1b_assets.core.polygon import CountryPolygon
from segment1b_assets.validation.exact_edges import ExactEdges
from segment1b_assets.validation.grid_cells import cell_lines

F64 = NDArray[np.float64]
Bools = NDArray[np.bool_]

#: Degrees; far above the rounding of a longitude to which a shift is added.
NEAR = 1e-9


class CountryPoints:
    """The rule of `center` for single points; longitudes wrap.

    GEOS's predicates are exact for the point that they are given. A point on an edge is decided in
    rationals, and so is one close to an edge where adding a shift has rounded its longitude.

    Attributes:
        geometry: the country, prepared.
        shifts: degrees, the multiples of 360 that may take a longitude of the grid into it.
    """

    def __init__(self, polygon: CountryPolygon, grid: Grid) -> None:
        self.geometry = polygon.geometry
        shapely.prepare(self.geometry)
        self.shifts = _longitude_shifts(polygon.geometry, grid)

    @cached_property
    def edges(self) -> ExactEdges:
        return ExactEdges(self.geometry)

    @cached_property
    def boundary(self) -> shapely.Geometry:
        """The country's rings, prepared."""
        boundary = shapely.boundary(self.geometry)
        shapely.prepare(boundary)
        return boundary

    def strictly_inside(self, lon: F64, lat: F64) -> Bools:
        """bool (n,): points that are in the interior for certain, by GEOS alone."""
        return self._sorted_out(lon, lat)[0]

    def inside(self, lon: F64, lat: F64) -> Bools:
        """bool (n,), exactly: in the interior or on a shell, and not in or on a hole."""
        found, doubtful = self._sorted_out(lon, lat)
        for i in np.flatnonzero(doubtful):
            at = float(lon[i]), float(lat[i])
            found[i] = any(self.edges.contain(*at, shift) for shift in self.shifts)
        return found

    def _sorted_out(self, lon: F64, lat: F64) -> tuple[Bools, Bools]:
        """Points that are inside for certain, and points that are so close that it is not known."""
        found, doubtful = np.zeros(lon.size, bool), np.zeros(lon.size, bool)
        west, _, east, _ = shapely.bounds(self.geometry)
        for shift in self.shifts:
            x = lon + shift
            # A country on the antimeridian has three shifts; two of them take few points to it.
            at = np.flatnonzero((x >= west - 2 * NEAR) & (x <= east + 2 * NEAR))
            x, y = x[at], lat[at]
            within = shapely.contains_xy(self.geometry, x, y)
            if shift:
                close = shapely.dwithin(self.boundary, shapely.points(x, y), NEAR)
            else:  # on the boundary: prepared lines have no index for points, polygons have
                close = ~within
                close[close] = shapely.intersects_xy(self.geometry, x[close], y[close])
            found[at] |= within & ~close
            doubtful[at] |= close
        return found, doubtful & ~found


def inside(points: CountryPoints | None, lon: F64, lat: F64) -> Bools:
    """`CountryPoints.inside` where there may be no polygon, in which no point lies."""
    return np.zeros(lon.size, bool) if points is None else points.inside(lon, lat)


def strictly_inside(points: CountryPoints | None, lon: F64, lat: F64) -> Bools:
    """`CountryPoints.strictly_inside` where there may be no polygon."""
    return np.zeros(lon.size, bool) if points is None else points.strictly_inside(lon, lat)


def _longitude_shifts(polygon: shapely.Geometry, grid: Grid) -> tuple[float, ...]:
    """One more at either end than is needed does no harm, so the bounds are widened."""
    west, _, east, _ = shapely.bounds(polygon)
    lines = cell_lines(grid)
    first = math.ceil((float(west) - float(lines.east[-1]) - 1e-6) / 360.0)
    last = math.floor((float(east) - float(lines.west[0]) + 1e-6) / 360.0)
    return tuple(360.0 * k for k in range(first, last + 1))
