"""The arcs of population_arc_v1: positions of sites on cumulative weight (contract §4, S4).

Everything is whole numbers of units of weight, of which a country has K = 10^dp <= 10^18. Products
above 64 bits are split so that no step exceeds them: docs/proofs.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.contracts.identity import Identity
from segment1b_assets.contracts.policies import AllocPlanPolicy
from segment1b_assets.core.philox import U64, philox_blocks
from segment1b_assets.core.substreams import Substreams, plan_substreams

Ints = NDArray[np.int64]

#: Pairs must have fewer sites than this (E416).
SITES_LIMIT: Final = 1 << 31

_MILLION: Final = 10**6
_HALF: Final = np.uint64(32)
_LOW: Final = np.uint64(0xFFFFFFFF)


class ReachStep(NamedTuple):
    """How far the pairs of at most `n_max` sites spread (contract §3, s4.alloc_plan)."""

    n_max: int
    power: int
    min_ppm: int = 0


def reach_steps(policy: AllocPlanPolicy) -> list[ReachStep]:
    """The entries of a policy's reach."""
    return [ReachStep(entry.n_max, entry.power, entry.min_ppm) for entry in policy.reach]


@dataclass(frozen=True)
class Arcs:
    """Arcs of n pairs, by merchant_id.

    Attributes:
        merchant_id: uint64 (n,), strictly ascending.
        n_sites: int64 (n,), 1 <= n_sites < 2^31.
        home: A, int64 (n,), 0 <= A < K.
        length: L, int64 (n,), 1 <= L <= K.
        streams: the counter of each pair's one block.
    """

    merchant_id: U64
    n_sites: Ints
    home: Ints
    length: Ints
    streams: Substreams

    def __len__(self) -> int:
        return self.merchant_id.size


def draw_arcs(
    identity: Identity,
    country: str,
    merchant_id: U64,
    n_sites: Ints,
    reach: Sequence[ReachStep],
    dp: int,
) -> Arcs:
    """Draw home and reach of every pair, one Philox block each.

    Args:
        merchant_id, n_sites: (n,), as `Arcs` has them.
        reach: the policy's entries, n_max strictly ascending; may be empty.
        dp: decimal places of the weights, 0..18.
    """
    streams = plan_substreams(identity, country, merchant_id)
    first, second = philox_blocks(streams.counter_lo, streams.counter_hi, streams.key)
    scale = np.uint64(10**dp)
    home = _product_high(first, scale).astype(np.int64)
    length = np.full(n_sites.size, 10**dp, np.int64)
    entry = np.searchsorted(np.array([step.n_max for step in reach], np.int64), n_sites)
    entry[n_sites == 1] = len(reach)
    for number, step in enumerate(reach):
        mine = entry == number
        word = second[mine]
        share = word
        for _ in range(step.power - 1):
            share = _product_high(share, word)
        least = -(-(10**dp) * step.min_ppm // _MILLION)
        drawn = 1 + _product_high(share, scale).astype(np.int64)
        length[mine] = np.maximum(drawn, least)
    return Arcs(merchant_id, n_sites, home, length, streams)


def _product_high(a: U64, b: U64 | np.uint64) -> U64:
    """⌊a·b / 2^64⌋ exactly, uint64 (n,): numpy has no product of 128 bits."""
    a_low, a_high = a & _LOW, a >> _HALF
    b_low, b_high = b & _LOW, b >> _HALF
    # No sum passes 2^64: (2^32 - 1)^2 + 2·(2^32 - 1) = 2^64 - 1.
    middle = a_high * b_low + (a_low * b_low >> _HALF)
    lower = a_low * b_high + (middle & _LOW)
    high: U64 = a_high * b_high + (middle >> _HALF) + (lower >> _HALF)
    return high


def site_offsets(k: Ints, length: Ints | np.int64, n_sites: Ints | np.int64) -> Ints:
    """⌊k·L / n⌋: the distance from home to site number k.

    Args:
        k: int64, 0 <= k <= n; length: L, int64, 1..10^18; n_sites: n, int64, 1..2^31 - 1. They
            are broadcast together.
    """
    # With L = a·n + c: k·L/n = k·a + k·c/n, where k·a <= L and k·c < n² < 2^62.
    whole, part = np.divmod(length, n_sites)
    offsets: Ints = k * whole + k * part // n_sites
    return offsets


def sites_below(bound: Ints, length: int, n_sites: int) -> Ints:
    """How many of a pair's sites are less than `bound` from home: ⌈bound·n / L⌉, at most n.

    Args:
        bound: int64, any shape, >= 0.
        length: L, 1..10^18; n_sites: n, 1..2^31 - 1.
    """
    # The float errs by less than 2^-19 (docs/proofs.md), so the whole number nearest to it is the
    # ceiling or one less. Site number `count` is below the bound where it is one less.
    near = np.minimum(bound, length).astype(np.float64) * (n_sites / length)
    count: Ints = np.minimum(np.rint(near), n_sites).astype(np.int64)
    count += (count < n_sites) & (site_offsets(count, np.int64(length), np.int64(n_sites)) < bound)
    return count


def sites_before(weight: Ints, home: int, length: int, n_sites: int, dp: int) -> Ints:
    """How many of a pair's sites have a q below `weight`, where q wraps from K to 0.

    Args:
        weight: cumulative weight, int64, any shape, 0..K.
        home: A; length: L; n_sites: n, of one pair.
    """
    round_off = 10**dp - home
    passed = int(sites_below(np.array(round_off), length, n_sites))
    ahead = sites_below(np.maximum(weight - home, 0), length, n_sites)
    behind = sites_below(round_off + np.minimum(weight, home), length, n_sites)
    count: Ints = ahead + behind - passed
    return count
