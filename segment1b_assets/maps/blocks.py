"""Sums a country's tiles into square blocks of cells while its partition streams by.

A map has some 80,000 pixels and Russia 47 million tiles, so nothing here is as long as the
country: each batch is cut into the pieces of a raster row that fall into one block, and only the
blocks that were touched are kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.core.grid import Grid

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
#: A batch of tiles: tile ids (uint64) and a number for each (int64), or None for none.
TileBatch = tuple[NDArray[np.uint64], NDArray[np.int64] | None]

#: Blocks from the northernmost to the southernmost row of a country, at most.
MOST_BLOCK_ROWS = 256


@dataclass(frozen=True)
class Blocks:
    """The blocks that a country touches, each once, in ascending (row, col).

    Attributes:
        size: cells of a block's side; the last block of a raster row may be narrower.
        rows, cols: int64, shape (blocks,), counted from the raster's north-west corner.
        cells: float64, shape (blocks,), the country's cells in each block.
        values: float64, shape (blocks,), the sum of what the batches brought with the cells.
    """

    size: int
    rows: Ints
    cols: Ints
    cells: Floats
    values: Floats


def block_size(first_row: int, last_row: int) -> int:
    """Cells of a block's side, so that these raster rows make at most MOST_BLOCK_ROWS blocks."""
    return max(1, -(-(last_row - first_row + 1) // MOST_BLOCK_ROWS))


def sum_into_blocks(batches: Iterable[TileBatch], grid: Grid, size: int) -> Blocks:
    """Count a stream of tiles, and add up their numbers, in blocks of `size` x `size` cells.

    Raises:
        ValueError: a tile id is not on the grid.
    """
    per_row = -(-grid.ncols // size)
    keys: list[Ints] = []
    cells: list[Floats] = []
    values: list[Floats] = []
    for ids, numbers in batches:
        if ids.size == 0:
            continue
        if int(ids.max()) >= grid.nrows * grid.ncols:
            raise ValueError(
                f"tile id {int(ids.max())} is not on a grid of {grid.nrows} x {grid.ncols} cells"
            )
        key, begins = _pieces(ids.view(np.int64), grid.ncols, size, per_row)
        lengths = np.diff(np.append(begins, ids.size)).astype(np.float64)
        sums = (
            np.zeros(begins.size)
            if numbers is None
            else np.add.reduceat(numbers, begins).astype(np.float64)
        )
        key, lengths, sums = _once_each(key, lengths, sums)
        keys.append(key)
        cells.append(lengths)
        values.append(sums)
    if not keys:
        nothing = np.empty(0, np.int64)
        return Blocks(size, nothing, nothing, np.empty(0), np.empty(0))
    key, lengths, sums = _once_each(
        np.concatenate(keys), np.concatenate(cells), np.concatenate(values)
    )
    return Blocks(size, key // per_row, key % per_row, lengths, sums)


def _pieces(ids: Ints, ncols: int, size: int, per_row: int) -> tuple[Ints, Ints]:
    """Cut the ids, where they jump and where a block ends, into pieces of one block each.

    Returns:
        The block of each piece (block row * per_row + block column) and where it begins in `ids`.
    """
    begins = np.append(0, np.flatnonzero(ids[1:] != ids[:-1] + 1) + 1)
    lasts = np.append(begins[1:], ids.size) - 1
    first, last = ids[begins], ids[lasts]
    # Along consecutive ids this number grows by one wherever a block ends, at a row's end too.
    step_first = first // ncols * per_row + first % ncols // size
    step_last = last // ncols * per_row + last % ncols // size
    count = step_last - step_first + 1
    run = np.repeat(np.arange(first.size), count)
    nth = np.arange(run.size) - np.repeat(np.cumsum(count) - count, count)
    step = step_first[run] + nth
    row, col = step // per_row, step % per_row
    head = np.maximum(first[run], row * ncols + col * size)
    return row // size * per_row + col, begins[run] + (head - first[run])


def _once_each(key: Ints, cells: Floats, values: Floats) -> tuple[Ints, Floats, Floats]:
    """Add up what belongs to the same block."""
    if (key[1:] > key[:-1]).all():
        return key, cells, values
    found, place = np.unique(key, return_inverse=True)
    counted: Floats = np.bincount(place, weights=cells).astype(np.float64)
    summed: Floats = np.bincount(place, weights=values).astype(np.float64)
    return found, counted, summed
