"""Which tiles a pair's arc gives its sites to, for many small pairs or one large one (S4).

Many pairs: every site is placed by a search among the cumulative weights. One pair with more
sites than fit in memory: every tile counts the sites in its interval.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.core.arc_draw import Arcs, Ints, site_offsets, sites_before
from segment1b_assets.core.curve_blocks import Band, CurveSquares, Ids, ReadWeights

#: Tiles whose intervals are counted in one step.
_CELLS: Final = 1 << 18


@dataclass(frozen=True)
class PairTiles:
    """Rows of a plan, by pair, then tile_id.

    Attributes:
        pair: index of the pair among the arcs, (k,).
        tile_id: uint64 (k,).
        sites: int64 (k,), >= 1.
    """

    pair: NDArray[np.int32]
    tile_id: Ids
    sites: Ints


def tiles_by_search(
    arcs: Arcs, squares: CurveSquares, read: ReadWeights, dp: int
) -> Iterator[PairTiles]:
    """The tiles of all the pairs in one step; memory follows their sites."""
    pair = np.repeat(np.arange(len(arcs), dtype=np.int32), arcs.n_sites)
    place = _places(arcs, pair, dp)
    tile_id = _tiles_at(place, squares, read)
    del place
    order = np.lexsort((tile_id, pair))
    tile_id, pair = tile_id[order], pair[order]
    changes = (tile_id[1:] != tile_id[:-1]) | (pair[1:] != pair[:-1])
    starts = np.flatnonzero(np.concatenate([[True], changes]))
    sites = np.diff(starts, append=pair.size)
    yield PairTiles(pair[starts], tile_id[starts], sites)


def _places(arcs: Arcs, pair: NDArray[np.int32], dp: int) -> Ints:
    """q of every site: its place on the country's cumulative weight, int64, 0..K - 1."""
    begins = np.cumsum(arcs.n_sites) - arcs.n_sites
    number = np.arange(pair.size) - begins[pair]
    place = site_offsets(number, arcs.length[pair], arcs.n_sites[pair])
    place += arcs.home[pair]
    place[place >= 10**dp] -= 10**dp
    return place


def _tiles_at(place: Ints, squares: CurveSquares, read: ReadWeights) -> Ids:
    """The tile whose part of the cumulative weight each place is in."""
    square = np.searchsorted(squares.ends, place, side="right")
    hit = np.zeros(squares.ends.size, np.bool_)
    hit[square] = True
    band_of = squares.number[square] // squares.grid.across
    order = np.argsort(band_of, kind="stable")
    del square
    tile_id = np.empty(place.size, np.uint64)
    done = 0
    for band in squares.bands(read, hit):
        first = band_of[order[done]]
        stop = int(np.searchsorted(band_of, first, side="right", sorter=order))
        sites = order[done:stop]
        at = np.searchsorted(band.ends.ravel(), place[sites], side="right")
        slot, position = np.divmod(at, squares.grid.cells)
        tile_id[sites] = squares.tile_id(band.squares[slot], position)
        done = stop
    return tile_id


def tiles_by_count(
    arcs: Arcs, squares: CurveSquares, read: ReadWeights, dp: int
) -> Iterator[PairTiles]:
    """The tiles of one pair, whose sites may be far more; memory follows a band's tiles."""
    arc = int(arcs.home[0]), int(arcs.length[0]), int(arcs.n_sites[0]), dp
    upto = sites_before(squares.ends, *arc)
    for band in squares.bands(read, np.diff(upto, prepend=0) > 0):
        tiles, sites = [], []
        step = max(1, _CELLS // squares.grid.cells)
        for start in range(0, band.squares.size, step):
            slots = slice(start, start + step)
            counts = _counts(band, slots, arc)
            slot, position = np.nonzero(counts)
            tiles.append(squares.tile_id(band.squares[slots][slot], position))
            sites.append(counts[slot, position])
        tile_id = np.concatenate(tiles)
        order = np.argsort(tile_id)
        pair = np.zeros(tile_id.size, np.int32)
        yield PairTiles(pair, tile_id[order], np.concatenate(sites)[order])


def _counts(band: Band, slots: slice, arc: tuple[int, int, int, int]) -> Ints:
    before = sites_before(band.before[slots], *arc)
    upto = sites_before(band.ends[slots], *arc)
    return np.diff(upto, axis=1, prepend=before[:, np.newaxis])
