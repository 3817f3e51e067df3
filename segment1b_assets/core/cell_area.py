"""Area of a grid's cells on the WGS84 ellipsoid (contract §4, S1: pixel_area_m2).

Between the parallels with sines s1 < s2 the ellipsoid's area per radian of longitude is

    b^2 / 2 * [ s / (1 - e^2 s^2) + atanh(e s) / e ]  taken from s1 to s2.

Computed as written the difference cancels: a 30 arc-second cell would lose five digits. With
ds = s2 - s1 = 2 cos(mid) sin(half height) both terms have closed differences without cancellation,

    ds (1 + e^2 s1 s2) / ((1 - e^2 s1^2) (1 - e^2 s2^2))   and   atanh(e ds / (1 - e^2 s1 s2)) / e,

each with a relative error of a few units in the last place.

The sine and the inverse hyperbolic tangent are series of products and sums, which IEEE 754 rounds
the same everywhere: numpy's and the C library's own differ in the last place from one processor to
the next, and the areas are published.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import factorial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.core.grid import Grid

Floats = NDArray[np.float64]

#: WGS84: semi-major axis in metres, flattening.
SEMI_MAJOR_M = 6378137.0
FLATTENING = 1 / 298.257223563

_E2 = FLATTENING * (2 - FLATTENING)
_E = np.sqrt(_E2)
_SEMI_MINOR_M = SEMI_MAJOR_M * (1 - FLATTENING)

#: sin x = x - x^3 / 3! + …: up to a right angle the first term left out is below 2^-66.
_SINE: Final = [(-1) ** k / factorial(2 * k + 1) for k in range(13)]
#: atanh z = z + z^3 / 3 + …: here |z| <= 2 e / (1 + e^2) < 0.17, and what is left out below 2^-65.
_ATANH: Final = [1 / (2 * k + 1) for k in range(12)]


def row_areas(grid: Grid, row_lo: int, row_hi: int) -> Floats:
    """Area of a cell of each row [row_lo, row_hi) in square metres, shape (row_hi - row_lo,).

    A cell spans its row's two latitudes and `grid.a` degrees of longitude; all cells of a row have
    the same area. Latitudes past a pole count as the pole: a grid-line-registered raster has its
    first centres on one. Relative error below 1e-13.
    """
    north = np.clip(grid.lat_edges[row_lo:row_hi], -90.0, 90.0)
    south = np.clip(grid.lat_edges[row_lo + 1 : row_hi + 1], -90.0, 90.0)
    return zone_area(south, north, grid.a)


def zone_area(south: Floats, north: Floats, width: float) -> Floats:
    """Area in square metres between two parallels over `width` degrees of longitude.

    Args:
        south, north: latitudes in degrees, [-90, 90], any shape.
        width: degrees.
    """
    s1, s2 = _sine(south), _sine(north)
    # The distance of the middle from the nearer pole, taken end by end: each is exact there.
    from_pole = (
        np.where(
            north + south >= 0, (90.0 - north) + (90.0 - south), (90.0 + north) + (90.0 + south)
        )
        / 2
    )
    ds = 2 * _sine(from_pole) * _sine((north - south) / 2)
    shape = ds * (1 + _E2 * s1 * s2) / ((1 - _E2 * s1 * s1) * (1 - _E2 * s2 * s2))
    log = _odd_series(_ATANH, _E * ds / (1 - _E2 * s1 * s2)) / _E
    area: Floats = _SEMI_MINOR_M**2 * np.radians(width) / 2 * (shape + log)
    return area


def _sine(degrees: Floats) -> Floats:
    """The sine of at most a right angle, by size."""
    return _odd_series(_SINE, np.radians(degrees))


def _odd_series(coefficients: Sequence[float], x: Floats) -> Floats:
    """The sum of ``coefficients[k] * x^(2k + 1)``, from the smallest term up."""
    square = x * x
    total = np.zeros_like(x)
    for coefficient in reversed(coefficients):
        total = total * square + coefficient
    return total * x
