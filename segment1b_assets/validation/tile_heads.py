"""Judges columns that follow from the tile id, by the runs that the ids themselves form."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.core import intervals
from segment1b_assets.core.cell_runs import CellRuns
from segment1b_assets.core.grid import Grid
from segment1b_assets.validation.findings import Findings
from segment1b_assets.validation.tile_rows import Block

Ints = NDArray[np.int64]


class Heads:
    """Where the runs of a block begin: tiles that do not follow the one before in the same row.

    Along a run everything is known from its first tile, so that a column is judged by where it
    changes. Ids that descend, repeat or lie off the grid make runs of their own.

    Attributes:
        at: int64, by run, position of its first tile in the block.
        length: int64, by run.
        row, col: int64, by run, the place that the first tile's id names.
        here: bool, by tile, whether a run begins.
        ncols: columns of the grid.
    """

    def __init__(self, ids: NDArray[np.uint64], ncols: int) -> None:
        at = np.flatnonzero(ids[1:] != ids[:-1] + np.uint64(1)) + 1
        at = np.concatenate((np.zeros(1, np.int64), at))
        row, col = _place(ids[at], ncols)
        # Ids may run on from the end of a row into the next one.
        crossed = (col + np.diff(at, append=ids.size) - 1) // ncols
        if crossed.any():
            run, nth = intervals.expanded(np.zeros(at.size, np.int64), crossed + 1)
            at = at[run] + np.where(nth > 0, nth * ncols - col[run], 0)
            row, col = _place(ids[at], ncols)
        self.at, self.row, self.col, self.ncols = at, row, col, ncols
        self.length = np.diff(at, append=ids.size)
        self.here = np.zeros(ids.size, np.bool_)
        self.here[at] = True

    def broken_within(self, same_as_before: NDArray[np.bool_]) -> bool:
        """Whether a tile that begins no run differs from the one before it.

        Args:
            same_as_before: bool, shape (tiles - 1,), for each tile but the first.
        """
        return not bool((same_as_before | self.here[1:]).all())

    def cols(self) -> Ints:
        """The raster column of every tile."""
        before = np.repeat(self.col - self.at, self.length)
        before += np.arange(before.size)
        return before


def _place(ids: NDArray[np.uint64], ncols: int) -> tuple[Ints, Ints]:
    row = ids // np.uint64(ncols)
    return row.astype(np.int64), (ids - row * np.uint64(ncols)).astype(np.int64)


class Lines:
    """The value of a column at each raster row (or column): what it must be, bit for bit.

    Args:
        name: the column.
        values: float64, by raster row (or column).
    """

    def __init__(self, name: str, values: NDArray[np.float64]) -> None:
        self.name, self._bits = name, values.view(np.int64)

    def judge_by_row(self, block: Block, heads: Heads, findings: Findings) -> None:
        """The column has its row's value at the head of every run, and keeps it."""
        found = block[self.name].view(np.int64)
        right = np.array_equal(self._bits.take(heads.row, mode="clip"), found[heads.at])
        if not right or heads.broken_within(found[1:] == found[:-1]):
            self._tell(block, np.repeat(heads.row, heads.length), findings)

    def judge_by_col(self, block: Block, col: Ints, findings: Findings) -> None:
        """The column has its raster column's value in every tile."""
        found = block[self.name].view(np.int64)
        if not np.array_equal(self._bits.take(col, mode="clip"), found):
            self._tell(block, col, findings)

    def judge_like_next(self, block: Block, heads: Heads, other: str, findings: Findings) -> None:
        """The column is what `other`, judged already, is in the next tile of the run.

        At the end of a run there is no next tile: the raster column's value is looked up.
        """
        found, following = block[self.name].view(np.int64), block[other].view(np.int64)
        ends = heads.at + heads.length - 1
        last = np.array_equal(
            self._bits.take(heads.col + heads.length - 1, mode="clip"), found[ends]
        )
        if not last or heads.broken_within(found[:-1] == following[1:]):
            self._tell(block, heads.cols(), findings)

    def _tell(self, block: Block, line: Ints, findings: Findings) -> None:
        # A line off the grid is clipped here; that it is off the grid is told by others.
        unlike = self._bits.take(line, mode="clip") != block[self.name].view(np.int64)
        if not unlike.any():
            return
        at = int(np.argmax(unlike))
        wanted = self._bits.take([int(line[at])], mode="clip").view(np.float64)[0]
        findings.add(
            "E004_BOUNDS",
            f"tile_id {block['tile_id'][at]} has {self.name} {float(block[self.name][at])!r}, "
            f"not {float(wanted)!r}",
            int(np.count_nonzero(unlike)),
        )


class SeenRuns:
    """Collects the runs of the blocks that pass, and says whether the ids ascend."""

    def __init__(self, grid: Grid, findings: Findings) -> None:
        self._grid, self._findings = grid, findings
        self._first: list[NDArray[np.uint64]] = []
        self._length: list[Ints] = []

    def add(self, block: Block, heads: Heads) -> None:
        self._first.append(block["tile_id"][heads.at])
        self._length.append(heads.length)

    def all(self) -> CellRuns | None:
        """The cells of all blocks, or None where ids repeat, descend or lie off the grid.

        Repeats and descents break E003_DUP_TILE; `judge_places` has told of what is off the grid.
        """
        if not self._first:
            return CellRuns.empty(self._grid.ncols)
        first, length = np.concatenate(self._first), np.concatenate(self._length)
        last = first + (length - 1).astype(np.uint64)
        # Compared, not subtracted: a difference of unsigned numbers cannot be negative.
        down = first[1:] <= last[:-1]
        if down.any():
            at = int(np.argmax(down))
            self._findings.add(
                "E003_DUP_TILE",
                f"tile_id {first[at + 1]} follows tile_id {last[at]}",
                int(np.count_nonzero(down)),
            )
            return None
        if int(last[-1]) >= self._grid.nrows * self._grid.ncols:
            return None
        joined = intervals.merged(first.astype(np.int64), last.astype(np.int64) + 1)
        return CellRuns.from_intervals(joined, self._grid.ncols)


def judge_places(block: Block, heads: Heads, shape: tuple[int, int], findings: Findings) -> None:
    """The ids name cells of the grid, and the row and column columns, if there, say the same."""
    off = (heads.row < 0) | (heads.row >= shape[0])
    if off.any():
        run = int(np.argmax(off))
        findings.add(
            "E004_BOUNDS",
            f"tile_id {block['tile_id'][heads.at[run]]} is not on the grid",
            int(heads.length[off].sum()),
        )
    if "raster_row" not in block:
        return
    row, col = block["raster_row"].view(np.int64), block["raster_col"].view(np.int64)
    right = np.array_equal(row[heads.at], heads.row) and np.array_equal(col[heads.at], heads.col)
    if (
        not right
        or heads.broken_within(row[1:] == row[:-1])
        or heads.broken_within(col[1:] == col[:-1] + 1)
    ):
        wrong = (row != np.repeat(heads.row, heads.length)) | (col != heads.cols())
        at = int(np.argmax(wrong))
        findings.add(
            "E004_BOUNDS",
            f"tile_id {block['tile_id'][at]} has raster_row {block['raster_row'][at]} and "
            f"raster_col {block['raster_col'][at]}",
            int(np.count_nonzero(wrong)),
        )
