"""The polygon table, spoiled as a whole or in one country's row."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from segment1b_assets_tests.hostile import files
from segment1b_assets_tests.hostile.cases import EVERYBODY, Case, Oddity
from segment1b_assets_tests.hostile.laboratory import BAD, Lab, edit_table, with_column

Spoil = Callable[[Lab], object]


def damaged(damage: Callable[[Path], object]) -> Spoil:
    return lambda lab: damage(lab.polygons)


def edited(change: Callable[[pa.Table], pa.Table]) -> Spoil:
    return lambda lab: edit_table(lab.polygons, change)


def column_of(table: pa.Table) -> str:
    return str(json.loads(table.schema.metadata[b"geo"])["primary_column"])


def geometry(change: Callable[[BaseGeometry], bytes | BaseGeometry | None]) -> Spoil:
    """Replace the bad country's geometry by WKB, or by another geometry's WKB."""

    def edit(table: pa.Table) -> pa.Table:
        name = column_of(table)
        raw = table[name].to_pylist()
        at = table["country_iso"].to_pylist().index(BAD)
        made = change(shapely.from_wkb(raw[at]))
        raw[at] = bytes(shapely.to_wkb(made)) if isinstance(made, BaseGeometry) else made
        return with_column(table, name, raw, pa.binary())

    return edited(edit)


def code_becomes(text: str | None) -> Spoil:
    def edit(table: pa.Table) -> pa.Table:
        codes = [text if c == BAD else c for c in table["country_iso"].to_pylist()]
        return with_column(table, "country_iso", codes, pa.string())

    return edited(edit)


def metadata(change: Callable[[dict[str, Any]], object]) -> Spoil:
    """Change the `geo` document; what `change` returns replaces it, unless it is None."""

    def edit(table: pa.Table) -> pa.Table:
        document = json.loads(table.schema.metadata[b"geo"])
        made = change(document)
        text = made if isinstance(made, bytes) else json.dumps(made or document).encode()
        return table.replace_schema_metadata({b"geo": text})

    return edited(edit)


def crs(value: Any) -> Spoil:
    return metadata(lambda d: d["columns"][d["primary_column"]].update(crs=value))


def box(shape: BaseGeometry) -> tuple[float, float, float, float]:
    west, south, east, north = shape.bounds
    return west, south, east, north


def bow_tie(shape: BaseGeometry) -> BaseGeometry:
    w, s, e, n = box(shape)
    return shapely.Polygon([(w, s), (e, n), (e, s), (w, n)])


def ring_wkb(points: list[tuple[float, float]]) -> bytes:
    """A WKB polygon of one ring, written byte by byte, so that it may be wrong."""
    head = struct.pack("<BIII", 1, 3, 1, len(points))
    return head + b"".join(struct.pack("<dd", x, y) for x, y in points)


def unclosed(shape: BaseGeometry) -> bytes:
    w, s, e, n = box(shape)
    return ring_wkb([(w, s), (e, s), (e, n), (w, n)])


def with_vertex(x: float | None, y: float) -> Callable[[BaseGeometry], bytes]:
    """A box whose north-east corner lies elsewhere; None is the middle of its width."""

    def made(shape: BaseGeometry) -> bytes:
        w, s, e, n = box(shape)
        return ring_wkb([(w, s), (e, s), ((w + e) / 2 if x is None else x, y), (w, n), (w, s)])

    return made


def hole_outside(shape: BaseGeometry) -> BaseGeometry:
    w, s, e, n = box(shape)
    hole = [(e + 1, s), (e + 2, s), (e + 2, n), (e + 1, s)]
    return shapely.Polygon([(w, s), (e, s), (e, n), (w, n)], [hole])


def nested_parts(shape: BaseGeometry) -> BaseGeometry:
    w, s, e, n = box(shape)
    d = (e - w) / 4
    return shapely.MultiPolygon([shapely.box(w, s, e, n), shapely.box(w + d, s + d, e - d, n - d)])


def collection_bomb(shape: BaseGeometry) -> bytes:
    """Geometry collections nested ten thousand deep."""
    return struct.pack("<BII", 1, 7, 1) * 10_000 + bytes(shapely.to_wkb(shape))


def claims_many_rings(shape: BaseGeometry) -> bytes:
    """A polygon that says it has four thousand million rings, and has none."""
    return struct.pack("<BII", 1, 3, 0xFFFFFFFF)


def claims_many_points(shape: BaseGeometry) -> bytes:
    return struct.pack("<BIII", 1, 3, 1, 0xFFFFFFFF) + b"\0" * 32


def curve(shape: BaseGeometry) -> bytes:
    """A CurvePolygon, whose ring is a geometry of its own: GEOS knows it, Shapely does not."""
    ring = shapely.LineString([(0, 0), (1, 0), (1, 1), (0, 0)])
    return struct.pack("<BII", 1, 10, 1) + bytes(shapely.to_wkb(ring))


def star(vertices: int) -> Callable[[BaseGeometry], BaseGeometry]:
    """A valid polygon of many vertices, all round the country's middle."""

    def made(shape: BaseGeometry) -> BaseGeometry:
        w, s, e, n = box(shape)
        turn = np.linspace(0, 2 * math.pi, vertices, endpoint=False)
        radius = (1 + 0.2 * np.cos(turn * 1000)) * (min(e - w, n - s) / 3)
        return shapely.Polygon(
            np.c_[(w + e) / 2 + radius * np.cos(turn), (s + n) / 2 + radius * np.sin(turn)]
        )

    return made


