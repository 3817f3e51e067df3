"""Judges whether plans are the largest remainder's, without finding any remainder.

As in `weight_remainders`: let d be a tile's sites less its quota w*n/K. Sites that sum to n are the
largest remainder's if and only if no two d differ by more than 1, ties standing in tile order. Of
the tiles without a site only the heaviest can have the smallest d, and a pair's tiles are the first
of the order (weight descending, tile_id ascending): docs/proofs.md. Everything is in units of 1/K
and exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.validation.heaviest_first import HeaviestFirst

Ids = NDArray[np.uint64]
Ints = NDArray[np.int64]

#: Stands for any d beyond what a plan can have; K is at most 10^18.
_FAR: Final = 3 * 10**18


@dataclass(frozen=True)
class PlanRows:
    """Rows of whole pairs, ascending by pair and tile_id, shape (k,) each.

    Attributes:
        pair: index of the row's pair.
        tile_id, sites: of the plan.
        n: sites of the row's pair.
    """

    pair: NDArray[np.intp]
    tile_id: Ids
    sites: Ints
    n: Ints


def wrong_pairs(rows: PlanRows, order: HeaviestFirst, scale: int) -> NDArray[np.intp]:
    """The pairs of `rows` whose plan is not the largest remainder's, given that it sums to n.

    Args:
        rows: at least one.
        order: the heaviest tiles of the country, more than any pair has rows, or all of them.
        scale: K.

    Returns:
        Indices of pairs, ascending.
    """
    starts = np.flatnonzero(np.r_[True, rows.pair[1:] != rows.pair[:-1]])
    lengths = np.diff(np.r_[starts, rows.pair.size])
    rank = order.rank_of(rows.tile_id)
    # A tile that is not among the heaviest counts as weightless: it makes a misfit all the more.
    weight = np.where(rank >= 0, order.weight[np.maximum(rank, 0)], 0)
    excess = excess_of(rows.sites, weight, rows.n, scale)
    largest, last = _extreme(excess, rows.tile_id, starts, lengths, np.maximum)
    smallest, first = _extreme(excess, rows.tile_id, starts, lengths, np.minimum)
    # The heaviest tile without a site, where there is one. (In a plan whose tiles are not the
    # first of the order, this one is as heavy as one of them, and shows the misfit as well.)
    heaviest = np.minimum(lengths, order.tile_id.size - 1)
    rest = excess_of(np.zeros_like(lengths), order.weight[heaviest], rows.n[starts], scale)
    rest_id = order.tile_id[heaviest]
    under = (lengths < order.tile_id.size) & (
        (rest < smallest) | ((rest == smallest) & (rest_id < first))
    )
    smallest, first = np.where(under, rest, smallest), np.where(under, rest_id, first)
    spread = largest - smallest
    fits = (spread < scale) | ((spread == scale) & (last < first))
    wrong: NDArray[np.intp] = rows.pair[starts[~fits]]
    return wrong


def excess_of(sites: Ints, weight: Ints, n: Ints, scale: int) -> Ints:
    """sites * K - weight * n exactly where it is within 2 K of 0, else +-3 * 10^18; shape (k,).

    The floats are off by less than K / 2 for n < 2^50, and what is within 2 K is known modulo 2^64.
    """
    about = sites.astype(np.float64) * scale - weight.astype(np.float64) * n
    wrapped = sites.astype(np.uint64) * np.uint64(scale) - weight.astype(np.uint64) * n.astype(
        np.uint64
    )
    near = np.abs(about) <= 1.5 * scale
    return np.where(near, wrapped.view(np.int64), np.where(about > 0, _FAR, -_FAR))


def _extreme(
    excess: Ints, tile_id: Ids, starts: NDArray[np.intp], lengths: Ints, which: np.ufunc
) -> tuple[Ints, Ids]:
    """Largest d of each pair with its last tile, or smallest d with its first."""
    best = which.reduceat(excess, starts)
    at_best = excess == np.repeat(best, lengths)
    nothing = np.uint64(0) if which is np.maximum else np.uint64(2**64 - 1)
    return best, which.reduceat(np.where(at_best, tile_id, nothing), starts)
