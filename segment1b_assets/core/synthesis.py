"""S7 and S8: a site's coordinates, with its tile and without (contract §4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa

from segment1b_assets.contracts.schemas import TABLES
from segment1b_assets.core.cells import row_and_col
from segment1b_assets.core.grid import Grid
from segment1b_assets.core.site_batches import site_rows
from segment1b_assets.core.stream import Chunk, PartitionStream


def site_synthesis(country: str, jitter: Iterable[pa.RecordBatch], grid: Grid) -> PartitionStream:
    """S7: centroid + delta, in binary64.

    Args:
        country: ISO code.
        jitter: batches of s6_site_jitter, in key order.
        grid: the raster's grid, whose centroids are those of tile_bounds bit for bit.

    Returns:
        Chunks of s7_site_synthesis, one per batch; facts: sites.
    """
    facts: dict[str, Any] = {"sites": 0}

    def chunks() -> Iterator[Chunk]:
        for batch in jitter:
            row, col = row_and_col(grid, batch.column("tile_id").to_numpy())
            yield Chunk(
                site_rows(
                    "s7_site_synthesis",
                    country,
                    merchant_id=batch.column("merchant_id"),
                    site_order=batch.column("site_order"),
                    tile_id=batch.column("tile_id"),
                    lon_deg=grid.centroid_lon[col] + batch.column("delta_lon_deg").to_numpy(),
                    lat_deg=grid.centroid_lat[row] + batch.column("delta_lat_deg").to_numpy(),
                )
            )
            facts["sites"] += batch.num_rows

    return PartitionStream(chunks(), facts)


def site_locations(country: str, synthesis: Iterable[pa.RecordBatch]) -> PartitionStream:
    """S8: the rows of S7 without the tile.

    Args:
        country: ISO code.
        synthesis: batches of s7_site_synthesis, in key order.

    Returns:
        Chunks of site_locations, one per batch; facts: sites.
    """
    facts: dict[str, Any] = {"sites": 0}
    own = [name for name in TABLES["site_locations"].names if name != "legal_country_iso"]

    def chunks() -> Iterator[Chunk]:
        for batch in synthesis:
            kept = {name: batch.column(name) for name in own}
            yield Chunk(site_rows("site_locations", country, **kept))
            facts["sites"] += batch.num_rows

    return PartitionStream(chunks(), facts)
