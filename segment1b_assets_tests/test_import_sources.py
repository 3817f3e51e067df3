"""Files in the forms that the usual sources publish, imported by the command line."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio.raw
import pytest
import rasterio
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.imports import geojson_source
from segment1b_assets_tests.import_support import segment1b, write_raster

BORDERS = "reference/spatial/world_countries/2024/world_countries.parquet"
RASTER = "reference/spatial/population/2025/population.tif"
SQUARES = [shapely.box(10 * at, 0, 10 * at + 5, 5) for at in range(5)]
#: Source -> driver, columns, what the import finds, and what it names and leaves out.
SOURCES: dict[str, tuple[str, dict[str, list[str]], list[str], list[str]]] = {
    "gadm.gpkg": (
        "GPKG",
        {"GID_0": ["NAM", "XKO", "Z01", "FRA", "GRL"], "COUNTRY": ["a", "b", "c", "d", "e"]},
        ["FR", "GL", "NA"], ["XKO", "Z01"],
    ),
    "geoBoundariesCGAZ_ADM0.geojson": (
        "GeoJSON",
        {"shapeGroup": ["LUX", "BEL", "117", "NAM", "USA"], "shapeType": ["ADM0"] * 5},
        ["BE", "LU", "NA", "US"], ["117"],
    ),
    "ne_10m_admin_0_countries.shp": (
        "ESRI Shapefile",
        {"ADM0_A3": ["FRA", "KOS", "NAM", "NOR", "SOL"],
         "ISO_A2": ["-99", "-99", "NA", "-99", "-99"],
         "ISO_A2_EH": ["FR", "-99", "NA", "NO", "-99"],
         "ISO_N3": ["250", "-99", "516", "578", "-99"]},
        ["FR", "NA", "NO"], ["-99"],
    ),
    "CNTR_RG_01M_2024_4326.geojson": (
        "GeoJSON",
        {"CNTR_ID": ["EL", "UK", "FR", "XK", "NA"], "CNTR_NAME": ["a", "b", "c", "d", "e"]},
        ["FR", "GB", "GR", "NA"], ["XK"],
    ),
    "countries.fgb": ("FlatGeobuf", {"iso_a2": ["fr", "de", "na", "lu", ""]},
                      ["DE", "FR", "LU", "NA"], []),
}  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    segment1b("init", tmp_path / "root")
    return tmp_path / "root"


def write_columns(path: Path, columns: dict[str, list[str]], driver: str) -> Path:
    pyogrio.raw.write(
        str(path), geometry=np.array([shapely.to_wkb(s) for s in SQUARES], dtype=object),
        field_data=[np.array(texts, dtype=object) for texts in columns.values()],
        fields=list(columns), geometry_type="Polygon", crs="EPSG:4326", driver=driver,
    )  # fmt: skip
    return path


def refused(*words: object) -> Segment1BError:
    error = segment1b(*words, status=1).exception
    assert isinstance(error, Segment1BError)
    return error


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("zipped", [False, True])
def test_the_codes_of_each_source_are_found(
    tmp_path: Path, root: Path, name: str, zipped: bool
) -> None:
    driver, columns, countries, left_out = SOURCES[name]
    source = write_columns(tmp_path / name, columns, driver)
    if zipped:
        parts = sorted(tmp_path.glob(f"{source.stem}.*"))
        source = tmp_path / "source.zip"
        with zipfile.ZipFile(source, "w") as archive:
            for part in parts:
                archive.write(part, f"inside/{part.name}")
    said = segment1b("import", "polygons", source, "--root", root).output
    table = pq.read_table(root / BORDERS)
    assert table["country_iso"].to_pylist() == countries
    for shape in table["geom"].to_pylist():
        assert any(shapely.equals(shapely.from_wkb(shape), square) for square in SQUARES)
    for code in left_out:
        assert f"left out: '{code}'" in said


def test_a_column_that_is_not_there_is_answered_with_those_that_are(
    tmp_path: Path, root: Path
) -> None:
    _, columns, _, _ = SOURCES["gadm.gpkg"]
    for name, driver in (("a.gpkg", "GPKG"), ("a.geojson", "GeoJSON")):
        source = write_columns(tmp_path / name, columns, driver)
        for option in ("--code", "--name"):
            error = refused("import", "polygons", source, "--root", root, option, "ISO")
            assert "GID_0, COUNTRY" in error.next_step


def test_what_is_no_geoparquet_says_how_to_write_it(tmp_path: Path, root: Path) -> None:
    shape = shapely.to_wkb(SQUARES[0])
    pq.write_table(pa.table({"country": ["LU"], "geometry": [shape]}), tmp_path / "plain.parquet")
    error = refused("import", "polygons", tmp_path / "plain.parquet", "--root", root)
    assert "to_parquet" in error.next_step


positions = st.tuples(st.floats(-180, 180, allow_nan=False), st.floats(-90, 90, allow_nan=False))
rings = st.lists(positions, min_size=3, max_size=6).map(lambda ring: [*ring, ring[0]])
polygons = st.lists(rings, min_size=1, max_size=3)
texts = st.text(max_size=8) | st.sampled_from(['{"', "}\\", '\\"coordinates":[[', "features"])
geometries = st.one_of(
    polygons.map(lambda c: {"type": "Polygon", "coordinates": c}),
    st.lists(polygons, min_size=1, max_size=3).map(
        lambda c: {"type": "MultiPolygon", "coordinates": c}
    ),
    positions.map(lambda c: {"coordinates": c, "type": "Point"}),
    st.none(),
)


@given(
    features=st.lists(st.tuples(geometries, texts, st.booleans()), min_size=1, max_size=5),
    block=st.integers(1, 200),
    indent=st.sampled_from([None, 2]),
)
@settings(max_examples=150, deadline=None)
def test_geojson_is_read_as_its_json_says(
    features: list[tuple[Any, str, bool]], block: int, indent: int | None
) -> None:
    rows = [
        {"properties": {"iso": text, "coordinates": {"geometry": text}}, "geometry": shape,
         "type": "Feature"}
        if first
        else {"type": "Feature", "geometry": shape, "properties": {"iso": text, "n": None}}
        for shape, text, first in features
    ]  # fmt: skip
    document = {"type": "FeatureCollection", "name": "features", "features": rows}
    text = json.dumps(document, indent=indent, ensure_ascii=False).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(geojson_source, "_BLOCK", block)
        found = geojson_source.read_geojson(pa.BufferReader(text))
    columns = found.columns(lambda names: [name for name in names if name == "iso"])
    assert columns["iso"] == [text for _, text, _ in features]
    for wkb, (shape, _, _) in zip(found.wkb, features, strict=True):
        wanted = None if shape is None else shapely.from_geojson(json.dumps(shape))
        assert wkb == (None if wanted is None else shapely.to_wkb(wanted))


def test_a_mosaic_of_countries_with_numbers_rounded_otherwise_is_one_grid(
    tmp_path: Path, root: Path
) -> None:
    people = np.random.default_rng(1).uniform(0, 9, (24, 24)).astype(np.float32)
    west, east = people.copy(), people.copy()
    west[:, 16:] = east[:, :8] = np.float32(-99999)
    first = Affine(0.0008333333, 0, 5.7, 0, -0.0008333333, 50.1)
    second = Affine(
        0.00083333333, 0, 5.7 + 16 * 0.00083333333, 0, -0.00083333333, 50.1 - 8 * 0.00083333333
    )
    sources = [
        write_raster(tmp_path / "lux.tif", west, first, nodata=-99999.0),
        write_raster(tmp_path / "bel.tif", east, second, nodata=-99999.0),
    ]
    said = segment1b("import", "raster", *sources, "--root", root).output
    assert "32 x 40 cells of 3 arc-seconds, kept" in said
    with rasterio.open(root / RASTER) as raster:
        total = raster.read(1, masked=True).astype(np.float64).sum()
    assert total == pytest.approx(
        people[:, :16].sum(dtype=np.float64) + people[:, 8:].sum(dtype=np.float64), rel=1e-6
    )


def test_nodata_of_integers_is_resolved_and_another_is_named_to_the_digit(
    tmp_path: Path, root: Path
) -> None:
    affine = Affine(1 / 120, 0, 5, 0, -1 / 120, 50)
    people = np.array([[5, -2147483647], [-2147483647, 7]], np.int32)
    source = write_raster(tmp_path / "landscan.tif", people, affine, nodata=-2147483647)
    assert "after: 12.0" in segment1b("import", "raster", source, "--root", root).output
    people[0, 1] = -2147483648
    source = write_raster(tmp_path / "other.tif", people, affine, nodata=-2147483647)
    error = refused("import", "raster", source, "--root", root, "--replace")
    assert "-a_nodata -2147483648 " in error.next_step
    lowest = np.full((2, 2), np.finfo(np.float32).min, np.float32)
    error = refused(
        "import", "raster", write_raster(tmp_path / "low.tif", lowest, affine), "--root", root
    )
    number = error.next_step.partition("-a_nodata ")[2].split()[0]
    assert np.float32(number) == lowest[0, 0]


def test_a_raster_that_nobody_lives_in_is_refused(tmp_path: Path, root: Path) -> None:
    nobody = np.full((4, 4), -99999, np.float32)
    affine = Affine(1, 0, 5, 0, -1, 50)
    for name, crs in (("degrees.tif", "EPSG:4326"), ("mercator.tif", "EPSG:3857")):
        source = write_raster(tmp_path / name, nobody, affine, nodata=-99999, crs=crs)
        error = refused("import", "raster", source, "--root", root)
        assert error.code == "E105_NORMALIZATION"
        assert "nodata" in error.next_step
    assert not (root / RASTER).exists()


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("Händler;Land\n1;LU\n".encode("cp1252"), "iconv -f WINDOWS-1252"),
        ("merchant_id;country;name\n1;LU;Müller\n".encode("cp1252"), "iconv -f WINDOWS-1252"),
        ("merchant_id,country\n1,LU\n".encode("utf-16"), "-f UTF-16"),
        ("merchant_id,country\n1,LU\n".encode("utf-16-le"), "-f UTF-16"),
        (b"merchant_id,merchant_id,country\n1,2,LU\n", "rename"),
        (b"merchant_id,country\n", "row for each site"),
    ],
)
def test_a_table_in_another_form_says_how_to_bring_it_into_this(
    tmp_path: Path, root: Path, table: bytes, said: str
) -> None:
    source = tmp_path / "merchants.csv"
    source.write_bytes(table)
    assert said in refused("import", "outlets", source, "--root", root).next_step


def test_a_spreadsheets_csv_with_a_mark_and_semicolons_is_read(tmp_path: Path, root: Path) -> None:
    source = tmp_path / "merchants.csv"
    source.write_bytes(
        b'\xef\xbb\xbfmerchant_id;country\r\n007;LU\r\n"18446744073709551615";NAM\r\n-1;na\r\n'
    )
    segment1b("import", "outlets", source, "--root", root)
    (part,) = root.glob("layer1/1A/outlet_catalogue/**/*.parquet")
    table = pl.read_parquet(part)
    assert table["merchant_id"].to_list() == [7, (1 << 64) - 1, (1 << 64) - 1]
    assert table["legal_country_iso"].to_list() == ["LU", "NA", "NA"]


@pytest.mark.parametrize("what", ["polygons", "raster", "outlets"])
def test_a_source_that_is_not_there_says_to_check_the_path(
    tmp_path: Path, root: Path, what: str
) -> None:
    for name in ("nothing.csv", "."):
        error = refused("import", what, tmp_path / name, "--root", root)
        assert error.next_step.startswith("check the path")


def test_check_inputs_prints_one_document(root: Path) -> None:
    document = json.loads(segment1b("check-inputs", "--root", root, "--json", status=1).stdout)
    assert (document["command"], document["exit_status"]) == ("check-inputs", 1)
    named = {row["dataset"]: row["faults"] for row in document["inputs"]}
    assert named["iso3166_canonical_2024"] == 0
    assert sum(named.values()) == len(document["faults"]) >= 3
    assert {fault["dataset"] for fault in document["faults"]} >= {"world_countries"}
    assert all(fault["code"] and fault["next_step"] for fault in document["faults"])


@pytest.mark.parametrize(
    ("what", "code", "member"),
    [("polygons", "E_INPUT_SCHEMA", "a.geojson"), ("raster", "E002_RASTER_MISMATCH", "a.tif")],
)
def test_an_archive_of_several_or_that_is_none_is_refused(
    tmp_path: Path, root: Path, what: str, code: str, member: str
) -> None:
    several = tmp_path / "several.zip"
    with zipfile.ZipFile(several, "w") as archive:
        for name in (member, f"b/{member}"):
            archive.writestr(name, "{}")
    fault = refused("import", what, several, "--root", root)
    assert fault.code == code
    assert fault.value == f"{member}, b/{member}"
    assert fault.next_step.startswith("unpack it")

    broken = tmp_path / "broken.zip"
    broken.write_bytes(b"PK, or so it says")
    assert "is no zip archive" in refused("import", what, broken, "--root", root).detail
