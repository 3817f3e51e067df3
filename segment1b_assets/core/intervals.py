"""Algebra on sets of integers that are held as half-open intervals.

An interval set is a pair of equally long int64 arrays (starts, stops) with
``starts[i] < stops[i] < starts[i + 1]``: sorted, disjoint, and not even touching, so that equal
sets have equal arrays. Every operation is vectorised and costs a sort of the interval ends.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Intervals = tuple[Ints, Ints]

EMPTY: Intervals = (np.empty(0, np.int64), np.empty(0, np.int64))


def merged(starts: Ints, stops: Ints) -> Intervals:
    """The set that arbitrary intervals cover; empty ones (``start >= stop``) cover nothing."""
    some = starts < stops
    if not some.all():
        starts, stops = starts[some], stops[some]
    if starts.size == 0:
        return EMPTY
    if (starts[1:] < starts[:-1]).any():
        order = np.argsort(starts, kind="stable")
        starts, stops = starts[order], stops[order]
    reach = np.maximum.accumulate(stops)
    gap = np.flatnonzero(starts[1:] > reach[:-1])
    return (
        starts[np.concatenate(([0], gap + 1))],
        reach[np.concatenate((gap, [starts.size - 1]))],
    )


def united(*sets: Intervals) -> Intervals:
    """The union of interval sets."""
    held = [s for s in sets if s[0].size]
    if len(held) < 2:
        return held[0] if held else EMPTY
    return merged(np.concatenate([s[0] for s in held]), np.concatenate([s[1] for s in held]))


def less(a: Intervals, b: Intervals) -> Intervals:
    """The members of `a` that are not in `b`."""
    if a[0].size == 0 or b[0].size == 0:
        return a
    # Only the pieces of b that meet a's hull matter: cheap when b is large and a small.
    lo = int(np.searchsorted(b[1], a[0][0], side="right"))
    hi = int(np.searchsorted(b[0], a[1][-1], side="left"))
    b_starts, b_stops = b[0][lo:hi], b[1][lo:hi]
    if b_starts.size == 0:
        return a
    points = np.concatenate((a[0], a[1], b_starts, b_stops))
    ones_a = np.ones(a[0].size, np.int8)
    twos_b = np.full(b_starts.size, 2, np.int8)
    steps = np.concatenate((ones_a, -ones_a, twos_b, -twos_b))
    order = np.argsort(points, kind="stable")
    points = points[order]
    cover = np.cumsum(steps[order], dtype=np.int8)  # 1: a alone, 2: b alone, 3: both
    keep = np.flatnonzero(cover[:-1] == 1)
    return merged(points[keep], points[keep + 1])


def size(a: Intervals) -> int:
    """How many integers the set holds."""
    return int((a[1] - a[0]).sum())


def expanded(first: Ints, count: Ints) -> tuple[Ints, Ints]:
    """Every integer of the ranges ``first[i] .. first[i] + count[i] - 1``, in order.

    Returns:
        (index, value), each of shape (count.sum(),): the range that a value comes from, the value.
    """
    total = int(count.sum())
    index = np.repeat(np.arange(count.size, dtype=np.int64), count)
    value = np.arange(total, dtype=np.int64)
    value += np.repeat(first - (np.cumsum(count) - count), count)
    return index, value


def bounded_groups(sizes: Ints, most: int) -> Iterator[slice]:
    """Consecutive items whose sizes add up to at most `most`, or one item that is larger.

    Args:
        sizes: of each item, int64 >= 0, shape (items,).
    """
    total = np.cumsum(sizes)
    start = before = 0
    while start < sizes.size:
        stop = max(start + 1, int(np.searchsorted(total, before + most, side="right")))
        yield slice(start, stop)
        start, before = stop, int(total[stop - 1])
