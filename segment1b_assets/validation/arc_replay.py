"""Draws the arcs of population_arc_v1 again, and counts the sites in intervals (contract §4, S4).

Home and reach are worked out pair by pair in Python's integers, straight from the contract. How
many sites an interval has follows from ceilings of b·n/L, without placing a site.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.contracts.identity import Identity
from segment1b_assets.core.arc_draw import ReachStep
from segment1b_assets.validation import philox_replay

Ints = NDArray[np.int64]
U64 = NDArray[np.uint64]


@dataclass(frozen=True)
class ReplayedArcs:
    """What pairs must have drawn, (n,) each: the counter's halves, A and L."""

    counter_hi: U64
    counter_lo: U64
    home: Ints
    length: Ints


def replay_arcs(
    identity: Identity,
    country: str,
    merchant_id: U64,
    n_sites: Ints,
    reach: Sequence[ReachStep],
    dp: int,
) -> ReplayedArcs:
    """Draw again for each pair; n_sites below 2^31."""
    starts = [philox_replay.plan_start(identity, country, m) for m in merchant_id.tolist()]
    halves = np.array(starts, np.uint64).reshape(-1, 2)
    hi, lo = halves[:, 0].copy(), halves[:, 1].copy()
    first, second = philox_replay.words(hi, lo, philox_replay.key_of(lo))
    scale = 10**dp
    home = [word * scale >> 64 for word in first.tolist()]
    drawn = zip(second.tolist(), n_sites.tolist(), strict=True)
    length = [_length(word, n, reach, scale) for word, n in drawn]
    return ReplayedArcs(hi, lo, np.array(home, np.int64), np.array(length, np.int64))


def _length(word: int, n: int, reach: Sequence[ReachStep], scale: int) -> int:
    step = next((step for step in reach if n <= step.n_max), None)
    if n == 1 or step is None:
        return scale
    share = word
    for _ in range(step.power - 1):
        share = share * word >> 64
    return max(1 + (share * scale >> 64), -(-scale * step.min_ppm // 10**6))


def sites_in(before: Ints, upto: Ints, home: Ints, length: Ints, n_sites: Ints, dp: int) -> Ints:
    """How many of a pair's sites are in the interval [before, upto) of cumulative weight.

    Args:
        before, upto: 0 <= before <= upto <= K; home: A; length: L; n_sites: n. All (k,).
    """
    scale = 10**dp
    start = before - home
    start[start < 0] += scale
    stop = start + (upto - before)
    counts = _sites_below(np.minimum(stop, scale), length, n_sites)
    counts -= _sites_below(start, length, n_sites)
    # What reaches past K begins anew at the arc's home.
    return counts + _sites_below(np.maximum(stop - scale, 0), length, n_sites)


def _sites_below(bound: Ints, length: Ints, n_sites: Ints) -> Ints:
    """⌈min(bound, L)·n / L⌉ exactly."""
    bound = np.minimum(bound, length)
    quotient = np.floor(bound.astype(np.float64) * n_sites / length).astype(np.int64)
    # The quotient is at most 1 off, so what it leaves lies in [-L, 2L) and is known modulo 2^64.
    product = bound.view(np.uint64) * n_sites.view(np.uint64)
    rest = (product - quotient.view(np.uint64) * length.view(np.uint64)).view(np.int64)
    return quotient + (rest > 0) + (rest > length)
