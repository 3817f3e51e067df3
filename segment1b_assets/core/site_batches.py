"""Batches of sites: plans regrouped by pair, and rows of the site tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.schemas import TABLES
from segment1b_assets.core.intervals import bounded_groups
from segment1b_assets.core.philox import U64

#: Sites of one chunk of S5 and S6. A site adds 1 kB of log lines; above some 16 MB a buffer is
#: returned to the system and mapped again for every chunk, which doubled the time.
SITE_BATCH: Final = 1 << 13

PlanRows = tuple[U64, U64, NDArray[np.int64]]


def plan_by_pair(
    country: str, plan: Iterable[pa.RecordBatch], most_sites: int
) -> Iterator[PlanRows]:
    """Regroup a plan so that no group divides a pair.

    Args:
        country: ISO code, for the error.
        plan: batches with merchant_id, tile_id and n_sites_tile, in (merchant, tile) order.
        most_sites: a group has at most this many sites, or is one pair that has more.

    Yields:
        merchant_id uint64, tile_id uint64 and n_sites_tile int64 of whole pairs, (k,) each.

    Raises:
        Segment1BError: E408_UNSORTED, the rows are not in strict key order.
    """
    names = ("merchant_id", "tile_id", "n_sites_tile")
    held: PlanRows = (np.empty(0, np.uint64), np.empty(0, np.uint64), np.empty(0, np.int64))
    for batch in plan:
        if batch.num_rows == 0:
            continue
        columns = (batch.column(name).to_numpy() for name in names)
        merchant, tile, quota = (np.concatenate(c) for c in zip(held, columns, strict=True))
        _require_order(country, merchant, tile)
        # The batch's last pair may go on in the next batch.
        cut = int(np.searchsorted(merchant, merchant[-1]))
        yield from _groups((merchant[:cut], tile[:cut], quota[:cut]), most_sites)
        held = (merchant[cut:], tile[cut:], quota[cut:])
    yield from _groups(held, most_sites)


def _groups(rows: PlanRows, most_sites: int) -> Iterator[PlanRows]:
    merchant, tile, quota = rows
    if merchant.size == 0:
        return
    starts = pair_starts(merchant)
    ends = np.r_[starts, merchant.size]
    for pairs in bounded_groups(np.add.reduceat(quota, starts), most_sites):
        part = slice(int(ends[pairs.start]), int(ends[pairs.stop]))
        yield merchant[part], tile[part], quota[part]


def _require_order(country: str, merchant: U64, tile: U64) -> None:
    same = merchant[1:] == merchant[:-1]
    rising = (merchant[1:] > merchant[:-1]) | (same & (tile[1:] > tile[:-1]))
    if not rising.all():
        at = int(np.argmin(rising)) + 1
        raise Segment1BError(
            "E408_UNSORTED",
            f"s4_alloc_plan: merchant {merchant[at]} tile {tile[at]} comes after "
            f"merchant {merchant[at - 1]} tile {tile[at - 1]}",
            country=country,
            value=int(tile[at]),
        )


def pair_starts(merchant_id: U64) -> NDArray[np.intp]:
    """Index of each pair's first row, where equal ids are adjacent; (pairs,)."""
    return np.flatnonzero(np.r_[True, merchant_id[1:] != merchant_id[:-1]])


def site_rows(dataset: str, country: str, **columns: Any) -> pa.RecordBatch:
    """Rows of a site table in its wire schema.

    Args:
        dataset: a key of ``TABLES``; country: fills legal_country_iso.
        columns: the other columns by name, arrays of n values; a text column is one string.
    """
    schema = TABLES[dataset].wire
    n = len(columns["merchant_id"])
    columns = {"legal_country_iso": country, **columns}
    return pa.RecordBatch.from_arrays(
        [_column(columns[field.name], n, field.type) for field in schema], schema=schema
    )


def _column(values: Any, n: int, kind: pa.DataType) -> pa.Array:
    if isinstance(values, str):
        return pa.DictionaryArray.from_arrays(np.zeros(n, np.int32), pa.array([values]))
    return pa.array(np.asarray(values), kind)
