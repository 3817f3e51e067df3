"""`segment1b import polygons`: faulty borders in, lawful polygons out."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.core import validity
from segment1b_assets.imports import mend_rings, simplify_rings
from segment1b_assets.storage.run_inputs import RunInputs, RunOptions
from segment1b_assets_tests.import_support import FAULTY, segment1b, write_vector

TARGET = "reference/spatial/world_countries/2024/world_countries.parquet"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    segment1b("init", tmp_path / "root")
    return tmp_path / "root"


def shapes(root: Path) -> dict[str, shapely.Geometry]:
    """What the states read, through their own reader and judge."""
    inputs = RunInputs(RunOptions(root))
    found = {}
    for code in inputs.shapes.wkb:
        polygon = inputs.polygon(code)
        assert polygon is not None
        found[code] = polygon.geometry
    return found


def test_every_fault_is_mended_cut_united_or_named(tmp_path: Path, root: Path) -> None:
    source = write_vector(tmp_path / "faulty.gpkg", FAULTY)
    result = segment1b("import", "polygons", source, "--root", root)
    found = shapes(root)
    assert sorted(found) == ["AQ", "BE", "FJ", "LU", "LV", "NA"]
    assert found["LU"].area == pytest.approx(0.5)
    assert shapely.get_num_geometries(found["LU"]) == 2
    assert sorted(p.bounds for p in shapely.get_parts(found["FJ"]).tolist()) == [
        (-180, -17, -179, -16), (179, -17, 180, -16),
    ]  # fmt: skip
    assert shapely.equals(found["BE"], shapely.box(3, 50, 5, 51))
    assert not shapely.has_z(found["NA"])
    assert found["LV"].bounds == (21, 56, 24, 58)
    assert shapely.equals(found["AQ"], shapely.box(-180, -90, 180, -80))
    # 056 is Belgium's number, but in a column of letters it says something else.
    for code in ("'XKX' (1 rows)", "'-99' (1 rows)", "'056' (1 rows)"):
        assert code in result.output
    assert "without a polygon: 243 countries" in result.output
    table = [line for line in result.output.splitlines() if line.startswith("│")]
    assert len(table) == 5
    assert not any("…" in line for line in table)  # as wide as its numbers
    assert (root / "reports/imports/polygons.png").read_bytes().startswith(b"\x89PNG")
    names = dict(zip(*pq.read_table(root / TARGET, columns=["country_iso", "name"]).to_pydict()
                     .values(), strict=True))  # fmt: skip
    assert names["NA"] == "Namibia"


def test_an_alias_gives_another_codes_ground_to_a_country(tmp_path: Path, root: Path) -> None:
    source = write_vector(tmp_path / "faulty.gpkg", FAULTY)
    segment1b("import", "polygons", source, "--root", root, "--alias", "XKX=RS")
    assert shapes(root)["RS"].bounds == (20.5, 42, 21.5, 43)


def test_the_same_again_changes_nothing_and_another_needs_replace(
    tmp_path: Path, root: Path
) -> None:
    first = write_vector(tmp_path / "a.gpkg", FAULTY)
    second = write_vector(tmp_path / "b.gpkg", FAULTY[:2])
    segment1b("import", "polygons", first, "--root", root)
    before = (root / TARGET).read_bytes()
    assert "unchanged" in segment1b("import", "polygons", first, "--root", root).output
    refused = segment1b("import", "polygons", second, "--root", root, status=1).exception
    assert isinstance(refused, Segment1BError)
    assert refused.code == "E_IMMUTABLE_PARTITION_EXISTS_NONIDENTICAL"
    assert "--replace" in refused.next_step
    assert (root / TARGET).read_bytes() == before
    segment1b("import", "polygons", second, "--root", root, "--replace")
    assert sorted(shapes(root)) == ["FJ", "LU"]
    (kept,) = (root / "retired").rglob("world_countries.parquet")
    assert kept.read_bytes() == before


def test_a_projected_zipped_shapefile_comes_back_to_degrees(tmp_path: Path, root: Path) -> None:
    # A square of 200 km at 10 E 52 N, the projection's own centre.
    side = shapely.box(4221000, 3110000, 4421000, 3310000).wkt
    write_vector(
        tmp_path / "de.shp", [("DEU", "x", side)], code="GID_0", crs="EPSG:3035",
        driver="ESRI Shapefile",
    )  # fmt: skip
    with zipfile.ZipFile(tmp_path / "de.zip", "w") as archive:
        for part in tmp_path.glob("de.*"):
            if part.suffix != ".zip":
                archive.write(part, f"inner/{part.name}")
    segment1b("import", "polygons", tmp_path / "de.zip", "--root", root)
    west, south, east, north = shapes(root)["DE"].bounds
    assert (west + east) / 2 == pytest.approx(10, abs=0.01)
    assert (south + north) / 2 == pytest.approx(52, abs=0.05)
    assert north - south == pytest.approx(1.8, abs=0.05)


def test_a_geoparquet_file_is_kept_bit_for_bit(tmp_path: Path, root: Path) -> None:
    embedded = Path(__file__).parents[1] / "data" / TARGET
    segment1b("import", "polygons", embedded, "--root", root)
    columns = ["country_iso", "geom"]
    assert pq.read_table(root / TARGET, columns=columns) == pq.read_table(embedded, columns=columns)


def test_the_environment_decides_nothing(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_vector(tmp_path / "faulty.gpkg", FAULTY)
    monkeypatch.setenv("OGR_SKIP", "GPKG")
    monkeypatch.setenv("OSR_DEFAULT_AXIS_MAPPING_STRATEGY", "AUTHORITY_COMPLIANT")
    monkeypatch.setenv("PROJ_DATA", str(tmp_path))
    segment1b("import", "polygons", source, "--root", root)
    assert shapes(root)["BE"].bounds == (3, 50, 5, 51)


@pytest.mark.parametrize(
    ("rows", "options", "code", "said"),
    [
        ([("Q1", "x", "POLYGON ((0 0, 1 0, 1 1, 0 0))")], {}, "E_INPUT_SCHEMA", "--code"),
        ([("LU", "x", "POLYGON ((0 0, 1 0, 1 1, 0 0))")], {"crs": None}, "E007_CRS_MISMATCH",
         "-a_srs"),
        ([("LU", "x", "POLYGON ((0 200, 1 200, 1 201, 0 200))")], {}, "E004_BOUNDS", "CRS"),
    ],
)  # fmt: skip
def test_what_cannot_be_right_is_refused_and_nothing_is_written(
    tmp_path: Path,
    root: Path,
    rows: list[tuple[str, str, str]],
    options: dict[str, str | None],
    code: str,
    said: str,
) -> None:
    source = tmp_path / "bad.fgb"
    write_vector(source, rows, driver="FlatGeobuf", **options)  # type: ignore[arg-type]
    refused = segment1b("import", "polygons", source, "--root", root, status=1).exception
    assert isinstance(refused, Segment1BError)
    assert refused.code == code
    assert said in refused.next_step
    assert not (root / TARGET).exists()


def test_a_layer_is_asked_for_where_there_are_several(tmp_path: Path, root: Path) -> None:
    source = write_vector(tmp_path / "levels.gpkg", FAULTY[:1], layer="ADM_0")
    write_vector(source, FAULTY[1:2], layer="ADM_1", append=True)
    refused = segment1b("import", "polygons", source, "--root", root, status=1).exception
    assert isinstance(refused, Segment1BError)
    assert "--layer: ADM_0, ADM_1" in refused.next_step
    segment1b("import", "polygons", source, "--root", root, "--layer", "ADM_0")
    assert list(shapes(root)) == ["LU"]


def test_of_overtures_divisions_only_countries_land_is_read(tmp_path: Path, root: Path) -> None:
    rows = [
        ("country", "land", "LU", shapely.box(5, 49, 6, 50)),
        ("country", "maritime", "LU", shapely.box(0, 0, 9, 9)),
        ("region", "land", "FR", shapely.box(0, 45, 1, 46)),
        ("dependency", "land", "GL", shapely.box(-50, 70, -40, 80)),
    ]
    geo = {
        "version": "1.1.0", "primary_column": "geometry",
        "columns": {"geometry": {"encoding": "WKB", "geometry_types": []}},
    }  # fmt: skip
    columns = ("subtype", "class", "country")
    table = pa.table(
        {name: [row[i] for row in rows] for i, name in enumerate(columns)}
        | {"geometry": [shapely.to_wkb(row[3]) for row in rows]}
    ).replace_schema_metadata({"geo": json.dumps(geo)})
    pq.write_table(table, tmp_path / "divisions.parquet")
    segment1b("import", "polygons", tmp_path / "divisions.parquet", "--root", root)
    found = shapes(root)
    assert sorted(found) == ["GL", "LU"]
    assert found["LU"].bounds == (5, 49, 6, 50)


def test_numbers_are_codes_only_in_a_column_of_numbers(tmp_path: Path, root: Path) -> None:
    box = "POLYGON ((0 0, 1 0, 1 1, 0 1, 0 0))"
    source = write_vector(tmp_path / "n.gpkg", [("442", "x", box), ("56", "y", box)])
    segment1b("import", "polygons", source, "--root", root)
    assert sorted(shapes(root)) == ["BE", "LU"]


def test_the_tag_of_openstreetmap_is_found_among_the_others(tmp_path: Path, root: Path) -> None:
    box = "POLYGON ((0 0, 1 0, 1 1, 0 1, 0 0))"
    tags = '"boundary"=>"administrative","ISO3166-1:alpha2"=>"UK","name:fr"=>"Royaume-Uni"'
    source = write_vector(
        tmp_path / "osm.gpkg", [(tags, "x", box), ('"name"=>"sea"', "y", box)], code="other_tags"
    )
    result = segment1b("import", "polygons", source, "--root", root)
    assert list(shapes(root)) == ["GB"]
    assert "no code (1 rows)" in result.output


def test_holes_and_lakes_across_the_antimeridian_stay_holes(tmp_path: Path, root: Path) -> None:
    # The ring jumps; its lake jumps, too, and lies on both sides.
    shell = "(170 60, -170 60, -170 70, 170 70, 170 60)"
    land = f"POLYGON ({shell}, (178 64, -178 64, -178 66, 178 66, 178 64))"
    # The cap round the pole, its inner ring round the pole as well.
    outer = "(-180 -60, -60 -60, 60 -60, 180 -60, -180 -60)"
    cap = f"POLYGON ({outer}, (-180 -80, -60 -80, 60 -80, 180 -80, -180 -80))"
    source = write_vector(tmp_path / "h.gpkg", [("RU", "x", land), ("AQ", "y", cap)])
    segment1b("import", "polygons", source, "--root", root)
    found = shapes(root)
    west, east = shapely.box(-180, 60, -170, 70), shapely.box(170, 60, 180, 70)
    lake = shapely.union(shapely.box(-180, 64, -178, 66), shapely.box(178, 64, 180, 66))
    assert shapely.equals(found["RU"], shapely.difference(shapely.union(west, east), lake))
    assert shapely.equals(found["AQ"], shapely.box(-180, -80, 180, -60))


def test_a_file_too_large_for_a_worker_is_thinned_out_on_request(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simplify_rings, "LIMIT_BYTES", 1 << 20)
    circle = shapely.Point(10, 50).buffer(1, quad_segs=2000)
    rock = shapely.box(14, 36, 14.0001, 36.0001)
    source = write_vector(tmp_path / "big.gpkg", [("DE", "x", circle.wkt), ("MT", "y", rock.wkt)])
    refused = segment1b("import", "polygons", source, "--root", root, status=1).exception
    assert isinstance(refused, Segment1BError)
    assert refused.code == "E009_PERF_BUDGET"
    assert "DE" in str(refused)
    assert "--simplify 0.001" in refused.next_step
    segment1b("import", "polygons", source, "--root", root, "--simplify", "0.001")
    found = shapes(root)
    assert shapely.get_num_coordinates(found["DE"]) < 500
    assert shapely.hausdorff_distance(found["DE"], circle) < 0.002
    assert shapely.equals(found["MT"], rock)


@given(seed=st.integers(0, 10_000), holes=st.integers(0, 6), large=st.booleans())
@settings(max_examples=120, deadline=None)
def test_rings_mended_one_by_one_enclose_what_geos_own_repair_does(
    seed: int, holes: int, large: bool
) -> None:
    # Whole numbers on a small square: rings that touch and cross themselves and each other often.
    rng = np.random.default_rng(seed)
    shell = rng.integers(0, 20, (7, 2)).astype(float)
    inner = [rng.integers(4, 16, (4, 2)).astype(float) for _ in range(holes)]
    polygon = shapely.Polygon(shell, inner)
    assume(not polygon.is_valid)
    with pytest.MonkeyPatch.context() as patch:
        if large:  # then holes that touch nothing are set apart
            patch.setattr(validity, "FEW_STEPS", 1)
        mended = mend_rings.mend_polygon(polygon)
    assert mended.is_valid
    assert mended.geom_type in ("Polygon", "MultiPolygon")
    exact = shapely.make_valid(polygon, method="structure", keep_collapsed=False)
    assert shapely.symmetric_difference(mended, exact).area == pytest.approx(0, abs=1e-9)
