"""s4_alloc_plan: a pair's sites over the tiles of its country (contract §4, S4).

A pair of n sites can only touch the first n tiles of the order (weight descending, tile_id
ascending), and pairs of the same n get the same tiles: docs/proofs.md. So the weights are read
once, and every distinct n is computed once, at a cost of n.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import numpy as np
import pyarrow as pa

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.core.exact_sum import sum_of_weights
from segment1b_assets.core.heaviest import HeaviestTiles, Ids, Ints, Weighed, heaviest_tiles
from segment1b_assets.core.site_batches import site_rows
from segment1b_assets.core.stream import BATCH_ROWS, Chunk, PartitionStream

#: Pairs must have fewer sites than this; with K <= 10^18 every product is then exact.
SITES_LIMIT: Final = 1 << 50


def alloc_plan(
    country: str,
    merchant_id: Ids,
    n_sites: Ints,
    weights: Iterable[Weighed],
    dp: int,
    batch_rows: int = BATCH_ROWS,
) -> PartitionStream:
    """The s4_alloc_plan partition of a country, by merchant_id, then tile_id.

    Args:
        country: ISO code.
        merchant_id: strictly ascending, uint64, shape (pairs,).
        n_sites: sites of each pair, int64 >= 1, shape (pairs,).
        weights: batches of (tile_id uint64, weight_fp int64) in tile order; read only if there
            are pairs.
        dp: decimal places of the weights, 0..18.
        batch_rows: rows of a chunk (the last may have fewer).

    Returns:
        A stream of chunks of ``TABLES["s4_alloc_plan"].wire``. Facts: pairs, sites, rows,
        distinct_n_sites, tiles_read, tiles_ordered, residue_allocations.

    Raises:
        Segment1BError: E310_UNSORTED, merchants out of order or repeated; E308_COUNTS_MISMATCH, an
            n_sites below 1; E416_NUMERIC_OVERFLOW, dp above 18 or an n_sites of 2^50 or more; and
            while its chunks are read, E403 and E414 as `heaviest_tiles`.
    """
    require_pairs(country, merchant_id, n_sites, dp, SITES_LIMIT)
    facts: dict[str, Any] = {"pairs": merchant_id.size, "sites": sum_of_weights(n_sites)}

    def chunks() -> Iterator[Chunk]:
        facts.update(rows=0, distinct_n_sites=0, tiles_read=0, tiles_ordered=0)
        facts["residue_allocations"] = 0
        if merchant_id.size == 0:
            return
        top = heaviest_tiles(country, weights, dp, int(n_sites.max()))
        facts.update(tiles_read=top.tiles_read, tiles_ordered=top.tile_id.size)
        plans = _Plans(country, top, n_sites, dp)
        facts.update(
            rows=int(plans.rows.sum()),
            distinct_n_sites=plans.distinct,
            residue_allocations=plans.residue_allocations,
        )
        for first in range(0, facts["rows"], batch_rows):
            yield Chunk(plans.batch(merchant_id, first, min(first + batch_rows, facts["rows"])))

    return PartitionStream(chunks(), facts)


def allocate(top: HeaviestTiles, n: int, dp: int) -> tuple[Ids, Ints, int]:
    """Share n sites out over a country's tiles by the largest remainder, in whole numbers.

    Args:
        top: the country's heaviest tiles, at least n of them or all that have a weight.
        n: sites, 1 <= n < 2^50.
        dp: decimal places of the weights, 0..18.

    Returns:
        The tiles that get a site, ascending, uint64 shape (k,); how many each gets, int64 shape
        (k,); how many sites the floors left over.
    """
    tile_id, weight = top.tile_id[:n], top.weight[:n]
    sites, residue = floor_and_residue(weight, n, 10**dp)
    left = n - int(sites.sum())
    if left:
        # The left-th largest residue is the cut; ties at it go to the lowest tile ids.
        cut = np.partition(residue, residue.size - left)[residue.size - left]
        over = residue > cut
        sites += over
        tied = np.flatnonzero(residue == cut)
        tied = tied[np.argsort(tile_id[tied])]
        sites[tied[: left - int(np.count_nonzero(over))]] += 1
    some = np.flatnonzero(sites)
    order = some[np.argsort(tile_id[some])]
    return tile_id[order], sites[order], left


def floor_and_residue(weight: Ints, n: int, scale: int) -> tuple[Ints, Ints]:
    """⌊w·n / K⌋ and (w·n) mod K exactly, in 64-bit words.

    The float quotient is at most 1 off the floor for n < 2^50. The residue for it, taken modulo
    2^64, lies in [-K, 2K), so it is known exactly. It shows by how much the quotient was off.

    Args:
        weight: 0 <= w <= K, int64, shape (k,).
        n: 1 <= n < 2^50.
        scale: K, 1 <= K <= 10^18.
    """
    quotient = np.floor(weight.astype(np.float64) * float(n) / float(scale)).astype(np.int64)
    product = weight.view(np.uint64) * np.uint64(n)
    residue = (product - quotient.view(np.uint64) * np.uint64(scale)).view(np.int64)
    low, high = residue < 0, residue >= scale
    quotient += high
    quotient -= low
    residue[low] += scale
    residue[high] -= scale
    return quotient, residue


class _Plans:
    """The plan of every distinct n, laid end to end, and where each pair's rows are."""

    def __init__(self, country: str, top: HeaviestTiles, n_sites: Ints, dp: int) -> None:
        self._country = country
        distinct, plan_of = np.unique(n_sites, return_inverse=True)
        made = [allocate(top, int(n), dp) for n in distinct]
        for n, (_, sites, _) in zip(distinct.tolist(), made, strict=True):
            if int(sites.sum()) != n:
                raise Segment1BError(
                    "E404_ALLOCATION_MISMATCH", f"{sites.sum()} sites were allocated, not {n}",
                    country=country, value=n,
                    next_step="report this as a defect of segment1b_assets.core.allocation",
                )  # fmt: skip
        self._tile_id = np.concatenate([tile_id for tile_id, _, _ in made])
        self._sites = np.concatenate([sites for _, sites, _ in made])
        lengths = np.array([tile_id.size for tile_id, _, _ in made], np.int64)
        lefts = np.array([left for _, _, left in made], np.int64)
        self.distinct = distinct.size
        self.rows: Ints = lengths[plan_of]
        self.residue_allocations = int(lefts[plan_of].sum())
        self._from = (np.cumsum(lengths) - lengths)[plan_of]
        self._upto = np.cumsum(self.rows)

    def batch(self, merchant_id: Ids, first: int, stop: int) -> pa.RecordBatch:
        """Rows first..stop of the country's plan."""
        pairs = slice(
            int(np.searchsorted(self._upto, first, side="right")),
            int(np.searchsorted(self._upto, stop, side="left")) + 1,
        )
        before = self._upto[pairs] - self.rows[pairs]
        rows = np.minimum(self._upto[pairs], stop) - np.maximum(before, first)
        at = np.repeat(self._from[pairs] - before, rows) + np.arange(first, stop)
        return site_rows(
            "s4_alloc_plan",
            self._country,
            merchant_id=np.repeat(merchant_id[pairs], rows),
            tile_id=self._tile_id[at],
            n_sites_tile=self._sites[at],
        )


