"""S7 and S8: coordinates are centroid + delta bit for bit, and nothing else changes."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from segment1b_assets.contracts.schemas import TABLES
from segment1b_assets.core.grid import Grid
from segment1b_assets.core.synthesis import site_locations, site_synthesis
from segment1b_assets_tests.oracle import tiles as oracle_tiles
from segment1b_assets_tests.site_support import COUNTRY, cut, drained

DELTAS = st.floats(-0.5, 0.5, allow_nan=False)


@given(
    st.sampled_from(
        [(1.0, -180.0, -1.0, 90.0), (1 / 120, -180.0, -1 / 120, 84.0), (0.3, 1, -0.7, 2)]
    ),
    st.lists(st.tuples(st.integers(0, 3499), DELTAS, DELTAS), min_size=1, max_size=20),
    st.lists(st.integers(0, 20), max_size=3),
)
def test_coordinates_bit_for_bit(
    affine: tuple[float, float, float, float],
    sites: list[tuple[int, float, float]],
    cuts: list[int],
) -> None:
    grid = Grid(*affine, nrows=50, ncols=70)
    tiles, dlat, dlon = zip(*sites, strict=True)
    jitter = pa.RecordBatch.from_pydict(
        {
            "merchant_id": pa.array([(1 << 64) - 1] * len(sites), pa.uint64()),
            "site_order": pa.array(range(1, len(sites) + 1), pa.int32()),
            "tile_id": pa.array(tiles, pa.uint64()),
            "delta_lat_deg": pa.array(dlat, pa.float64()),
            "delta_lon_deg": pa.array(dlon, pa.float64()),
        }
    )
    synthesis = site_synthesis(COUNTRY, cut(jitter, cuts), grid)
    table, logs = drained(synthesis)
    assert logs == {}
    assert synthesis.facts == {"sites": len(sites)}
    assert table.schema.equals(TABLES["s7_site_synthesis"].wire)
    assert table.column("tile_id").to_pylist() == list(tiles)

    scalar = oracle_tiles.Grid(*affine, nrows=50, ncols=70)
    cells = [scalar.tile(*divmod(t, 70)) for t in tiles]
    lon = np.array([c.centroid_lon + d for c, d in zip(cells, dlon, strict=True)])
    lat = np.array([c.centroid_lat + d for c, d in zip(cells, dlat, strict=True)])
    assert table.column("lon_deg").to_numpy().tobytes() == lon.tobytes()
    assert table.column("lat_deg").to_numpy().tobytes() == lat.tobytes()

    locations = site_locations(COUNTRY, table.to_batches())
    product, logs = drained(locations)
    assert logs == {}
    assert locations.facts == {"sites": len(sites)}
    assert product.schema.equals(TABLES["site_locations"].wire)
    assert product.equals(table.drop_columns(["tile_id"]))
