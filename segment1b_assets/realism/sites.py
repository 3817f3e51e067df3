"""A country's published sites, by merchant and tile."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.contracts.realism import RealismRules
from segment1b_assets.core.grid import Grid
from segment1b_assets.realism.draws import kept_rows
from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.storage.upstream import batches, row_count

_COLUMNS = ("merchant_id", "site_order", "lon_deg", "lat_deg")


@dataclass(frozen=True)
class CountrySites:
    """The sites of one country that are measured: all of them, or a sample.

    A pair is a merchant in this country; pairs are numbered in ascending merchant_id.

    Attributes:
        total: all published sites.
        merchant_id: uint64 (pairs,).
        shops: int64 (pairs,), the pair's sites, measured or not.
        pair: int64 (sites,), ascending.
        site_order: int32 (sites,).
        lon, lat: float64 (sites,), degrees.
        tile: uint64 (sites,), the raster's cell at the coordinates.
    """

    total: int
    merchant_id: NDArray[np.uint64]
    shops: NDArray[np.int64]
    pair: NDArray[np.int64]
    site_order: NDArray[np.int32]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    tile: NDArray[np.uint64]


def read_sites(inputs: RunInputs, country: str, rules: RealismRules) -> CountrySites:
    """Read site_locations in batches; at most `rules.kept_sites` sites are held.

    Raises:
        Segment1BError: E_INPUT_MISSING where the country is not published or stale;
            E_INPUT_SCHEMA.
    """
    total = row_count(inputs, "site_locations", country)
    rows = kept_rows(total, rules.kept_sites, rules.draw_key, country)
    kept: dict[str, list[NDArray[np.generic]]] = {name: [] for name in _COLUMNS}
    merchants: list[NDArray[np.uint64]] = []
    counts: list[NDArray[np.int64]] = []
    seen = 0
    for batch in batches(inputs, "site_locations", country, "E_INPUT_MISSING", _COLUMNS):
        first, last = np.searchsorted(rows, [seen, seen + batch.num_rows])
        taken = rows[first:last] - seen
        for name in _COLUMNS:
            kept[name].append(batch.column(name).to_numpy()[taken])
        # A merchant that goes on in the next batch is counted in both; `_pairs` adds them up.
        merchant, count = np.unique(batch.column("merchant_id").to_numpy(), return_counts=True)
        merchants.append(merchant)
        counts.append(count)
        seen += batch.num_rows
    column = {name: np.concatenate(parts) if parts else np.empty(0) for name, parts in kept.items()}
    merchant_id, shops = _pairs(merchants, counts)
    lon, lat = (column[name].astype(np.float64) for name in ("lon_deg", "lat_deg"))
    return CountrySites(
        total=seen,
        merchant_id=merchant_id,
        shops=shops,
        pair=np.searchsorted(merchant_id, column["merchant_id"].astype(np.uint64)),
        site_order=column["site_order"].astype(np.int32),
        lon=lon,
        lat=lat,
        tile=tiles_at(inputs.grid, lon, lat),
    )


def _pairs(
    merchants: list[NDArray[np.uint64]], counts: list[NDArray[np.int64]]
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    if not merchants:
        return np.empty(0, np.uint64), np.empty(0, np.int64)
    merchant, place = np.unique(np.concatenate(merchants), return_inverse=True)
    shops = np.zeros(merchant.size, np.int64)
    np.add.at(shops, place, np.concatenate(counts))
    return merchant, shops


def tiles_at(grid: Grid, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.uint64]:
    """The cell of each place, uint64; a place beyond the grid's edge gets the cell at the edge."""
    row = np.clip(np.floor((lat - grid.f) / grid.e), 0, grid.nrows - 1).astype(np.uint64)
    col = np.clip(np.floor((lon - grid.c) / grid.a), 0, grid.ncols - 1).astype(np.uint64)
    return row * np.uint64(grid.ncols) + col
