"""The outlet catalogue that segment 1A would have published (contract §3).

Every draw comes from one PCG64 stream, in whole columns. Heavy tails are drawn by strata (one
uniform in each of n equal slices, shuffled), so that a small world's totals are as near their
expectation as a large one's.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from segment1b_assets.reference_world.errors import WorldError

COUNTRIES_TAIL = 1.69  # Pareto index of countries a merchant: two on average
MOST_COUNTRIES = 60
# Pareto index of sites a pair: 13 on average, seven pairs in ten have 1 to 3
SITES_TAIL = 0.914
MOST_SITES = 5000
CHUNK_MERCHANTS = 8192
ROWS_A_BATCH = 1 << 20


@dataclass(frozen=True)
class Pairs:
    """Merchant-country pairs, ascending by merchant, then code; parallel arrays."""

    merchant_id: NDArray[np.uint64]
    country: NDArray[np.int64]  # index into the ascending list of outlet countries
    home: NDArray[np.int64]  # the merchant's home country, same index
    sites: NDArray[np.int64]  # >= 1
    merchant_sites: NDArray[np.int64]  # of the merchant, over all countries


def draw_pairs(merchants: int, weights: NDArray[np.float64], seed: int) -> Pairs:
    """`merchants` merchants over countries drawn in proportion to `weights` (all positive).

    Raises WorldError where fewer than one merchant or no country is given.
    """
    if merchants < 1 or len(weights) == 0:
        raise WorldError(
            f"{merchants} merchants over {len(weights)} countries make no outlet catalogue; "
            "ask for at least one merchant on a grid fine enough to give a country a tile"
        )
    rng = np.random.Generator(np.random.PCG64(seed))
    ids = _distinct_ids(merchants, rng)
    reach = np.minimum(_pareto(merchants, COUNTRIES_TAIL, MOST_COUNTRIES, rng), len(weights))
    merchant, country, home = _choose_countries(reach, weights, rng)
    sites = _pareto(len(merchant), SITES_TAIL, MOST_SITES, rng)
    total = np.bincount(merchant, weights=sites).astype(np.int64)
    return Pairs(ids[merchant], country, home[merchant], sites, total[merchant])


def write_catalogue(
    path: Path, pairs: Pairs, codes: list[str], seed: int, fingerprint: str
) -> None:
    """One row per site, sorted by (merchant_id, legal_country_iso, site_order)."""
    names = pa.array(codes, pa.string())
    most = int(pairs.sites.max())
    site_ids = pa.array([f"{order:06d}" for order in range(1, most + 1)], pa.string())
    ends = np.cumsum(pairs.sites)
    with pq.ParquetWriter(path, _SCHEMA, compression="zstd", use_dictionary=_REPETITIVE) as writer:
        start = 0
        while start < len(ends):
            before = int(ends[start - 1]) if start else 0
            stop = max(start + 1, int(np.searchsorted(ends, before + ROWS_A_BATCH, "right")))
            chunk = slice(start, stop)
            n = pairs.sites[chunk]
            pair = np.repeat(np.arange(len(n)), n)
            order = np.arange(len(pair)) - np.repeat(np.cumsum(n) - n, n)
            total = pairs.merchant_sites[chunk][pair]
            columns = [
                pa.array(pairs.merchant_id[chunk][pair]),
                names.take(pa.array(pairs.country[chunk][pair])),
                names.take(pa.array(pairs.home[chunk][pair])),
                pa.array((order + 1).astype(np.int32)),
                site_ids.take(pa.array(order)),
                pa.array(total > 1),
                pa.array(total.astype(np.int32)),
                pa.array(n[pair].astype(np.int32)),
                pa.repeat(pa.scalar(seed, pa.uint64()), len(pair)),
                pa.repeat(fingerprint, len(pair)),
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=_SCHEMA))
            start = stop


_SCHEMA = pa.schema(
    [
        ("merchant_id", pa.uint64()),
        ("legal_country_iso", pa.string()),
        ("home_country_iso", pa.string()),
        ("site_order", pa.int32()),
        ("site_id", pa.string()),
        ("single_vs_multi_flag", pa.bool_()),
        ("raw_nb_outlet_draw", pa.int32()),
        ("final_country_outlet_count", pa.int32()),
        ("global_seed", pa.uint64()),
        ("manifest_fingerprint", pa.string()),
    ]
)
_REPETITIVE = [name for name in _SCHEMA.names if name not in {"site_order", "single_vs_multi_flag"}]


def _distinct_ids(count: int, rng: np.random.Generator) -> NDArray[np.uint64]:
    """Ascending ids over all of the 64 bits."""
    ids = np.empty(0, dtype=np.uint64)
    while len(ids) < count:
        fresh = rng.integers(0, 2**64, size=count - len(ids), dtype=np.uint64, endpoint=False)
        ids = np.unique(np.concatenate([ids, fresh]))
    return ids


def _pareto(count: int, tail: float, most: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Whole numbers 1..most with P(X >= k) = k^-tail below the cap, in random order."""
    u = (np.arange(count) + 1.0 - rng.random(count)) / count
    values = np.floor(u ** (-1.0 / tail))
    return rng.permutation(np.minimum(values, most).astype(np.int64))


def _choose_countries(
    reach: NDArray[np.int64], weights: NDArray[np.float64], rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Weighted draws without replacement: the `reach` smallest of exponential keys / weight.

    Returns (merchant, country) of every pair, sorted, and each merchant's home (its first draw).
    """
    merchant_parts, country_parts, home_parts = [], [], []
    for first in range(0, len(reach), CHUNK_MERCHANTS):
        wanted = reach[first : first + CHUNK_MERCHANTS]
        keys = rng.standard_exponential((len(wanted), len(weights))) / weights
        by_key = np.argsort(keys, axis=1, kind="stable")
        row, rank = np.nonzero(np.arange(len(weights)) < wanted[:, None])
        country = by_key[row, rank]
        order = np.lexsort((country, row))
        merchant_parts.append(row[order] + first)
        country_parts.append(country[order])
        home_parts.append(by_key[:, 0])
    return (
        np.concatenate(merchant_parts),
        np.concatenate(country_parts),
        np.concatenate(home_parts),
    )
