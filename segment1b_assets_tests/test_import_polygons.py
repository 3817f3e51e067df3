"""`segment1b import polygons`: faulty borders in, lawful polygons out."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import shapely

from segment1b_assets.contracts.errors import Segment1BError
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
