"""The Hilbert curve: known answers, and squares against single cells."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment1b_assets.core.hilbert import (
    curve_order,
    hilbert_index,
    hilbert_squares,
    ways_through_square,
)
from segment1b_assets_tests.oracle import arc as oracle


def u64(values: object) -> np.ndarray:
    return np.array(values, np.uint64)


def test_known_answers() -> None:
    assert hilbert_index(u64([0, 0, 1, 1]), u64([0, 1, 1, 0]), 1).tolist() == [0, 1, 2, 3]
    found = hilbert_index(u64([12345, 43199]), u64([6789, 16799]), 16)
    assert found.tolist() == [214230386, 3695390378]


@given(
    st.integers(0, 31).flatmap(
        lambda order: st.tuples(
            st.just(order), st.integers(0, 2**order - 1), st.integers(0, 2**order - 1)
        )
    )
)
def test_is_the_law(cell: tuple[int, int, int]) -> None:
    order, col, row = cell
    found = hilbert_index(u64([col]), u64([row]), order).tolist()
    assert found == [oracle.hilbert(col, row, order)]


def test_the_curve_goes_from_neighbour_to_neighbour() -> None:
    row, col = np.divmod(np.arange(64 * 64), 64)
    along = np.argsort(hilbert_index(u64(col), u64(row), 6))
    assert sorted(along.tolist()) == list(range(64 * 64))
    steps = np.abs(np.diff(row[along])) + np.abs(np.diff(col[along]))
    assert (steps == 1).all()


@pytest.mark.parametrize("bits", range(6))
def test_a_square_is_a_piece_of_the_curve(bits: int) -> None:
    row, col = np.divmod(np.arange(32 * 32), 32)
    index, turn = hilbert_squares(u64(col >> bits), u64(row >> bits), 5 - bits)
    last = (1 << bits) - 1
    within = ways_through_square(bits)[turn, (row & last) << bits | (col & last)]
    whole = index.astype(np.int64) * 4**bits + within
    assert whole.tolist() == hilbert_index(u64(col), u64(row), 5).tolist()


@pytest.mark.parametrize(
    ("nrows", "ncols", "order"), [(1, 1, 0), (1, 2, 1), (3, 4, 2), (5, 4, 3), (16800, 43200, 16)]
)
def test_order_of_the_square_that_holds_a_raster(nrows: int, ncols: int, order: int) -> None:
    assert curve_order(nrows, ncols) == order
