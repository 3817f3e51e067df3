"""S6 by rounds against the site-by-site law, on cells that are mostly sea."""

from __future__ import annotations

import hashlib
import itertools
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.schemas import TABLES
from segment1b_assets.core import attempts, jitter
from segment1b_assets.core.cell_box import CellBoxes
from segment1b_assets.core.grid import Grid
from segment1b_assets.core.jitter import site_jitter
from segment1b_assets.core.point_in_country import CountryTest
from segment1b_assets.core.polygon import CountryPolygon
from segment1b_assets_tests.hypothesis_profiles import examples
from segment1b_assets_tests.oracle import sites as oracle
from segment1b_assets_tests.oracle import tiles as oracle_tiles
from segment1b_assets_tests.oracle.boxes import drawn_cell
from segment1b_assets_tests.site_support import (
    COUNTRY,
    IDENTITY,
    TS,
    ExactCountry,
    cut,
    drained,
    oracle_run,
    parsed,
)

GRID = Grid(a=1 / 7, c=-0.3, e=-1 / 7, f=0.41, nrows=6, ncols=7)
SCALAR_GRID = oracle_tiles.Grid(GRID.a, GRID.c, GRID.e, GRID.f, GRID.nrows, GRID.ncols)

#: Mostly sea: a thin diagonal strip, an island in a lake in a square, and a sliver along an edge.
COAST = shapely.union_all(
    [
        shapely.Polygon([(-0.35, 0.45), (-0.33, 0.46), (0.75, -0.45), (0.72, -0.46)]),
        shapely.Polygon(
            [(0.3, 0.2), (0.6, 0.2), (0.6, 0.4), (0.3, 0.4)],
            [[(0.32, 0.22), (0.58, 0.22), (0.58, 0.38), (0.32, 0.38)]],
        ),
        shapely.box(0.44, 0.27, 0.47, 0.31),
        shapely.box(float(GRID.lon_edges[1]), -0.4, float(GRID.lon_edges[1]) + 0.004, 0.3),
    ]
)
#: Tiles of the grid that share more than a thousandth of their area with the coast.
WET_TILES = [
    t
    for t in range(GRID.nrows * GRID.ncols)
    if shapely.box(
        GRID.lon_edges[t % 7], GRID.lat_edges[t // 7 + 1], GRID.lon_edges[t % 7 + 1],
        GRID.lat_edges[t // 7],
    ).intersection(COAST).area > 1e-3 * GRID.a**2
]  # fmt: skip

Site = tuple[int, int, int]
POLYGON = CountryPolygon.from_geometry(COUNTRY, COAST)
BOXES = CellBoxes.of(POLYGON, GRID, np.array(WET_TILES, np.uint64))


def assignment_batch(sites: list[Site]) -> pa.RecordBatch:
    merchant, order, tile = zip(*sites, strict=True) if sites else ((), (), ())
    return pa.RecordBatch.from_pydict(
        {
            "merchant_id": pa.array(merchant, pa.uint64()),
            "site_order": pa.array(order, pa.int32()),
            "tile_id": pa.array(tile, pa.uint64()),
        }
    )


def by_the_law(
    sites: list[Site], limit: int, boxed: bool = False
) -> tuple[list[tuple[Any, ...]], list[dict[str, Any]]]:
    country = ExactCountry(COAST).country
    rows, events = [], []
    for merchant, order, tile_id in sites:
        tile = SCALAR_GRID.tile(*divmod(tile_id, SCALAR_GRID.ncols))
        box = drawn_cell(tile, country) if boxed else None
        site, drawn = oracle.jitter(
            oracle_run(), COUNTRY, merchant, order, tile, country, limit, box
        )
        rows.append(
            (merchant, COUNTRY, order, tile_id, site.delta_lat, site.delta_lon,
             IDENTITY.manifest_fingerprint)
        )  # fmt: skip
        events += drawn
    return rows, events


def stream_of(sites: list[Site], *, most: int = 4096, **knobs: Any) -> jitter.PartitionStream:
    batches = cut(assignment_batch(sites), knobs.pop("cuts", []))
    return site_jitter(COUNTRY, IDENTITY, TS, batches, GRID, ExactCountry(COAST), most, **knobs)


SITES = st.lists(
    st.tuples(
        st.integers(0, (1 << 64) - 1), st.integers(1, (1 << 31) - 1), st.sampled_from(WET_TILES)
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda s: s[:2],
).map(sorted)


@examples(25)
@given(SITES, st.lists(st.integers(0, 8), max_size=2), st.integers(1, 9), st.booleans())
def test_rounds_equal_the_law(
    sites: list[Site], cuts: list[int], batch_rows: int, boxed: bool
) -> None:
    boxes = BOXES if boxed else None
    stream = stream_of(sites, cuts=cuts, batch_rows=batch_rows, boxes=boxes)
    table, logs = drained(stream)
    rows, events = by_the_law(sites, 4096, boxed)

    columns = (table.column(name).to_pylist() for name in table.column_names)
    assert list(zip(*columns, strict=True)) == rows
    assert table.schema.equals(TABLES["s6_site_jitter"].wire)
    assert parsed(logs["rng_events_in_cell_jitter"]) == events
    assert parsed(logs["rng_trace_in_cell_jitter"]) == oracle.trace(events)
    counts = [len(list(g)) for _, g in itertools.groupby(events, lambda e: e["merchant_id"])]
    assert stream.facts["rng_events"] == len(events) == sum(counts)
    assert stream.facts["sites"] == len(sites)


def test_no_setting_of_the_work_changes_a_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    sites = [(m, o, WET_TILES[(3 * m + o) % len(WET_TILES)]) for m in (3, 8) for o in range(1, 40)]
    wholes = []
    for batch_rows, points in ((1000, 1 << 14), (1, 1 << 14), (13, 5), (1000, 64)):
        monkeypatch.setattr(attempts, "POINTS", points)
        monkeypatch.setattr(jitter, "POINTS", points)
        stream = stream_of(sites, batch_rows=batch_rows)
        table, logs = drained(stream)
        wholes.append((table.combine_chunks(), logs, stream.facts))
    assert wholes[0][2]["attempts_max"] > 100  # the coast is thin enough to matter
    assert all(whole == wholes[0] for whole in wholes[1:])


def test_the_last_allowed_attempt_counts() -> None:
    sites = [(1, o, t) for o, t in enumerate(WET_TILES, start=1)]
    _, events = by_the_law(sites, 4096)
    needed = [len(list(g)) for _, g in itertools.groupby(events, lambda e: e["site_order"])]
    slowest = max(needed)
    table, _ = drained(stream_of(sites, most=slowest))
    assert table.num_rows == len(sites)
    with pytest.raises(Segment1BError) as caught:
        list(stream_of(sites, most=slowest - 1).chunks)
    lost = [o for o, n in enumerate(needed, start=1) if n == slowest]
    assert caught.value.code == "E613_RESAMPLE_EXHAUSTED"
    assert f"{len(lost)} site(s) found no point" in caught.value.detail
    for order in lost:
        tile = WET_TILES[order - 1]
        assert f"merchant 1 site {order} in tile {tile} (row {tile // 7}, column {tile % 7}, " in (
            caught.value.detail
        )


@pytest.mark.parametrize("batch_rows", [1, 3, 100])
def test_exhausted_sites_are_counted_over_the_country(batch_rows: int) -> None:
    sea = next(t for t in range(GRID.nrows * GRID.ncols) if t not in WET_TILES)
    sites = [(1, 1, WET_TILES[0]), *((m, 1, sea) for m in range(2, 10)), (99, 1, WET_TILES[1])]
    stream = stream_of(sites, most=500, batch_rows=batch_rows)
    with pytest.raises(Segment1BError) as caught:
        list(stream.chunks)
    error = caught.value
    assert error.country == COUNTRY
    assert error.value == 500
    assert error.detail.startswith("8 site(s) found no point inside the country in 500 attempts: ")
    assert "merchant 2 site 1" in error.detail
    assert "merchant 6 site 1" in error.detail
    assert "merchant 7 site 1" not in error.detail
    assert error.detail.endswith("; and 3 more")


def test_a_handful_of_sites_may_try_65536_times() -> None:
    class Nowhere:
        calls = 0

        def inside(self, tile_id: Any, lon: Any, lat: Any) -> np.ndarray:
            self.calls += 1
            return np.zeros(lon.size, bool)

    nowhere = Nowhere()
    batch = assignment_batch([(1, 1, 3), (2, 1, 4), (3, 1, 5)])
    stream = site_jitter(COUNTRY, IDENTITY, TS, [batch], GRID, nowhere, 65536)
    with pytest.raises(Segment1BError, match=r"3 site\(s\) found no point"):
        list(stream.chunks)
    assert nowhere.calls < 40  # rounds, not attempts


def test_no_sites_no_chunks() -> None:
    stream = stream_of([])
    assert list(stream.chunks) == []
    assert stream.facts == {"sites": 0, "rng_events": 0, "sites_resampled": 0, "attempts_max": 0}


# ---- uniform_v2 beside uniform_v1 ---------------------------------------------------------


def placed(
    polygon: CountryPolygon, grid: Grid, sites: list[Site], mode: str, most: int = 4096
) -> tuple[np.ndarray, np.ndarray, int]:
    """Longitudes and latitudes of the sites, and how many attempts they took together."""
    tiles = np.array([t for _, _, t in sites], np.uint64)
    boxes = CellBoxes.of(polygon, grid, tiles) if mode == "uniform_v2" else None
    test = CountryTest(polygon, grid, tiles)
    stream = site_jitter(
        COUNTRY, IDENTITY, TS, [assignment_batch(sites)], grid, test, most, boxes=boxes
    )
    table, _ = drained(stream)
    row, col = tiles.astype(int) // grid.ncols, tiles.astype(int) % grid.ncols
    lon = grid.centroid_lon[col] + table.column("delta_lon_deg").to_numpy()
    lat = grid.centroid_lat[row] + table.column("delta_lat_deg").to_numpy()
    return lon, lat, stream.facts["rng_events"]


def test_uniform_v1_draws_the_bytes_that_it_always_drew() -> None:
    sites = [(m, o, WET_TILES[(3 * m + o) % len(WET_TILES)]) for m in (3, 8) for o in range(1, 40)]
    table, logs = drained(stream_of(sites))
    digest = hashlib.sha256()
    for name in ("delta_lat_deg", "delta_lon_deg"):
        digest.update(table.column(name).to_numpy().tobytes())
    for name in sorted(logs):
        digest.update(logs[name])
    assert digest.hexdigest() == (
        "9b4430d338ab6b487624d30b2a2d80fe836d9b49c35d24b4ebf27e2166352bb6"
    )


def test_both_modes_spread_sites_alike() -> None:
    """The same shares of the sites in the parts of a cell that is two thirds sea."""
    tile, n = WET_TILES[3], 4000
    sites = [(9, order, tile) for order in range(1, n + 1)]
    row, col = divmod(tile, GRID.ncols)
    counts, attempts_of = [], []
    for mode in ("uniform_v1", "uniform_v2"):
        lon, lat, taken = placed(POLYGON, GRID, sites, mode)
        assert shapely.intersects_xy(COAST.buffer(1e-12), lon, lat).all()
        edges = [
            np.linspace(GRID.lon_edges[col], GRID.lon_edges[col + 1], 5),
            np.linspace(GRID.lat_edges[row + 1], GRID.lat_edges[row], 5),
        ]
        counts.append(np.histogram2d(lon, lat, edges)[0].ravel())
        attempts_of.append(taken)
    assert counts[0].sum() == counts[1].sum() == n
    used = counts[0] + counts[1] > 0
    chi2 = ((counts[0] - counts[1]) ** 2)[used] / (counts[0] + counts[1])[used]
    assert used.sum() > 3
    assert chi2.sum() < 3 * used.sum()
    assert attempts_of[1] < attempts_of[0]


def test_atolls_in_large_cells_end_with_boxes_and_without_them_do_not() -> None:
    """Islands of 600 m, one to a cell of a tenth of a degree, as on the Maldives."""
    grid = Grid(0.1, 73.0, -0.1, 4.0, 20, 2)
    centres = [(73.05 + 0.1 * (i % 2), 3.95 - 0.1 * (i // 2)) for i in range(40)]
    atolls = shapely.MultiPolygon([shapely.Point(c).buffer(0.003) for c in centres])
    polygon = CountryPolygon.from_geometry(COUNTRY, atolls)
    sites = [(5, order, order % 40) for order in range(1, 81)]
    lon, lat, taken = placed(polygon, grid, sites, "uniform_v2", most=64)
    assert shapely.intersects_xy(atolls, lon, lat).all()
    assert taken < 2 * len(sites)  # 4/π attempts each are expected
    with pytest.raises(Segment1BError) as caught:
        placed(polygon, grid, sites, "uniform_v1", most=64)
    assert caught.value.code == "E613_RESAMPLE_EXHAUSTED"
    _, _, before = placed(polygon, grid, sites, "uniform_v1", most=65536)
    assert before > 100 * taken
