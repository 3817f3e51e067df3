"""Ranks of crossings against rational arithmetic, where floats cannot tell."""

from __future__ import annotations

import math
from fractions import Fraction
from unittest import mock

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from segment1b_assets.core import scanline
from segment1b_assets.core.polygon import Edges
from segment1b_assets.core.scanline import crossing_rank, exact_rank

LATTICES = {
    "thirds": -180.0 + np.arange(9) / 3,
    "arc-seconds": -180.0 + np.arange(9) * (1 / 120),
    "around 0": -4e-3 + np.arange(9) * 1e-3,
    "past 180": 178.0 + np.arange(9) * 0.5,
}
SHIFTS = (0.0, 360.0, -360.0, 720.0, -2160.0)


def edge(x1: float, y1: float, x2: float, y2: float) -> Edges:
    one = [np.array([v]) for v in (x1, y1, x2, y2)]
    return Edges(*one, np.zeros(1, np.int64))


def rank_by_definition(lattice: np.ndarray, x: Fraction) -> tuple[int, bool]:
    values = [Fraction(float(v)) for v in lattice]
    return sum(v < x for v in values), x in values


def near(draw: st.DrawFn, value: float) -> float:
    """The value or one of its neighbours in binary64."""
    return [value, math.nextafter(value, 1e9), math.nextafter(value, -1e9)][draw(st.integers(0, 2))]


@given(st.sampled_from(sorted(LATTICES)), st.sampled_from(SHIFTS), st.integers(0, 8), st.data())
def test_known_longitudes(name: str, shift: float, k: int, data: st.DataObject) -> None:
    lattice = LATTICES[name]
    x = near(data.draw, float(lattice[k]) + shift)
    rank, on = exact_rank(lattice, np.array([x]), shift)
    assert (rank[0], on[0]) == rank_by_definition(lattice, Fraction(x) - Fraction(shift))


@given(
    st.sampled_from(sorted(LATTICES)),
    st.sampled_from(SHIFTS),
    st.integers(0, 8),
    st.floats(-30, 30),
    st.sampled_from([0.0, 0.5, 1.0, 7 / 8, 1 / 3, 1e-9]),
    st.data(),
)
def test_crossings_aimed_at_a_lattice_value(
    name: str, shift: float, k: int, lean: float, share: float, data: st.DataObject
) -> None:
    lattice = LATTICES[name]
    aim = float(lattice[k]) + shift
    y1, y2, y = 10.25, 12.75, 10.25 + share * 2.5
    x1 = near(data.draw, aim - share * lean)
    x2 = near(data.draw, aim + (1 - share) * lean)
    assume(min(x1, x2) >= -1080 and max(x1, x2) <= 1080)
    rank, on = crossing_rank(lattice, edge(x1, y1, x2, y2), np.array([y]), shift)
    way = (Fraction(y) - Fraction(y1)) / (Fraction(y2) - Fraction(y1))
    x = Fraction(x1) + way * (Fraction(x2) - Fraction(x1)) - Fraction(shift)
    assert (rank[0], on[0]) == rank_by_definition(lattice, x)


@given(
    st.floats(-1080, 1080),
    st.floats(-1080, 1080),
    st.floats(-90, 90),
    st.floats(-90, 90),
    st.floats(0, 1),
    st.sampled_from(SHIFTS),
)
def test_the_bound_holds(
    x1: float, x2: float, ya: float, yb: float, share: float, shift: float
) -> None:
    """A float crossing is never off by BOUND: the module's derivation, with_retries on any edge."""
    y1, y2 = min(ya, yb), max(ya, yb)
    assume(y1 < y2)
    y = min(max(y1 + share * (y2 - y1), y1), y2)
    t = (y - y1) / (y2 - y1)
    computed = (x1 + t * (x2 - x1)) - shift
    way = (Fraction(y) - Fraction(y1)) / (Fraction(y2) - Fraction(y1))
    exact = Fraction(x1) + way * (Fraction(x2) - Fraction(x1)) - Fraction(shift)
    assert abs(Fraction(computed) - exact) < Fraction(scanline.BOUND)


@pytest.mark.parametrize("upright", [True, False])
def test_shared_lines_need_no_rationals(upright: bool) -> None:
    lattice = LATTICES["arc-seconds"]
    n = 1000
    x = np.full(n, lattice[4])
    y1, y2 = np.zeros(n), np.ones(n)
    edges = Edges(x, y1, x if upright else x + 0.3, y2, np.zeros(n, np.int64))
    with mock.patch.object(scanline, "_rational_rank", side_effect=AssertionError):
        rank, on = crossing_rank(lattice, edges, np.full(n, 0.7) if upright else y1, 0.0)
    assert (rank == 4).all()
    assert on.all()