def require_pairs(country: str, merchant_id: Ids, n_sites: Ints, dp: int, sites_limit: int) -> None:
    """Refuse pairs that are out of order, without sites or with too many; dp beyond 0..18.

    Raises:
        Segment1BError: E310_UNSORTED, E308_COUNTS_MISMATCH, E416_NUMERIC_OVERFLOW.
    """
    rising = merchant_id[1:] > merchant_id[:-1]
    if not rising.all():
        at = int(np.argmin(rising)) + 1
        raise Segment1BError(
            "E310_UNSORTED",
            f"s3_requirements: merchant {merchant_id[at]} comes after {merchant_id[at - 1]}",
            country=country,
            value=int(merchant_id[at]),
        )
    for at in np.flatnonzero(n_sites < 1)[:1]:
        raise Segment1BError(
            "E308_COUNTS_MISMATCH", f"merchant {merchant_id[at]} has {n_sites[at]} sites",
            country=country, value=int(n_sites[at]),
        )  # fmt: skip
    for at in np.flatnonzero(n_sites >= sites_limit)[:1]:
        raise Segment1BError(
            "E416_NUMERIC_OVERFLOW",
            f"merchant {merchant_id[at]} has {n_sites[at]} sites; fewer than "
            f"2^{sites_limit.bit_length() - 1} are exact",
            country=country, value=int(n_sites[at]), next_step="correct the outlet catalogue",
        )  # fmt: skip
    if not 0 <= dp <= 18:
        raise Segment1BError(
            "E416_NUMERIC_OVERFLOW", f"weights of {dp} decimal places; 0 to 18 are exact",
            country=country, value=dp,
        )  # fmt: skip
