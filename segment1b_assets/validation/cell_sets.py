"""Compares the cells of a file with the cells that the rule gives, column by column.

The file's cells come as runs along rows, the rule's as runs along columns. Neither is spelt out:
every row has a pseudo-random odd 64-bit weight, and a column's two sums of weights, modulo 2^64,
are equal if its cells are. A cell too many or too few always shows, as its weight is not 0; several
at once go unseen with a chance of 2^-64.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.core import intervals
from segment1b_assets.core.cell_runs import CellRuns
from segment1b_assets.core.grid import Grid
from segment1b_assets.core.intervals import Intervals, Ints

U64 = NDArray[np.uint64]

#: Columns and cells that a finding tells.
_TOLD_COLUMNS = 50
_TOLD_CELLS = 3


def first_differences(
    runs: CellRuns, by_column: Iterable[Intervals], grid: Grid
) -> tuple[int, list[str]]:
    """How many columns differ between file and rule, and some cells that do, in words.

    Args:
        runs: the file's cells, all of them on the grid.
        by_column: the rule's, as sets of keys ``col * (nrows + 1) + row``, column bands ascending.
    """
    weight = _row_weights(grid.nrows)
    upto = np.concatenate((np.zeros(1, np.uint64), np.cumsum(weight, dtype=np.uint64)))
    wanted_sum = np.zeros(grid.ncols, np.uint64)
    bands = []
    for starts, stops in by_column:
        col, first = starts // (grid.nrows + 1), starts % (grid.nrows + 1)
        np.add.at(wanted_sum, col, upto[first + stops - starts] - upto[first])
        bands.append((starts, stops))
    differ = np.flatnonzero(wanted_sum != _file_sums(runs, weight, grid))
    wanted = intervals.united(*bands)
    told: list[str] = []
    for col in differ[:_TOLD_COLUMNS]:
        told += _differences(runs, wanted, int(col), grid)
        if len(told) >= _TOLD_CELLS:
            break
    return differ.size, told[:_TOLD_CELLS]


def _row_weights(nrows: int) -> U64:
    """Odd numbers without pattern: the finaliser of splitmix64 over 1..nrows."""
    z = np.arange(1, nrows + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (z ^ (z >> np.uint64(31))) | np.uint64(1)


def _file_sums(runs: CellRuns, weight: U64, grid: Grid) -> U64:
    change = np.zeros(grid.ncols + 1, np.uint64)
    first = runs.starts - runs.rows * grid.ncols
    np.add.at(change, first, weight[runs.rows])
    np.subtract.at(change, first + runs.lengths, weight[runs.rows])
    return np.cumsum(change, dtype=np.uint64)[:-1]


def _differences(runs: CellRuns, wanted: Intervals, col: int, grid: Grid) -> list[str]:
    key = grid.nrows + 1
    rule = _rows_of(wanted, col * key, key)
    first = runs.starts - runs.rows * grid.ncols
    has = runs.rows[(first <= col) & (first + runs.lengths > col)]
    file = intervals.merged(has, has + 1)
    words = []
    for faulty, said in (
        (intervals.less(file, rule), "is in the file, but does not belong"),
        (intervals.less(rule, file), "belongs, but is not in the file"),
    ):
        for row in intervals.expanded(faulty[0], faulty[1] - faulty[0])[1][:_TOLD_CELLS]:
            words.append(f"tile_id {int(row) * grid.ncols + col} (row {row}, column {col}) {said}")
    return words


def _rows_of(wanted: Intervals, base: int, key: int) -> Intervals:
    starts, stops = wanted
    low, high = np.searchsorted(stops, base, side="right"), np.searchsorted(starts, base + key)
    rows: tuple[Ints, Ints] = (starts[low:high] - base, stops[low:high] - base)
    return rows
