"""Sums without rounding, against fractions.Fraction."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from segment1b_assets.core.exact_sum import ExactSum, ExactTotal, sum_of_repeats, sum_of_weights

INTEGERS = ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8"]


def nonnegative(dtype: str) -> st.SearchStrategy[Any]:
    kind = np.dtype(dtype)
    if kind.kind == "f":
        width: Literal[32, 64] = 32 if dtype == "f4" else 64
        return st.floats(min_value=0, allow_nan=False, allow_infinity=False, width=width)
    return st.integers(0, int(np.iinfo(kind).max))


def as_fractions(masses: np.ndarray[Any, Any]) -> list[Fraction]:
    return [Fraction(v) for v in masses.tolist()]


@pytest.mark.parametrize("dtype", ["f4", "f8", *INTEGERS])
def test_sum_and_units_equal_fractions(dtype: str) -> None:
    @given(st.lists(hnp.arrays(dtype, st.integers(0, 9), elements=nonnegative(dtype)), max_size=4))
    def check(batches: list[np.ndarray[Any, Any]]) -> None:
        adder = ExactSum(np.dtype(dtype))
        for batch in batches:
            adder.add(batch)
        total = adder.total()
        everything = np.concatenate([np.empty(0, dtype), *batches])
        expected = as_fractions(everything)
        assert total.fraction == sum(expected, Fraction(0))
        if total.numerator:
            unit = Fraction(2) ** total.exponent
            assert [u * unit for u in total.units(everything)] == expected

    check()


@pytest.mark.parametrize("dtype", ["f4", "f8", "u8", "i4"])
def test_many_values_cross_the_step(dtype: str) -> None:
    draw = np.random.default_rng(7)
    if dtype[0] == "f":
        masses = np.exp(draw.normal(0, 20, 100_003)).astype(dtype)
        masses[::7] = 0
        masses[5] = np.finfo(dtype).max
        masses[6] = np.finfo(dtype).smallest_subnormal
    else:
        masses = draw.integers(0, np.iinfo(dtype).max, 100_003, dtype=dtype, endpoint=True)
    adder = ExactSum(np.dtype(dtype))
    adder.add(masses)
    assert adder.total().fraction == sum(as_fractions(masses), Fraction(0))


def test_the_largest_of_all_do_not_overflow() -> None:
    adder = ExactSum(np.dtype("u8"))
    adder.add(np.full(70_000, 2**64 - 1, np.uint64))
    assert adder.total() == ExactTotal(70_000 * (2**64 - 1), 0)


def test_negative_zero_is_zero() -> None:
    adder = ExactSum(np.dtype("f4"))
    adder.add(np.array([-0.0, 1.5, -0.0], "f4"))
    assert adder.total().fraction == Fraction(3, 2)


def test_nothing_sums_to_zero() -> None:
    assert ExactSum(np.dtype("f8")).total() == ExactTotal(0, 0)
    assert sum_of_repeats(np.zeros(3), np.ones(3, np.int64)) == ExactTotal(0, 0)


@given(
    hnp.arrays("f8", 5, elements=nonnegative("f8")),
    hnp.arrays("i8", 5, elements=st.integers(0, 2**40)),
)
def test_repeats_equal_fractions(masses: Any, counts: Any) -> None:
    expected = sum(
        (f * n for f, n in zip(as_fractions(masses), counts.tolist(), strict=True)), Fraction(0)
    )
    assert sum_of_repeats(masses, counts).fraction == expected


@given(hnp.arrays("i8", st.integers(0, 9)))
def test_sums_of_weights_never_overflow(weights: Any) -> None:
    assert sum_of_weights(weights) == sum(weights.tolist())
