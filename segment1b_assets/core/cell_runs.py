"""Sets of cells as runs of tile ids: the fill yields them, the tables are made from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.core import intervals
from segment1b_assets.core.intervals import Intervals

Ints = NDArray[np.int64]


class NotAscendingError(ValueError):
    """Tile ids repeat or go backwards.

    Attributes:
        position: index, over all batches, of the first id that is not above the one before it.
        before, value: the two ids.
    """

    def __init__(self, position: int, before: int, value: int) -> None:
        super().__init__(f"tile id {value} at row {position} does not exceed {before} before it")
        self.position, self.before, self.value = position, before, value


@dataclass(frozen=True, eq=False)
class CellRuns:
    """Cells of a grid with `ncols` columns, as half-open runs of ``tile_id = row * ncols + col``.

    Attributes:
        starts, stops: int64, shape (runs,); sorted and disjoint. A run never crosses a row's end,
            and two runs of a row never touch, so that equal sets have equal arrays.
        ncols: columns of the grid.
    """

    starts: Ints
    stops: Ints
    ncols: int

    @classmethod
    def empty(cls, ncols: int) -> CellRuns:
        return cls(*intervals.EMPTY, ncols)

    @classmethod
    def from_intervals(cls, covered: Intervals, ncols: int) -> CellRuns:
        """The cells of an interval set of tile ids, cut where rows end."""
        starts, stops = covered
        row, last_row = starts // ncols, (stops - 1) // ncols
        if (row == last_row).all():
            return cls(starts, stops, ncols)
        run, rows = intervals.expanded(row, last_row - row + 1)
        return cls(
            np.maximum(starts[run], rows * ncols), np.minimum(stops[run], (rows + 1) * ncols), ncols
        )

    @classmethod
    def from_sorted_tile_ids(cls, batches: Iterable[NDArray[np.uint64]], ncols: int) -> CellRuns:
        """The cells of a stream of strictly ascending tile ids.

        Raises:
            NotAscendingError: an id does not exceed the one before it. Ids are compared, never
                subtracted: a difference of unsigned numbers cannot be negative.
            OverflowError: an id is 2^63 or more, which no grid has.
        """
        starts, stops, seen = [], [], 0
        before: int | None = None
        for ids in batches:
            if ids.size == 0:
                continue
            if before is not None and int(ids[0]) <= before:
                raise NotAscendingError(seen, before, int(ids[0]))
            step = np.flatnonzero(ids[1:] != ids[:-1] + np.uint64(1))
            first, last = ids[np.append(0, step + 1)], ids[np.append(step, ids.size - 1)]
            down = np.flatnonzero(first[1:] <= last[:-1])
            if down.size:
                at = int(step[down[0]])
                raise NotAscendingError(seen + at + 1, int(ids[at]), int(ids[at + 1]))
            if int(last.max()) >= 2**63 or int(first.max()) >= 2**63:
                raise OverflowError(f"tile id {int(max(last.max(), first.max()))} is on no grid")
            starts.append(first.astype(np.int64))
            stops.append(last.astype(np.int64) + 1)
            before, seen = int(ids[-1]), seen + ids.size
        if not starts:
            return cls.empty(ncols)
        joined = intervals.merged(np.concatenate(starts), np.concatenate(stops))
        return cls.from_intervals(joined, ncols)

    @property
    def intervals(self) -> Intervals:
        """The same cells as an interval set: runs that touch across a row's end are joined."""
        return intervals.merged(self.starts, self.stops)

    @cached_property
    def lengths(self) -> Ints:
        return self.stops - self.starts

    @cached_property
    def rows(self) -> Ints:
        """The row of each run, int64, shape (runs,)."""
        return self.starts // self.ncols

    @cached_property
    def count(self) -> int:
        """How many cells there are."""
        return int(self.lengths.sum())

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, CellRuns)
            and self.ncols == other.ncols
            and np.array_equal(self.starts, other.starts)
            and np.array_equal(self.stops, other.stops)
        )

    __hash__ = None  # type: ignore[assignment]

    def subtract(self, other: CellRuns) -> CellRuns:
        return self.from_intervals(intervals.less(self.intervals, other.intervals), self.ncols)

    def contains(self, tile_ids: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Whether each tile id is in the set, any shape."""
        run = np.searchsorted(self.starts, tile_ids.astype(np.int64, copy=False), side="right") - 1
        if self.starts.size == 0:
            return np.zeros(tile_ids.shape, np.bool_)
        return (run >= 0) & (tile_ids.astype(np.int64, copy=False) < self.stops[run])

    def batches(self, cells: int) -> Iterator[CellRuns]:
        """The same cells in ascending order, `cells` at a time (the last batch may hold fewer)."""
        upto = np.cumsum(self.lengths)
        for low in range(0, self.count, cells):
            high = min(low + cells, self.count)
            first = int(np.searchsorted(upto, low, side="right"))
            last = int(np.searchsorted(upto, high, side="left"))
            starts = self.starts[first : last + 1].copy()
            stops = self.stops[first : last + 1].copy()
            stops[-1] -= upto[last] - high
            starts[0] += low - (upto[first] - self.lengths[first])
            yield CellRuns(starts, stops, self.ncols)

    def rows_and_cols(self) -> tuple[Ints, Ints]:
        """Row and column of every cell in ascending tile order, int64, shape (count,) each."""
        rows = np.repeat(self.rows, self.lengths)
        cols = np.repeat(self.starts - self.rows * self.ncols - self._offsets, self.lengths)
        cols += np.arange(self.count, dtype=np.int64)
        return rows, cols

    def tile_ids(self) -> NDArray[np.uint64]:
        """Every cell's tile id, ascending, shape (count,)."""
        ids = np.repeat(self.starts - self._offsets, self.lengths)
        ids += np.arange(self.count, dtype=np.int64)
        return ids.view(np.uint64)

    @property
    def _offsets(self) -> Ints:
        return np.cumsum(self.lengths) - self.lengths
