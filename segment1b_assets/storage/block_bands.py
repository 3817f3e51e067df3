"""Which blocks of a raster hold a country's cells, and where the pixels are once read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.core.cell_runs import CellRuns

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Span:
    """Neighbouring block columns that all hold a cell, cut to the columns between the cells.

    Attributes:
        first_col, last_col: half-open range of raster columns.
        place: where they start in the band's pixels, which hold its spans side by side.
    """

    first_col: int
    last_col: int
    place: int


@dataclass(frozen=True)
class Band:
    """Rows of one block row with the spans that hold their cells.

    Attributes:
        runs: the cells.
        first_row, last_row: half-open range of raster rows that hold a cell.
        spans: west to east.
        span_of_run: index of each run's span; a run never leaves its span.
        block_pixels: pixels of the blocks under the spans, in all their rows.
    """

    runs: CellRuns
    first_row: int
    last_row: int
    spans: tuple[Span, ...]
    span_of_run: Ints
    block_pixels: int

    @property
    def width(self) -> int:
        """Columns of all spans together."""
        last = self.spans[-1]
        return last.place + last.last_col - last.first_col

    def parts(self, rows: int) -> Iterator[Band]:
        """The band in parts of at most `rows` rows; parts without a cell are left out."""
        for first in range(self.first_row, self.last_row, rows):
            last = min(first + rows, self.last_row)
            low, high = np.searchsorted(self.runs.rows, (first, last))
            if low == high:
                continue
            runs = CellRuns(self.runs.starts[low:high], self.runs.stops[low:high], self.runs.ncols)
            yield Band(runs, first, last, self.spans, self.span_of_run[low:high], self.block_pixels)

    def find_paths(self, cells: CellRuns) -> Ints:
        """Where cells of this band lie in its pixels, row by row; int64, shape (cells.count,)."""
        span_starts = np.array([span.first_col for span in self.spans], np.int64)
        shifts = span_starts - np.array([span.place for span in self.spans], np.int64)
        cols = cells.starts - cells.rows * cells.ncols
        span = np.searchsorted(span_starts, cols, side="right") - 1
        first = (cells.rows - self.first_row) * self.width + cols - shifts[span]
        places = np.repeat(first - (np.cumsum(cells.lengths) - cells.lengths), cells.lengths)
        places += np.arange(cells.count, dtype=np.int64)
        return places


def bands(runs: CellRuns, shape: tuple[int, int], block: tuple[int, int]) -> Iterator[Band]:
    """The block rows that hold cells, north to south.

    Args:
        runs: cells of a raster of this shape.
        shape: rows and columns of the raster.
        block: rows and columns of a block.
    """
    block_rows = runs.rows // block[0]
    edges = np.flatnonzero(np.r_[True, block_rows[1:] != block_rows[:-1], True])
    for low, high in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        part = CellRuns(runs.starts[low:high], runs.stops[low:high], runs.ncols)
        yield _band(part, shape, block, int(block_rows[low]))


def _band(runs: CellRuns, shape: tuple[int, int], block: tuple[int, int], block_row: int) -> Band:
    first_col = runs.starts - runs.rows * runs.ncols
    last_col = runs.stops - runs.rows * runs.ncols
    west, east = first_col // block[1], (last_col - 1) // block[1]
    columns = -(-shape[1] // block[1])
    steps = np.bincount(west, minlength=columns + 1)[: columns + 1]
    steps = steps - np.bincount(east + 1, minlength=columns + 1)[: columns + 1]
    held = np.cumsum(steps[:columns]) > 0
    turns = np.flatnonzero(np.diff(np.r_[False, held, False].astype(np.int8)))
    span_of_run = np.searchsorted(turns[::2], west, side="right") - 1
    spans, place, pixels = [], 0, 0
    rows = min((block_row + 1) * block[0], shape[0]) - block_row * block[0]
    order = np.argsort(span_of_run, kind="stable")
    cuts = np.searchsorted(span_of_run[order], np.arange(turns.size // 2))
    lows = np.minimum.reduceat(first_col[order], cuts).tolist()
    highs = np.maximum.reduceat(last_col[order], cuts).tolist()
    for at, (low, high) in enumerate(zip(lows, highs, strict=True)):
        spans.append(Span(low, high, place))
        place += high - low
        edge = min(int(turns[2 * at + 1]) * block[1], shape[1])
        pixels += rows * (edge - int(turns[2 * at]) * block[1])
    return Band(runs, int(runs.rows[0]), int(runs.rows[-1]) + 1, tuple(spans), span_of_run, pixels)
