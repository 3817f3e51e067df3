"""The intervals that some tiles have on cumulative weight along the curve, without sorting all.

One pass over the weights: what lies between two of the sought tiles on the curve is added up in
one number. A square of the raster that holds none of them lies between two of them as a whole,
so its tiles are added up first and only the square is looked up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.core.exact_sum import sum_of_weights
from segment1b_assets.validation.columns import Columns
from segment1b_assets.validation.curve_position import curve_position

Ids = NDArray[np.uint64]
Ints = NDArray[np.int64]

#: Squares of the raster at most.
_SQUARES: Final = 1 << 24
#: Squares in a row that are added up, and looked up on the curve, at once: 90 bytes each.
_SQUARES_AT_ONCE: Final = 1 << 16


@dataclass(frozen=True)
class CurveIntervals:
    """What the weights say of some tiles, and of themselves.

    Attributes:
        before, upto: cumulative weight before and after each sought tile, int64 (n,), in the
            order in which they were sought; right only if the weights are lawful.
        found: which of them have a weight, bool (n,).
        total: sum of all weights.
        negative: how many weights are below 0.
        outside: how many tiles are no cells of the raster.
    """

    before: Ints
    upto: Ints
    found: NDArray[np.bool_]
    total: int
    negative: int
    outside: int


def curve_intervals(
    files: Sequence[Path],
    sought: Ids,
    nrows: int,
    ncols: int,
    most_squares: int = _SQUARES,
    at_once: int = _SQUARES_AT_ONCE,
) -> CurveIntervals:
    """Read a country's weights once.

    Args:
        files: of tile_weights.
        sought: distinct tiles of the raster, uint64 (n,).
        nrows, ncols: of the raster.
        most_squares: squares that the raster is cut into.
        at_once: squares that are added up and looked up together. Memory depends on both, no
            result does.

    Raises:
        Segment1BError: E_INPUT_SCHEMA if a file cannot be read.
    """
    gaps = _Gaps(sought, nrows, ncols, most_squares, at_once)
    total = negative = outside = 0
    for block in Columns(files, ["tile_id", "weight_fp"]).blocks():
        tile_id, weight = block["tile_id"], block["weight_fp"]
        total += sum_of_weights(weight)
        negative += int(np.count_nonzero(weight < 0))
        strangers = tile_id >= np.uint64(nrows * ncols)
        if strangers.any():
            outside += int(np.count_nonzero(strangers))
            tile_id, weight = tile_id[~strangers], weight[~strangers]
        gaps.add(tile_id, weight)
    return CurveIntervals(*gaps.intervals(), total, negative, outside)


class _Gaps:
    """Sums of weights between the sought tiles, and the weights of these."""

    def __init__(
        self, sought: Ids, nrows: int, ncols: int, most_squares: int, at_once: int
    ) -> None:
        self._ncols = np.uint64(ncols)
        self._order = (max(nrows, ncols) - 1).bit_length()
        self._bits = 0
        while (-(-nrows >> self._bits)) * (-(-ncols >> self._bits)) > most_squares:
            self._bits += 1
        self._across = -(-ncols >> self._bits)
        row, col = np.divmod(sought, self._ncols)
        position = curve_position(col, row, self._order)
        self._back = np.argsort(np.argsort(position))
        self._curve = np.sort(position)
        self._sought_squares = np.unique(self._square(row, col))
        self._between = np.zeros(sought.size + 1, np.int64)
        self._own = np.zeros(sought.size, np.int64)
        self._found = np.zeros(sought.size, np.bool_)
        # Masses of consecutive squares, `_first` on, that are not yet looked up.
        self._at_once = at_once
        self._first = 0
        self._mass = np.zeros(0, np.int64)

    def add(self, tile_id: Ids, weight: Ints) -> None:
        if tile_id.size == 0:
            return
        row = tile_id // self._ncols
        col = tile_id - row * self._ncols
        square = self._square(row, col)
        self._make_room(int(square.min()), int(square.max()) + 1)
        square -= self._first
        single = self._held_sought()[square]
        runs = np.flatnonzero(np.diff(square, prepend=-1))
        sums = np.add.reduceat(weight, runs)
        whole = ~single[runs]
        np.add.at(self._mass, square[runs[whole]], sums[whole])
        at = np.flatnonzero(single)
        self._add_positions(curve_position(col[at], row[at], self._order), weight[at])

    def intervals(self) -> tuple[Ints, Ints, NDArray[np.bool_]]:
        """Before, upto and found, in the order of the sought tiles."""
        self._add_squares()
        upto = np.cumsum(self._between[:-1] + self._own)
        before = upto - self._own
        return before[self._back], upto[self._back], self._found[self._back]

    def _make_room(self, start: int, stop: int) -> None:
        """Hold the masses of the squares start..stop, and of more after them."""
        if start < self._first or stop > self._first + self._mass.size:
            self._add_squares()
            self._first = start
            self._mass = np.zeros(max(stop - start, self._at_once), np.int64)

    def _held_sought(self) -> NDArray[np.bool_]:
        """Which of the squares that are held have a sought tile."""
        held = np.zeros(self._mass.size, np.bool_)
        ends = [self._first, self._first + self._mass.size]
        start, stop = np.searchsorted(self._sought_squares, ends).tolist()
        held[self._sought_squares[start:stop] - self._first] = True
        return held

    def _add_squares(self) -> None:
        """Add the masses that are held to the gaps that their squares lie in.

        No sought tile is in a square that has one: it lies where its first cell lies.
        """
        for start in range(0, self._mass.size, self._at_once):
            mass = self._mass[start : start + self._at_once]
            held = np.flatnonzero(mass)
            square = (self._first + start + held).astype(np.uint64)
            row, col = np.divmod(square, np.uint64(self._across))
            first = curve_position(col, row, self._order - self._bits) << np.uint64(2 * self._bits)
            np.add.at(self._between, np.searchsorted(self._curve, first), mass[held])

    def _square(self, row: Ids, col: Ids) -> Ints:
        bits = np.uint64(self._bits)
        return ((row >> bits) * np.uint64(self._across) + (col >> bits)).astype(np.int64)

    def _add_positions(self, position: Ids, weight: Ints) -> None:
        at = np.searchsorted(self._curve, position)
        mine = self._curve[np.minimum(at, self._curve.size - 1)] == position
        np.add.at(self._own, at[mine], weight[mine])
        self._found[at[mine]] = True
        np.add.at(self._between, at[~mine], weight[~mine])
