"""What merchants of several sites look like: the same tiles as another, and how far they reach."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
U64 = NDArray[np.uint64]

_MIX: Final = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_SECOND: Final = np.uint64(0x9E3779B97F4A7C15)


def with_identical_tiles(pair: Ints, tile: U64) -> Ints:
    """Which pairs hold the same set of tiles as another pair.

    Sets are compared by their size and by two sums of 64 mixed bits a tile.

    Args:
        pair: int64 (sites,), ascending; sites of one merchant in one country.
        tile: uint64 (sites,).

    Returns:
        Numbers of the pairs, int64, ascending.
    """
    if pair.size == 0:
        return np.empty(0, np.int64)
    order = np.lexsort((tile, pair))
    pair, tile = pair[order], tile[order]
    first = np.append(True, (pair[1:] != pair[:-1]) | (tile[1:] != tile[:-1]))
    pair, tile = pair[first], tile[first]
    present = np.append(True, pair[1:] != pair[:-1])
    starts = np.flatnonzero(present)
    sums = [np.add.reduceat(_mixed(tile + salt), starts) for salt in (np.uint64(0), _SECOND)]
    size = np.diff(np.append(starts, pair.size)).astype(np.uint64)
    keys = np.stack([size, *sums], axis=1)
    _, place, count = np.unique(keys, axis=0, return_inverse=True, return_counts=True)
    shared: Ints = pair[present][count[place.ravel()] > 1]
    return shared


def _mixed(values: U64) -> U64:
    """Each value's bits spread over all 64 (the finaliser of splitmix64)."""
    values = (values ^ (values >> np.uint64(30))) * _MIX[0]
    values = (values ^ (values >> np.uint64(27))) * _MIX[1]
    return values ^ (values >> np.uint64(31))


def reaches(pair: Ints, position: Floats, pairs: int) -> Floats:
    """Share of the country's weight in the shortest arc that holds 90 % of each pair's sites.

    The curve is closed: an arc may pass its end.

    Args:
        pair: int64 (sites,), ascending, below `pairs`.
        position: float64 (sites,), of the sites along the curve, in [0, 1).

    Returns:
        float64 (pairs,); NaN where a pair has fewer than two sites.
    """
    found = np.full(pairs, np.nan)
    sizes = np.bincount(pair, minlength=pairs)
    several = sizes[pair] >= 2
    pair, position = pair[several], position[several]
    if pair.size == 0:
        return found
    position = position[np.lexsort((position, pair))]
    starts = np.flatnonzero(np.append(True, pair[1:] != pair[:-1]))
    start = np.repeat(starts, np.diff(np.append(starts, pair.size)))
    size = sizes[pair]
    # ceil(0.9 n) in whole numbers, less one: how many sites further the arc ends.
    further = (9 * size + 9) // 10 - 1
    last = np.arange(pair.size) - start + further
    span = position[start + last % size] - position + (last >= size)
    found[pair[starts]] = np.minimum.reduceat(span, starts)
    return found
