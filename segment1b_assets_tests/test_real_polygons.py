"""Polygons as people's tools write them: read right, or refused with a next step that works."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import rasterio
import shapely

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.core.eligibility import eligible_cells
from segment1b_assets.core.grid import Grid
from segment1b_assets.core.polygon import CountryPolygon
from segment1b_assets.storage.references import read_country_shapes, read_iso_list

#: One degree, the whole globe.
WORLD = Grid(a=1.0, c=-180.0, e=-1.0, f=90.0, nrows=180, ncols=360)
FIJI = "POLYGON((177 -19,-178 -19,-178 -16,177 -16,177 -19))"
ISO = frozenset({"FJ", "LV", "LU"})


def cells(geometry: shapely.Geometry | str, grid: Grid = WORLD) -> int:
    shape = shapely.from_wkt(geometry) if isinstance(geometry, str) else geometry
    wkb = shapely.to_wkb(shape)
    return int(eligible_cells(CountryPolygon.from_wkb("FJ", wkb), grid, "center").runs.count)


def refused(geometry: shapely.Geometry | str) -> Segment1BError:
    with pytest.raises(Segment1BError) as caught:
        cells(geometry)
    assert caught.value.country == "FJ"
    return caught.value


def test_a_ring_that_was_not_cut_at_the_antimeridian_is_refused() -> None:
    error = refused(FIJI)
    assert (error.code, error.value) == ("E001_GEO_INVALID", 355)
    assert "[177.0, -19.0] to [-178.0, -19.0]" in error.detail
    assert cells(FIJI.replace("-178", "182")) == 15
    # The advice, as it is written there.
    assert "lambda p: p + (p[:, :1] < 0) * [360, 0]" in error.next_step
    turned = shapely.transform(shapely.from_wkt(FIJI), lambda p: p + (p[:, :1] < 0) * [360, 0])
    assert cells(turned) == 15
    cut = shapely.union(shapely.box(177, -19, 180, -16), shapely.box(-180, -19, -178, -16))
    assert cells(cut) == 15


def test_a_ring_round_a_pole_needs_the_pole() -> None:
    coast = [(-180, -70), (-90, -75), (0, -70), (90, -72), (180, -70)]
    error = refused(shapely.Polygon(coast))
    assert error.code == "E001_GEO_INVALID"
    assert "(180, -90) and (-180, -90)" in error.next_step
    whole = cells(shapely.Polygon([*coast, (180, -90), (-180, -90)]))
    assert 15 * 360 < whole < 20 * 360
    assert cells(shapely.box(-180, -90, 180, 90)) == 180 * 360
    # Both ends on a parallel that is no pole, or on either pole.
    assert refused(shapely.box(-180, -89.5, 180, -60)).code == "E001_GEO_INVALID"
    assert refused("POLYGON((-100 -90, 100 90, -100 90, -100 -90))").code == "E001_GEO_INVALID"


def test_half_a_turn_is_the_longest_edge_to_the_last_bit() -> None:
    assert cells(shapely.box(-90, 0, 90, 1)) == 180
    above = np.nextafter(90.0, 91.0)
    assert refused(shapely.box(-90, 0, above, 1)).code == "E001_GEO_INVALID"
    # The difference of these is 180 in binary64, and more than 180 in truth.
    tiny = 2.0**-60
    assert 179.99 < tiny + 180 == 180
    assert refused(shapely.box(-tiny, 0, 180, 1)).code == "E001_GEO_INVALID"
    assert cells(shapely.box(tiny, 0, 180, 1)) == 180


def test_a_hole_and_a_later_part_are_looked_at_too() -> None:
    shell = [(x, y) for y, xs in ((-30, (0, 90, 180, 270, 359)), (30, (359, 270, 180, 90, 0)))
             for x in xs]  # fmt: skip
    hole = [(10, -5), (300, -5), (300, 5), (10, 5)]
    assert refused(shapely.Polygon(shell, [hole])).value == 290
    two = shapely.MultiPolygon([shapely.box(0, 0, 1, 1), shapely.box(10, 10, 200, 11)])
    assert refused(two).value == 190
    # From the end of one ring to the start of the next there is no edge.
    assert cells(shapely.MultiPolygon([shapely.box(-170, 0, -169, 1), shapely.box(170, 0, 171, 1)]))


@pytest.mark.parametrize(
    "wkt",
    [
        "POLYGON((21 56,28 56,28 57,25 57,25 60,25 57,21 57,21 56))",  # a spike
        "POLYGON((0 0,2 2,2 0,0 2,0 0))",  # a bow tie
        "POLYGON((0 0,4 0,4 4,0 4,0 0),(1 1,1 5,2 5,2 1,1 1))",  # a hole that leaves its shell
        "MULTIPOLYGON(((0 0,2 0,2 2,0 2,0 0)),((1 1,3 1,3 3,1 3,1 1)))",  # parts that overlap
    ],
)
def test_the_advice_for_an_invalid_polygon_leads_out(wkt: str) -> None:
    error = refused(wkt)
    assert error.code == "E001_GEO_INVALID"
    call = 'shapely.make_valid(g, method="structure", keep_collapsed=False)'
    assert call in error.next_step
    mended = eval(call, {"shapely": shapely, "g": shapely.from_wkt(wkt)})
    assert cells(mended) > 0


def test_what_a_collection_or_a_line_can_become_is_said() -> None:
    spike = shapely.from_wkt("POLYGON((21 56,28 56,28 57,25 57,25 60,25 57,21 57,21 56))")
    collection = shapely.make_valid(spike)
    assert collection.geom_type == "GeometryCollection"
    error = refused(collection)
    assert "GeometryCollection" in error.detail
    call = error.next_step.partition(": ")[2].partition("; ")[0]
    mended = eval(call, {"shapely": shapely, "g": collection})
    assert cells(mended) == cells(spike.buffer(0)) > 0


@pytest.mark.parametrize("dimensions", ["xy", "xyz", "xym", "xyzm"])
@pytest.mark.parametrize("flavor", ["iso", "extended"])
@pytest.mark.parametrize("order", [0, 1])
def test_wkb_with_heights_and_measures(dimensions: str, flavor: str, order: int) -> None:
    if flavor == "extended" and dimensions in ("xym", "xyzm"):
        pytest.skip("GEOS writes M in the ISO form alone")
    extra = [[5.0] * (len(dimensions) - 2)] * 5
    ring = [(177, -19), (182, -19), (182, -16), (177, -16), (177, -19)]
    points = [[*p, *e] for p, e in zip(ring, extra, strict=True)]
    wkt = ", ".join(" ".join(map(str, p)) for p in points)
    shape = shapely.from_wkt(f"POLYGON {dimensions[2:].upper()} (({wkt}))")
    assert (shape.has_z, shapely.has_m(shape)) == ("z" in dimensions, "m" in dimensions)
    wkb = shapely.to_wkb(shape, flavor=flavor, output_dimension=4, byte_order=order)
    polygon = CountryPolygon.from_wkb("FJ", wkb)
    assert eligible_cells(polygon, WORLD, "center").runs.count == 15


# The GeoParquet that tools write.


BYTES, TEXT = pa.binary(), pa.string()


def table(kind: pa.DataType = BYTES, text: pa.DataType = TEXT) -> pa.Table:
    shapes = {"FJ": FIJI.replace("-178", "182"), "LV": "POLYGON((21 56,28 56,28 57,21 57,21 56))"}
    wkb = [shapely.to_wkb(shapely.from_wkt(w)) for w in shapes.values()]
    bounds = [dict(zip(("xmin", "ymin", "xmax", "ymax"), b, strict=True))
              for b in ([177.0, -19.0, 182.0, -16.0], [21.0, 56.0, 28.0, 57.0])]  # fmt: skip
    return pa.table(
        {
            "country_iso": pa.array(list(shapes), pa.string()).cast(text),
            "name": pa.array(["Fiji", "Latvia"], pa.string()).cast(text),
            "bbox": pa.array(bounds),
            "geom": pa.array(wkb, pa.binary()).cast(kind),
        }
    )


def geo(**column: Any) -> dict[bytes, bytes]:
    """The `geo` metadata, as GeoPandas and GDAL write it."""
    covering = {"bbox": {k: ["bbox", k] for k in ("xmin", "ymin", "xmax", "ymax")}}
    made = {"encoding": "WKB", "geometry_types": ["Polygon"], "covering": covering, **column}
    return {b"geo": json.dumps(
        {"version": "1.1.0", "primary_column": "geom", "columns": {"geom": made}}
    ).encode()}  # fmt: skip


KINDS = [
    (pa.binary(), pa.string()),
    (pa.large_binary(), pa.large_string()),
    (pa.binary_view(), pa.string_view()),
    (pa.binary(), pa.dictionary(pa.int32(), pa.string())),
    (pa.binary_view(), pa.dictionary(pa.int8(), pa.string())),
]


@pytest.mark.parametrize(("kind", "text"), KINDS, ids=str)
def test_every_form_of_text_and_bytes_is_read(
    tmp_path: Path, kind: pa.DataType, text: pa.DataType
) -> None:
    path = tmp_path / "p.parquet"
    pq.write_table(table(kind, text).replace_schema_metadata(geo()), path)
    found = read_country_shapes(path, ISO)
    assert sorted(found.wkb) == ["FJ", "LV"]
    assert cells(shapely.from_wkb(found.wkb["FJ"])) == 15
    assert all(type(w) is bytes for w in found.wkb.values())


def test_a_table_of_polars_is_read(tmp_path: Path) -> None:
    path = tmp_path / "p.parquet"
    made = pl.from_arrow(table())
    assert isinstance(made, pl.DataFrame)
    made.write_parquet(path, metadata={"geo": geo()[b"geo"].decode()})
    assert sorted(read_country_shapes(path, ISO).wkb) == ["FJ", "LV"]


@pytest.mark.parametrize("text", [t for _, t in KINDS], ids=str)
def test_every_form_of_text_in_an_iso_list_is_read(tmp_path: Path, text: pa.DataType) -> None:
    made = pa.table(
        {
            "country_iso": pa.array(["LV", "FJ"], pa.string()).cast(text),
            "alpha3": pa.array(["LVA", "FJI"], pa.string()).cast(text),
            "numeric_code": pa.array([428, 242], pa.int16()),
            "name": pa.array(["Latvia", "Fiji"], pa.string()).cast(text),
        }
    )
    pq.write_table(made, tmp_path / "iso.parquet")
    assert read_iso_list(tmp_path / "iso.parquet").names == {"FJ": "Fiji", "LV": "Latvia"}
    pl.DataFrame(made).write_parquet(tmp_path / "iso.parquet")
    assert read_iso_list(tmp_path / "iso.parquet").names == {"FJ": "Fiji", "LV": "Latvia"}


@pytest.mark.parametrize(
    ("code", "said"),
    [("XK", "E_INPUT_SCHEMA"), ("EU", "E_INPUT_SCHEMA"), ("xk", "E005_ISO_FK")],
)
def test_an_iso_list_with_a_code_that_is_none_of_the_249(
    tmp_path: Path, code: str, said: str
) -> None:
    made = pa.table(
        {
            "country_iso": ["LV", code],
            "alpha3": ["LVA", "XKX"],
            "numeric_code": pa.array([428, 383], pa.int16()),
            "name": ["Latvia", "Kosovo"],
        }
    )
    pq.write_table(made, tmp_path / "iso.parquet")
    with pytest.raises(Segment1BError, match=code) as caught:
        read_iso_list(tmp_path / "iso.parquet")
    assert caught.value.code == said


WITH_HEIGHTS = rasterio.crs.CRS.from_epsg(4979).to_dict(projjson=True)
WGS84_WKT = rasterio.crs.CRS.from_epsg(4326).to_wkt()
CASES: list[tuple[dict[str, Any], str | None, str]] = [
    ({}, None, ""),
    ({"crs": rasterio.crs.CRS.from_epsg(4326).to_dict(projjson=True)}, None, ""),
    ({"crs": {"id": {"authority": "OGC", "code": "CRS84"}}}, None, ""),
    ({"crs": "OGC:CRS84"}, None, ""),  # before GeoParquet 1.0
    ({"crs": "epsg:4326"}, None, ""),
    ({"crs": WGS84_WKT}, None, ""),
    ({"crs": None}, "E007_CRS_MISMATCH", "set_crs"),
    (
        {"crs": rasterio.crs.CRS.from_epsg(4979).to_dict(projjson=True)},
        "E007_CRS_MISMATCH",
        "to_crs",
    ),
    ({"crs": "EPSG:3857"}, "E007_CRS_MISMATCH", "to_crs"),
    ({"crs": "/etc/passwd"}, "E007_CRS_MISMATCH", "to_crs"),
    ({"crs": "GEOGCS[nothing"}, "E007_CRS_MISMATCH", "to_crs"),
    ({"encoding": "polygon"}, "E_INPUT_SCHEMA", "geometry_encoding"),
    ({"edges": "spherical"}, "E_INPUT_SCHEMA", "segmentize"),
]


@pytest.mark.parametrize(("column", "code", "says"), CASES, ids=lambda v: str(v)[:50])
def test_what_the_geo_metadata_may_say(
    tmp_path: Path, column: dict[str, Any], code: str | None, says: str
) -> None:
    path = tmp_path / "p.parquet"
    pq.write_table(table().replace_schema_metadata(geo(**column)), path)
    if code is None:
        assert sorted(read_country_shapes(path, ISO).wkb) == ["FJ", "LV"]
        return
    with pytest.raises(Segment1BError) as caught:
        read_country_shapes(path, ISO)
    assert caught.value.code == code
    assert says in caught.value.next_step
