"""Runs of cells and interval sets against Python's own sets."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment1b_assets.core import intervals
from segment1b_assets.core.cell_runs import CellRuns, NotAscendingError

NCOLS = 5
Pairs = list[tuple[int, int]]
pairs = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=12)
id_sets = st.sets(st.integers(0, 39))


def covered(of: Pairs) -> set[int]:
    return {i for low, high in of for i in range(low, high)}


def interval_set(of: Pairs) -> intervals.Intervals:
    low = np.array([p[0] for p in of], np.int64)
    high = np.array([p[1] for p in of], np.int64)
    return intervals.merged(low, high)


def members(of: intervals.Intervals) -> set[int]:
    assert (of[0] < of[1]).all()
    assert (of[0][1:] > of[1][:-1]).all()
    return covered(list(zip(of[0].tolist(), of[1].tolist(), strict=True)))


def runs_of(ids: set[int]) -> CellRuns:
    return CellRuns.from_sorted_tile_ids([np.array(sorted(ids), np.uint64)], NCOLS)


def well_formed(runs: CellRuns) -> CellRuns:
    assert runs.starts.dtype == runs.stops.dtype == np.int64
    assert (runs.starts < runs.stops).all()
    assert (runs.starts // NCOLS == (runs.stops - 1) // NCOLS).all()
    same_row = runs.rows[1:] == runs.rows[:-1]
    assert (runs.starts[1:] - runs.stops[:-1] >= same_row).all()
    return runs


@given(pairs, pairs)
def test_interval_algebra(a: Pairs, b: Pairs) -> None:
    set_a, set_b = interval_set(a), interval_set(b)
    assert members(set_a) == covered(a)
    assert intervals.size(set_a) == len(covered(a))
    assert members(intervals.united(set_a, set_b)) == covered(a) | covered(b)
    assert members(intervals.less(set_a, set_b)) == covered(a) - covered(b)


@given(id_sets, id_sets, st.integers(1, 12))
def test_runs_are_sets_of_cells(a: set[int], b: set[int], batch: int) -> None:
    runs, other = well_formed(runs_of(a)), runs_of(b)
    assert runs.count == len(a)
    assert runs.tile_ids().tolist() == sorted(a)
    rows, cols = runs.rows_and_cols()
    assert (rows * NCOLS + cols).tolist() == sorted(a)
    assert well_formed(runs.subtract(other)) == runs_of(a - b)
    asked = np.arange(45, dtype=np.uint64)
    assert runs.contains(asked).tolist() == [i in a for i in range(45)]
    parts = list(runs.batches(batch))
    assert [i for p in parts for i in p.tile_ids().tolist()] == sorted(a)
    assert all(p.count == batch for p in parts[:-1])


@given(id_sets, st.lists(st.integers(0, 40), max_size=4))
def test_a_stream_may_be_cut_anywhere(ids: set[int], cuts: list[int]) -> None:
    whole = np.array(sorted(ids), np.uint64)
    pieces = np.split(whole, sorted(min(c, whole.size) for c in cuts))
    assert CellRuns.from_sorted_tile_ids(pieces, NCOLS) == runs_of(ids)


@given(st.lists(st.integers(0, 9), min_size=2, max_size=8), st.integers(0, 8))
def test_repeats_and_steps_back_are_told(ids: list[int], cut: int) -> None:
    batches = np.split(np.array(ids, np.uint64), [min(cut, len(ids))])
    wrong = [i for i in range(1, len(ids)) if ids[i] <= ids[i - 1]]
    if not wrong:
        assert CellRuns.from_sorted_tile_ids(batches, NCOLS).count == len(ids)
        return
    with pytest.raises(NotAscendingError) as caught:
        CellRuns.from_sorted_tile_ids(batches, NCOLS)
    assert caught.value.position == wrong[0]
    assert (caught.value.before, caught.value.value) == (ids[wrong[0] - 1], ids[wrong[0]])


def test_ids_that_no_grid_has() -> None:
    top = 2**64 - 1
    for ids in ([top, 0], [1, top], [2**63 - 1, 2**63]):
        with pytest.raises(OverflowError):
            CellRuns.from_sorted_tile_ids([np.array(ids, np.uint64)], NCOLS)
    assert not runs_of({1, 2}).contains(np.array([top], np.uint64)).any()


def test_full_rows_stay_runs_of_their_own() -> None:
    runs = runs_of(set(range(3, 17)))
    assert runs.starts.tolist() == [3, 5, 10, 15]
    assert runs.stops.tolist() == [5, 10, 15, 17]
