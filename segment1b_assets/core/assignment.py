"""S5: the tile of every site of a pair (contract §4, S5)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from segment1b_assets.contracts.identity import Identity
from segment1b_assets.core.philox import U64, counter_plus, philox_blocks
from segment1b_assets.core.rng_log import ASSIGN, RngLog
from segment1b_assets.core.site_batches import SITE_BATCH, pair_starts, plan_by_pair, site_rows
from segment1b_assets.core.stream import Chunk, PartitionStream
from segment1b_assets.core.substreams import Substreams, assignment_substreams
from segment1b_assets.core.uniforms import uniform


def site_tile_assignment(
    country: str,
    identity: Identity,
    ts_utc: str,
    plan: Iterable[pa.RecordBatch],
    batch_rows: int = SITE_BATCH,
) -> PartitionStream:
    """Assign a country's sites to their tiles.

    Args:
        country: ISO code.
        identity: the run's tokens.
        ts_utc: verified_at_utc of the S0 receipt, which every event carries.
        plan: batches of s4_alloc_plan (merchant_id, tile_id, n_sites_tile), in key order.
        batch_rows: sites of a chunk. Memory follows it, or 50 bytes per site of the largest pair.

    Returns:
        Chunks of s5_site_tile_assignment with the logs of ``rng_log.ASSIGN``; facts: pairs,
        sites, rng_events.

    Raises:
        Segment1BError: E408_UNSORTED while the chunks are read, if the plan is not in key order.
    """
    facts: dict[str, Any] = {"pairs": 0, "sites": 0, "rng_events": 0}
    return PartitionStream(_chunks(country, identity, ts_utc, plan, batch_rows, facts), facts)


def _chunks(
    country: str,
    identity: Identity,
    ts_utc: str,
    plan: Iterable[pa.RecordBatch],
    batch_rows: int,
    facts: dict[str, Any],
) -> Iterator[Chunk]:
    log = RngLog(ASSIGN, identity, ts_utc, country)
    for merchant, tile, quota in plan_by_pair(country, plan, batch_rows):
        pairs = _Pairs(country, identity, merchant, quota)
        u = np.empty(pairs.sites, np.float64)
        for part in pairs.parts(batch_rows):
            u[part] = pairs.uniforms(part)
        assigned = np.empty(pairs.sites, np.uint64)
        assigned[pairs.order_by(u)] = np.repeat(tile, quota)
        for part in pairs.parts(batch_rows):
            pair, site_order, lo, hi = pairs.sites_of(part)
            ids = pairs.merchant[pair]
            rows = site_rows(
                "s5_site_tile_assignment",
                country,
                merchant_id=ids,
                site_order=site_order,
                tile_id=assigned[part],
            )
            yield Chunk(rows, log.lines(lo, hi, ids, site_order, tile_id=assigned[part], u=u[part]))
        facts["pairs"] += pairs.merchant.size
        facts["sites"] += pairs.sites
        facts["rng_events"] = log.events


class _Pairs:
    """Whole pairs of one country: their substreams and the numbering of their sites."""

    def __init__(self, country: str, identity: Identity, merchant: U64, quota: NDArray[np.int64]):
        starts = pair_starts(merchant)
        self.merchant: U64 = merchant[starts]
        self.ends = np.cumsum(np.add.reduceat(quota, starts))
        self.begins = np.r_[0, self.ends[:-1]]
        self.sites = int(self.ends[-1])
        self._streams: Substreams = assignment_substreams(identity, country, self.merchant)

    def parts(self, batch_rows: int) -> Iterator[slice]:
        for start in range(0, self.sites, batch_rows):
            yield slice(start, min(start + batch_rows, self.sites))

    def sites_of(self, part: slice) -> tuple[NDArray[np.intp], NDArray[np.int64], U64, U64]:
        """Pair index, site_order and counter halves (lo, hi) of some consecutive sites."""
        counts = np.clip(self.ends, part.start, part.stop)
        counts -= np.clip(self.begins, part.start, part.stop)
        pair = np.repeat(np.arange(self.merchant.size), counts)
        steps = np.arange(part.start, part.stop) - self.begins[pair]
        lo, hi = counter_plus(
            self._streams.counter_lo[pair], self._streams.counter_hi[pair], steps.astype(np.uint64)
        )
        return pair, steps + 1, lo, hi

    def uniforms(self, part: slice) -> NDArray[np.float64]:
        pair, _, lo, hi = self.sites_of(part)
        return uniform(philox_blocks(lo, hi, self._streams.key[pair])[0])

    def order_by(self, u: NDArray[np.float64]) -> NDArray[np.intp]:
        """Sites by (pair, u, site_order): both sorts are stable and sites come numbered."""
        if self.merchant.size == 1:
            return np.argsort(u, kind="stable")
        pair = np.repeat(np.arange(self.merchant.size, dtype=np.int32), self.ends - self.begins)
        return np.lexsort((u, pair))