def islands(count: int) -> Callable[[BaseGeometry], BaseGeometry]:
    """As many small squares, none touching another."""

    def made(shape: BaseGeometry) -> BaseGeometry:
        w, s, e, n = box(shape)
        side = math.isqrt(count - 1) + 1
        at = np.arange(count)
        x = w + (e - w) * (at % side) / side
        y = s + (n - s) * (at // side) / side
        return shapely.multipolygons(
            shapely.box(x, y, x + (e - w) / side / 2, y + (n - s) / side / 2)
        )

    return made


def _squares(count: int) -> NDArray[np.float64]:
    """Corners of small squares that do not touch, shape (count, 5, 2), degrees."""
    side = math.isqrt(count - 1) + 1
    at = np.arange(count)
    corner = np.c_[at % side, at // side] * (4.0 / side)
    steps = np.array([(0, 0), (0, 1), (1, 1), (1, 0), (0, 0)]) * (1.5 / side)
    return np.asarray(corner[:, None, :] + steps)


def millions_of_islands(count: int) -> Callable[[BaseGeometry], bytes]:
    """As `islands`, in bytes alone: Shapely would need a gigabyte to make them."""

    def made(shape: BaseGeometry) -> bytes:
        island = np.zeros(
            count,
            [("order", "u1"), ("head", "<u4", 3), ("xy", "<f8", (5, 2))],
        )
        island["order"], island["head"], island["xy"] = 1, (3, 1, 5), _squares(count)
        return struct.pack("<BII", 1, 6, count) + island.tobytes()

    return made


def millions_of_holes(count: int) -> Callable[[BaseGeometry], bytes]:
    def made(shape: BaseGeometry) -> bytes:
        ring = np.zeros(count + 1, [("points", "<u4"), ("xy", "<f8", (5, 2))])
        ring["points"], ring["xy"][1:] = 5, _squares(count)
        ring["xy"][0] = [(-1, -1), (5, -1), (5, 5), (-1, 5), (-1, -1)]
        return struct.pack("<BII", 1, 3, count + 1) + ring.tobytes()

    return made


def bomb(lab: Lab) -> None:
    """A file of some kilobytes whose one geometry unpacks to 300 MiB of zeros."""
    geometry(lambda g: bytes(300 << 20))(lab)
    edit_table(lab.polygons, lambda t: t, compression="zstd")
    assert lab.polygons.stat().st_size < 1 << 20


def repeated(table: pa.Table) -> pa.Table:
    """One country's row twenty thousand times over: stored once, in a dictionary."""
    return pa.concat_tables([table, *[table.slice(0, 1)] * 20_000])


def many_holes(count: int) -> Callable[[BaseGeometry], BaseGeometry]:
    def made(shape: BaseGeometry) -> BaseGeometry:
        w, s, e, n = box(shape)
        squares = shapely.get_parts(islands(count)(shapely.box(w, s, e, n)))
        rings = shapely.get_exterior_ring(squares)
        d = (e - w) / 10
        shell = shapely.linearrings(
            [(w - d, s - d), (e + d, s - d), (e + d, n + d), (w - d, n + d), (w - d, s - d)]
        )
        return shapely.polygons(shell, holes=rings)

    return made


def second_row(table: pa.Table) -> pa.Table:
    at = table["country_iso"].to_pylist().index(BAD)
    return pa.concat_tables([table, table.slice(at, 1)])


def as_text(table: pa.Table) -> pa.Table:
    name = column_of(table)
    texts = [shapely.to_wkt(shapely.from_wkb(w)) for w in table[name].to_pylist()]
    return with_column(table, name, texts, pa.string())


def renamed(table: pa.Table) -> pa.Table:
    """The geometry under a name of its own; a column `geom` beside it holds rubbish."""
    geo = json.loads(table.schema.metadata[b"geo"])
    old = geo["primary_column"]
    geo = {**geo, "primary_column": "the_shape", "columns": {"the_shape": geo["columns"][old]}}
    table = table.rename_columns(["the_shape" if n == old else n for n in table.column_names])
    table = table.append_column("geom", pa.array([b"rubbish"] * table.num_rows, pa.binary()))
    return table.replace_schema_metadata({b"geo": json.dumps(geo).encode()})


def _whole(name: str, spoil: Spoil, code: str, *says: str) -> Case:
    return Case(
        f"polygons: {name}",
        spoil,
        ("S1",),
        code,
        EVERYBODY,
        says=("world_countries.parquet", *says),
    )


def _row(name: str, spoil: Spoil, code: str, *says: str, also: tuple[str, ...] = ()) -> Case:
    return Case(
        f"polygon: {name}",
        spoil,
        ("S1",),
        code,
        BAD,
        also,
        says=("world_countries.parquet", *says),
    )


_E001 = "E001_GEO_INVALID"
_E009 = "E009_PERF_BUDGET"
_SCHEMA = "E_INPUT_SCHEMA"
_INF, _NAN = math.inf, math.nan

CASES = [
    _whole("missing", damaged(files.missing), "E_INPUT_MISSING"),
    *(_whole(what, damaged(how), _SCHEMA) for what, how in files.UNREADABLE.items()),
    _whole("no country_iso", edited(lambda t: t.drop_columns(["country_iso"])), _SCHEMA),
    _whole("no name", edited(lambda t: t.drop_columns(["name"])), _SCHEMA, "name"),
    _whole("no geometry", edited(lambda t: t.drop_columns([column_of(t)])), _SCHEMA),
    _whole("no geo metadata", edited(lambda t: t.replace_schema_metadata(None)), _SCHEMA, "geo"),
    _whole("geo metadata no JSON", metadata(lambda d: b"{"), _SCHEMA),
    _whole("geo metadata a list", metadata(lambda d: b"[1, 2]"), _SCHEMA),
    _whole("geo metadata no UTF-8", metadata(lambda d: b"\xff\xfe{}"), _SCHEMA),
    _whole("geo metadata very deep", metadata(lambda d: b"[" * 200_000), _SCHEMA),
    _whole("primary column not there", metadata(lambda d: d.update(primary_column="x")), _SCHEMA),
    _whole("primary column is a list", metadata(lambda d: d.update(primary_column=[1])), _SCHEMA),
    _whole("columns is a list", metadata(lambda d: d.update(columns=[])), _SCHEMA),
    _whole(
        "column entry is text",
        metadata(lambda d: d["columns"].update({d["primary_column"]: "WKB"})),
        _SCHEMA,
    ),
    _whole(
        "native encoding",
        metadata(lambda d: d["columns"][d["primary_column"]].update(encoding="polygon")),
        _SCHEMA,
        "polygon",
    ),
    _whole(
        "spherical edges",
        metadata(lambda d: d["columns"][d["primary_column"]].update(edges="spherical")),
        _SCHEMA,
    ),
    _whole("geometry as text", edited(as_text), _SCHEMA, "string"),
    _whole("unpacks to 300 MiB", bomb, _SCHEMA, "256 MiB"),
    _whole("twenty thousand rows", edited(repeated), _SCHEMA, "20,00"),
    _whole(
        "codes are numbers",
        edited(lambda t: with_column(t, "country_iso", list(range(t.num_rows)), pa.int32())),
        _SCHEMA,
    ),
    _whole("a null code", code_becomes(None), _SCHEMA, "country_iso"),
    _whole(
        "EPSG:3857", crs({"id": {"authority": "EPSG", "code": 3857}}), "E007_CRS_MISMATCH", "3857"
    ),
    _whole("NAD83", crs({"id": {"authority": "EPSG", "code": 4269}}), "E007_CRS_MISMATCH", "4269"),
    _whole("CRS null", crs(None), "E007_CRS_MISMATCH"),
    _whole("CRS as text", crs("EPSG:3857"), "E007_CRS_MISMATCH", "EPSG:3857"),
    _whole("CRS without id", crs({"type": "GeographicCRS", "name": "x"}), "E007_CRS_MISMATCH"),
    _whole("CRS id is a list", crs({"id": [4326]}), "E007_CRS_MISMATCH"),
    _whole("CRS empty object", crs({}), "E007_CRS_MISMATCH"),
    _row("crosses itself", geometry(bow_tie), _E001, "Self-intersection"),
    _row("unclosed ring", geometry(unclosed), _E001),
    _row("three points", geometry(lambda g: ring_wkb([(0, 0), (1, 1), (0, 0)])), _E001),
    _row("one point", geometry(lambda g: ring_wkb([(0, 0)])), _E001),
    _row(
        "a line folded on itself",
        geometry(lambda g: ring_wkb([(0, 0), (1, 1), (2, 2), (0, 0)])),
        _E001,
    ),
    _row("empty polygon", geometry(lambda g: shapely.Polygon()), _E001, "empty"),
    _row("empty multipolygon", geometry(lambda g: shapely.MultiPolygon()), _E001, "empty"),
    _row("NaN vertex", geometry(with_vertex(_NAN, 1.0)), _E001, "finite"),
    _row("infinite vertex", geometry(with_vertex(_INF, 1.0)), _E001, "finite"),
    _row("minus infinite latitude", geometry(with_vertex(1.0, -_INF)), _E001, "finite"),
    _row("latitude 91", geometry(with_vertex(None, 91.0)), "E004_BOUNDS", "91.0"),
    _row("latitude 1e308", geometry(with_vertex(None, 1e308)), "E004_BOUNDS"),
    _row("longitude 2000", geometry(with_vertex(2000.0, 1.0)), "E004_BOUNDS", "2000.0"),
    _row(
        "metres", geometry(lambda g: shapely.transform(g, lambda xy: xy * 111_000)), "E004_BOUNDS"
    ),
    _row(
        "SRID 3857 in the WKB",
        geometry(lambda g: bytes(shapely.to_wkb(shapely.set_srid(g, 3857), include_srid=True))),
        "E007_CRS_MISMATCH",
        "3857",
    ),
    _row("null", geometry(lambda g: None), _E001, "null"),
    _row("no bytes", geometry(lambda g: b""), _E001),
    _row("garbage WKB", geometry(lambda g: b"\x07garbage" * 9), _E001),
    _row("half of the WKB", geometry(lambda g: bytes(shapely.to_wkb(g))[:40]), _E001),
    _row("claims 4e9 rings", geometry(claims_many_rings), _E001),
    _row("claims 4e9 points", geometry(claims_many_points), _E001),
    _row("nested collections", geometry(collection_bomb), _E001),
    _row("curve polygon", geometry(curve), _E001),
    _row("point", geometry(lambda g: g.centroid), _E001, "Point"),
    _row("line", geometry(lambda g: shapely.LineString([(0, 0), (1, 1)])), _E001, "LineString"),
    _row("multipoint", geometry(lambda g: shapely.MultiPoint([(0, 0), (1, 1)])), _E001),
    _row(
        "collection",
        geometry(lambda g: shapely.GeometryCollection([g])),
        _E001,
        "GeometryCollection",
    ),
    _row("hole outside of its shell", geometry(hole_outside), _E001, "Hole"),
    _row("part within a part", geometry(nested_parts), _E001),
    _row("a million islands", geometry(millions_of_islands(1_000_000)), _E009, "1,000,000 rings"),
    _row("a million holes", geometry(millions_of_holes(1_000_000)), _E009, "1,000,001 rings"),
    _row("two million vertices", geometry(star(2_000_000)), _E009, "2,000,001 vertices"),
    _row("two rows", edited(second_row), _SCHEMA, "more than one row"),
    _row("lower-case code", code_becomes("fk"), "E005_ISO_FK", "'fk'", also=("fk",)),
    Case(
        "polygon: unknown code",
        edited(
            lambda t: pa.concat_tables(
                [t, with_column(t.slice(0, 1), "country_iso", ["XX"], pa.string())]
            )
        ),
        ("S1",),
        "E005_ISO_FK",
        "XX",
        says=("'XX'", "world_countries.parquet"),
    ),
    Case(
        "polygon: a path as code",
        edited(
            lambda t: pa.concat_tables(
                [t, with_column(t.slice(0, 1), "country_iso", ["../../../x"], pa.string())]
            )
        ),
        ("S1",),
        "E005_ISO_FK",
        "../../../x",
    ),
]

ODDITIES = [
    Oddity(
        "polygons: geometry column of another name, as the metadata say", edited(renamed), ("S1",)
    ),
    Oddity("polygons: EPSG:4326 as CRS", crs({"id": {"authority": "EPSG", "code": 4326}}), ("S1",)),
    Oddity("polygon: other winding", geometry(lambda g: shapely.reverse(g)), ("S1",)),
    Oddity(
        "polygon: SRID 4326 in the WKB",
        geometry(lambda g: bytes(shapely.to_wkb(shapely.set_srid(g, 4326), include_srid=True))),
        ("S1",),
    ),
    Oddity(
        "polygon: heights beside the coordinates",
        geometry(lambda g: shapely.force_3d(g, 5.0)),
        ("S1",),
    ),
    Oddity(
        "polygon: a whole turn to the east",
        geometry(
            lambda g: (
                shapely.transform(g, lambda xy: np.add(xy, (360.0, 0.0)))
                if g.bounds[2] <= 180
                else g
            )
        ),
        ("S1",),
        same=False,
    ),
    Oddity("polygon: a million vertices", geometry(star(1_000_000)), ("S1",), same=False),
    Oddity("polygon: a hundred thousand islands", geometry(islands(100_000)), ("S1",), same=False),
    Oddity("polygon: a hundred thousand holes", geometry(many_holes(100_000)), ("S1",), same=False),
    Oddity(
        "polygons: a country without one",
        edited(lambda t: t.filter(pa.compute.not_equal(t["country_iso"], BAD))),
        ("S1",),
        same=False,
    ),
    Oddity(
        "polygons: large binary, large text",
        edited(
            lambda t: with_column(
                with_column(t, column_of(t), t[column_of(t)].cast(pa.large_binary())),
                "country_iso",
                t["country_iso"].cast(pa.large_string()),
            )
        ),
        ("S1",),
    ),
]
