"""Cumulative weight along the Hilbert curve, by squares of tiles (contract §4, S4).

A square of 2^b tiles a side is a contiguous piece of the curve. The first reading of the weights
gives the mass of every square; a later one gives the cumulative weights inside the squares that
are asked for, one band of 2^b raster rows at a time. No tiles are kept or sorted: a tile's
place inside its square comes from a table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.core.exact_sum import sum_of_weights
from segment1b_assets.core.hilbert import curve_order, hilbert_squares, ways_through_square

Ids = NDArray[np.uint64]
Ints = NDArray[np.int64]
Weighed = tuple[Ids, Ints]
#: Each call gives a country's weights from the start.
ReadWeights = Callable[[], Iterable[Weighed]]

#: Squares of a raster at most: their masses take 16 MiB.
_SQUARES: Final = 1 << 21
#: Cells of a square at least, before its side is rounded up to a power of two: a small country
#: of a coarse raster has few bands to step through.
_CELLS: Final = 128


def squares_of(nrows: int, ncols: int) -> int:
    """How many squares a raster is cut into at most."""
    return max(1, min(_SQUARES, nrows * ncols // _CELLS))


@dataclass(frozen=True)
class SquareGrid:
    """A raster cut into squares of 2^bits cells a side."""

    nrows: int
    ncols: int
    bits: int

    @classmethod
    def of(cls, nrows: int, ncols: int, most: int) -> SquareGrid:
        """The smallest squares of which there are at most `most`, but for the last one."""
        for bits in range(curve_order(nrows, ncols) + 1):
            grid = cls(nrows, ncols, bits)
            if grid.across * grid.down <= most:
                break
        return grid

    @property
    def across(self) -> int:
        return -(-self.ncols >> self.bits)

    @property
    def down(self) -> int:
        return -(-self.nrows >> self.bits)

    @property
    def cells(self) -> int:
        """Cells of a square."""
        return 1 << 2 * self.bits

    def square_and_cell(self, tile_id: Ids) -> tuple[Ints, Ints]:
        """Number of each tile's square, row by row, and of the tile inside it; int64 (n,) each."""
        row = (tile_id // np.uint64(self.ncols)).view(np.int64)
        col = tile_id.view(np.int64) - row * self.ncols
        last = (1 << self.bits) - 1
        square = (row >> self.bits) * self.across + (col >> self.bits)
        return square, (row & last) << self.bits | (col & last)

    def tile_id(self, square: Ints, cell: Ints) -> Ids:
        """The inverse of `square_and_cell`; uint64 (n,)."""
        last = (1 << self.bits) - 1
        row = (square // self.across << self.bits) | cell >> self.bits
        col = (square % self.across << self.bits) | cell & last
        return (row * self.ncols + col).view(np.uint64)


@dataclass(frozen=True)
class Band:
    """Squares of one band of rows, in curve order.

    Attributes:
        squares: their places in `CurveSquares`, ascending, (m,).
        before: cumulative weight before each square, int64 (m,).
        ends: cumulative weight at the end of each cell, in curve order, int64 (m, cells).
    """

    squares: NDArray[np.intp]
    before: Ints
    ends: Ints


class CurveSquares:
    """The squares of a country that have weight, in curve order.

    Attributes:
        number: of each square, row by row, int64 (m,).
        ends: cumulative weight at the end of each, int64 (m,), strictly ascending to K.
        tiles_read: tiles of the country.
    """

    def __init__(self, country: str, read: ReadWeights, dp: int, grid: SquareGrid) -> None:
        """Read the weights once.

        Raises:
            Segment1BError: E403_ZERO_TILE_UNIVERSE without a tile; E414_WEIGHT_TAMPER where a
                weight is negative, tiles are out of order or not of the raster, or the sum is
                not 10^dp.
        """
        self.grid = grid
        self._country = country
        mass, self.tiles_read = _masses(country, read(), dp, grid)
        held = np.flatnonzero(mass)
        order = curve_order(grid.nrows, grid.ncols) - grid.bits
        row, col = np.divmod(held.astype(np.uint64), np.uint64(grid.across))
        place, turn = hilbert_squares(col, row, order)
        along = np.argsort(place)
        self.number: Ints = held[along]
        self.ends: Ints = np.cumsum(mass[self.number])
        self._turn = turn[along]
        self._ways = ways_through_square(grid.bits)
        self._cells = np.argsort(self._ways, axis=1)

    def bands(self, read: ReadWeights, hit: NDArray[np.bool_]) -> Iterator[Band]:
        """Read the weights again, for the squares that are `hit` (m,), band by band.

        Memory is that of the hit squares of one band.

        Raises:
            Segment1BError: E414_WEIGHT_TAMPER where they are not those of the first reading.
        """
        chosen = np.flatnonzero(hit)
        band_of = self.number[chosen] // self.grid.across
        by_band = np.argsort(band_of, kind="stable")
        chosen, band_of = chosen[by_band], band_of[by_band]
        starts = np.flatnonzero(np.diff(band_of, prepend=-1))
        batches = _Batches(read())
        for squares, band in zip(np.split(chosen, starts[1:]), band_of[starts], strict=True):
            rows = np.array([band, band + 1]) << self.grid.bits
            first, stop = (int(row) * self.grid.ncols for row in rows)
            yield self._band(squares, batches.between(first, stop))

    def tile_id(self, squares: NDArray[np.intp], position: Ints) -> Ids:
        """The tiles at positions on the way through their squares; uint64 (n,)."""
        cell = self._cells[self._turn[squares], position]
        return self.grid.tile_id(self.number[squares], cell)

    def _band(self, squares: NDArray[np.intp], weights: Iterable[Weighed]) -> Band:
        cells = self.grid.cells
        weight_at = np.zeros(squares.size * cells, np.int64)
        # By the square's number: where its cells are in `weight_at`, and its way in `self._ways`.
        number = self.number[squares]
        first = int(number[0]) // self.grid.across * self.grid.across
        cells_from = np.full(self.grid.across, -1, np.int64)
        cells_from[number - first] = np.arange(squares.size) * cells
        way_from = np.zeros(self.grid.across, np.int64)
        way_from[number - first] = self._turn[squares].astype(np.int64) * cells
        for tile_id, weight in weights:
            square, cell = self.grid.square_and_cell(tile_id)
            square -= first
            at = cells_from[square]
            if (at < 0).any():
                wanted = at >= 0
                at, square, cell, weight = (v[wanted] for v in (at, square, cell, weight))
            cell += way_from[square]
            at += self._ways.ravel()[cell]
            weight_at[at] = weight
        ends = weight_at.reshape(squares.size, cells)
        np.cumsum(ends, axis=1, out=ends)
        before = np.where(squares > 0, self.ends[squares - 1], 0)
        ends += before[:, np.newaxis]
        if not np.array_equal(ends[:, -1], self.ends[squares]):
            raise _tampered(self._country, "the weights changed between two readings", None)
        return Band(squares, before, ends)


class _Batches:
    """Hands out a stream of weights by ranges of tile_id, front to back."""

    def __init__(self, weights: Iterable[Weighed]) -> None:
        self._weights = iter(weights)
        self._held: Weighed | None = None

    def between(self, first: int, stop: int) -> Iterator[Weighed]:
        """The weights of the tiles first..stop, after those that were handed out before."""
        while (batch := self._held or next(self._weights, None)) is not None:
            self._held = None
            tile_id, weight = batch
            edges = np.array([first, stop], np.uint64)
            start, end = np.searchsorted(tile_id, edges).tolist()
            if start < end:
                yield tile_id[start:end], weight[start:end]
            if end < tile_id.size:
                self._held = tile_id[end:], weight[end:]
                return


def _masses(
    country: str, weights: Iterable[Weighed], dp: int, grid: SquareGrid
) -> tuple[Ints, int]:
    """The mass of every square of the raster, and how many tiles were read."""
    mass = np.zeros(grid.across * grid.down, np.int64)
    total = tiles = 0
    last = -1
    for tile_id, weight in weights:
        if tile_id.size == 0:
            continue
        _require_order(country, tile_id, last, grid)
        if weight.min() < 0:
            at = int(np.argmin(weight))
            detail = f"tile_id {tile_id[at]} has weight {weight[at]}"
            raise _tampered(country, detail, int(weight[at]))
        total += sum_of_weights(weight)
        tiles += tile_id.size
        last = int(tile_id[-1])
        square, _ = grid.square_and_cell(tile_id)
        runs = np.flatnonzero(np.diff(square, prepend=-1))
        np.add.at(mass, square[runs], np.add.reduceat(weight, runs))
    if tiles == 0:
        raise Segment1BError(
            "E403_ZERO_TILE_UNIVERSE", "sites are required, but there is no tile", country=country
        )
    if total != 10**dp:
        raise _tampered(country, f"the weights sum to {total}, not to 10^{dp}", total)
    return mass, tiles


def _require_order(country: str, tile_id: Ids, last: int, grid: SquareGrid) -> None:
    if int(tile_id[0]) <= last:
        raise _tampered(country, f"tile_id {tile_id[0]} follows {last}", int(tile_id[0]))
    rising = tile_id[1:] > tile_id[:-1]
    if not rising.all():
        at = int(np.argmin(rising)) + 1
        detail = f"tile_id {tile_id[at]} follows {tile_id[at - 1]}"
        raise _tampered(country, detail, int(tile_id[at]))
    if int(tile_id[-1]) >= grid.nrows * grid.ncols:
        detail = f"tile_id {tile_id[-1]} is not a cell of the raster"
        raise _tampered(country, detail, int(tile_id[-1]))


def _tampered(country: str, detail: str, value: int | None) -> Segment1BError:
    return Segment1BError("E414_WEIGHT_TAMPER", detail, country=country, value=value)
