"""s4_alloc_plan by population_arc_v1: equally spaced sites on an arc (contract §4, S4).

The country's tiles lie along a Hilbert curve, each as long as its weight. A pair draws where its
arc begins and how long it is. Cost: one pass over the tiles, one more for every few million
sites, and a search for each site.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.identity import Identity
from segment1b_assets.core.allocation import require_pairs
from segment1b_assets.core.arc_draw import SITES_LIMIT, Arcs, Ints, ReachStep, draw_arcs
from segment1b_assets.core.arc_sites import PairTiles, tiles_by_count, tiles_by_search
from segment1b_assets.core.curve_blocks import (
    CurveSquares,
    Ids,
    ReadWeights,
    SquareGrid,
    squares_of,
)
from segment1b_assets.core.exact_sum import sum_of_weights
from segment1b_assets.core.intervals import bounded_groups
from segment1b_assets.core.rng_log import PLAN, RngLog
from segment1b_assets.core.site_batches import SITE_BATCH, site_rows
from segment1b_assets.core.stream import Chunk, PartitionStream

#: Sites that are placed in one reading of the weights; 50 bytes each.
SITES: Final = 1 << 22


def arc_plan(
    country: str,
    identity: Identity,
    ts_utc: str,
    merchant_id: Ids,
    n_sites: Ints,
    weights: ReadWeights,
    dp: int,
    raster: tuple[int, int],
    reach: Sequence[ReachStep],
    *,
    batch_rows: int = SITE_BATCH,
    most_sites: int = SITES,
    most_squares: int | None = None,
) -> PartitionStream:
    """The s4_alloc_plan partition of a country, by merchant_id, then tile_id.

    Args:
        country: ISO code.
        identity: the run's tokens.
        ts_utc: verified_at_utc of the S0 receipt, which every event carries.
        merchant_id: strictly ascending, uint64, shape (pairs,).
        n_sites: sites of each pair, int64 >= 1, shape (pairs,).
        weights: gives batches of (tile_id uint64, weight_fp int64) in tile order, from the start
            at every call; called only if there are pairs.
        dp: decimal places of the weights, 0..18.
        raster: rows and columns of the raster.
        reach: the policy's entries, n_max strictly ascending.
        batch_rows: rows of a chunk (the last of a group may have fewer).
        most_sites: sites that are placed in one reading; a pair of more is counted by tiles.
        most_squares: squares that the raster is cut into, by default as its size calls for. Memory
            and time depend on the last three, rows and events do not.

    Returns:
        Chunks of ``TABLES["s4_alloc_plan"].wire`` with the logs of ``rng_log.PLAN``. Facts:
        pairs, sites, rows, tiles_read, readings, rng_events.

    Raises:
        Segment1BError: E310_UNSORTED, E308_COUNTS_MISMATCH and E416_NUMERIC_OVERFLOW (dp above
            18, n_sites of 2^31 or more) when called; E403 and E414 as `CurveSquares`, and E404,
            while its chunks are read.
    """
    require_pairs(country, merchant_id, n_sites, dp, SITES_LIMIT)
    facts: dict[str, Any] = {"pairs": merchant_id.size, "sites": sum_of_weights(n_sites)}
    log = RngLog(PLAN, identity, ts_utc, country)

    def chunks() -> Iterator[Chunk]:
        facts.update(rows=0, tiles_read=0, readings=0, rng_events=0)
        if merchant_id.size == 0:
            return
        grid = SquareGrid.of(*raster, most_squares or squares_of(*raster))
        squares = CurveSquares(country, weights, dp, grid)
        facts.update(tiles_read=squares.tiles_read, readings=1)
        for group in bounded_groups(n_sites, most_sites):
            merchants, sites = merchant_id[group], n_sites[group]
            arcs = draw_arcs(identity, country, merchants, sites, reach, dp)
            single = merchants.size == 1 and int(sites[0]) > most_sites
            place = tiles_by_count if single else tiles_by_search
            facts["readings"] += 1
            events = _Events(log, arcs)
            placed = np.zeros(len(arcs), np.int64)
            for rows in place(arcs, squares, weights, dp):
                np.add.at(placed, rows.pair, rows.sites)
                facts["rows"] += rows.pair.size
                yield from _chunks(country, arcs, rows, events, batch_rows)
            _require_sums(country, arcs, placed)
            facts["rng_events"] = log.events

    return PartitionStream(chunks(), facts)


class _Events:
    """The events of a group's pairs; a pair's comes with its first row."""

    def __init__(self, log: RngLog, arcs: Arcs) -> None:
        self._log = log
        self._arcs = arcs
        self._drawn = 0

    def through(self, pair: int) -> dict[str, bytes]:
        """The lines of the pairs up to this one that were not given before."""
        part = slice(self._drawn, pair + 1)
        if part.start == part.stop:
            return {}
        self._drawn = part.stop
        arcs = self._arcs
        return self._log.lines(
            arcs.streams.counter_lo[part],
            arcs.streams.counter_hi[part],
            arcs.merchant_id[part],
            n_sites=arcs.n_sites[part],
            home=arcs.home[part],
            reach=arcs.length[part],
        )


def _chunks(
    country: str, arcs: Arcs, rows: PairTiles, events: _Events, batch_rows: int
) -> Iterator[Chunk]:
    for start in range(0, rows.pair.size, batch_rows):
        part = slice(start, start + batch_rows)
        pair = rows.pair[part]
        batch = site_rows(
            "s4_alloc_plan",
            country,
            merchant_id=arcs.merchant_id[pair],
            tile_id=rows.tile_id[part],
            n_sites_tile=rows.sites[part],
        )
        yield Chunk(batch, events.through(int(pair[-1])))


def _require_sums(country: str, arcs: Arcs, placed: Ints) -> None:
    for at in np.flatnonzero(placed != arcs.n_sites)[:1]:
        raise Segment1BError(
            "E404_ALLOCATION_MISMATCH",
            f"merchant {arcs.merchant_id[at]}: {placed[at]} sites were placed",
            country=country, value=int(arcs.n_sites[at]),
            next_step="report this as a defect of segment1b_assets.core.arc_plan",
        )  # fmt: skip
