"""Cell areas against Gauss-Legendre quadrature in extended precision, and against known totals."""

from __future__ import annotations

import os
import subprocess
import sys
from decimal import Decimal, getcontext

import numpy as np
import pytest

from segment1b_assets.core.cell_area import row_areas, zone_area
from segment1b_assets.core.grid import Grid
from segment1b_assets_tests.run_support import PLAIN_PROCESSOR

A = np.longdouble(6378137)
F = 1 / np.longdouble("298.257223563")
E2 = F * (2 - F)
NODES, WEIGHTS = (np.asarray(v, np.longdouble) for v in np.polynomial.legendre.leggauss(24))
RADIAN = np.longdouble("3.14159265358979323846264338327950288") / 180


def quadrature(south: float, north: float, width: float) -> float:
    """Integral of M(lat) * N(lat) cos(lat) over the latitudes, times the width."""
    half = (np.longdouble(north) - np.longdouble(south)) / 2
    # Colatitude from the nearer pole, so that the cosine has all its digits there.
    mid = (np.longdouble(north) + np.longdouble(south)) / 2
    lat = mid + half * NODES
    cos = np.sin((90 - np.abs(lat)) * RADIAN)
    sin = np.sin(lat * RADIAN)
    element = A**2 * (1 - E2) * cos / (1 - E2 * sin**2) ** 2
    return float((element * WEIGHTS).sum() * half * RADIAN * np.longdouble(width) * RADIAN)


@pytest.mark.parametrize("height", [10.0, 1.0, 0.1, 1 / 120, 1e-4, 1e-6])
@pytest.mark.parametrize("place", [-90.0, -89.5, -45.0, -1e-3, 0.0, 12.34, 60.0, 89.0, "top"])
def test_equals_the_integral(height: float, place: float | str) -> None:
    south = 90.0 - height if place == "top" else float(place)
    north = 90.0 if place == "top" else min(south + height, 90.0)
    got = float(zone_area(np.array(south), np.array(north), 0.25))
    assert got == pytest.approx(quadrature(south, north, 0.25), rel=1e-12)


def test_the_whole_ellipsoid() -> None:
    # Closed form of the total in 50 digits: 2 pi a^2 (1 + (1 - e^2) / e * atanh(e)).
    getcontext().prec = 50
    f = 1 / Decimal("298.257223563")
    e2 = f * (2 - f)
    series = sum((e2**k / (2 * k + 1) for k in range(30)), Decimal(0))
    pi = Decimal("3.14159265358979323846264338327950288419716939937510")
    total = 2 * pi * Decimal(6378137) ** 2 * (1 + (1 - e2) * series)
    grid = Grid(1 / 120, -180.0, -1 / 120, 90.0, 21600, 43200)
    areas = row_areas(grid, 0, grid.nrows)
    assert (areas > 0).all()
    assert areas.sum() * grid.ncols == pytest.approx(float(total), rel=1e-12)


def test_both_hemispheres_are_alike_and_rows_are_what_was_asked() -> None:
    grid = Grid(0.5, 0.0, -0.5, 90.0, 360, 4)
    areas = row_areas(grid, 0, 360)
    np.testing.assert_allclose(areas, areas[::-1], rtol=1e-14)
    np.testing.assert_array_equal(areas[100:140], row_areas(grid, 100, 140))
    assert (np.diff(areas[:180]) > 0).all()


def test_rounding_past_a_pole_counts_as_the_pole() -> None:
    exact = Grid(0.1, 0.0, -0.1, 90.0, 1, 1)
    over = Grid(0.1, 0.0, -0.1, float(np.nextafter(90.0, 91.0)), 1, 1)
    assert row_areas(over, 0, 1)[0] == pytest.approx(row_areas(exact, 0, 1)[0], rel=1e-11)


#: Prints every bit of the areas of two grids' rows, from pole to pole.
PRINT_BITS = """
from segment1b_assets.core.cell_area import row_areas
from segment1b_assets.core.grid import Grid
for step in (0.1, 1 / 120):
    grid = Grid(step, -180.0, -step, 90.0, round(180 / step), 4)
    print(row_areas(grid, 0, grid.nrows).tobytes().hex())
"""


def test_every_bit_is_the_same_on_every_processor() -> None:
    bits = [
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", PRINT_BITS],
            env={**os.environ, **processor}, capture_output=True, text=True, check=True,
        ).stdout
        for processor in ({}, PLAIN_PROCESSOR)
    ]  # fmt: skip
    assert len(bits[0]) > 16 * (1800 + 21600)
    assert bits[0] == bits[1]
