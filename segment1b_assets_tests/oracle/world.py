"""Tiny random worlds on disk: every input of contract §3, adversarial on purpose.

``make_world`` decides everything from its seed; a knob left at None is drawn. Outlets go only to
countries that own a tile, unless ``stranded`` asks for E303.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import random
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import rasterio
import shapely
from rasterio.transform import Affine

from . import layout
from .bundle import write_bundle
from .geometry import parse_wkb
from .iso_codes import ISO_CODES, ISO_ROWS
from .shapes import Lattice, random_country, speck
from .tiles import Grid, Tile, country_tiles, smallest_share

DTYPES = ("float32", "float64", "int16", "uint8", "int32")
# Codes that careless readers turn into a missing value, a truth value or nothing at all.
TRICKY = ("NA", "NO", "AD", "ZW")
ID_KEY = {"authority": "OGC", "code": "CRS84"}


@dataclass(frozen=True)
class World:
    """What was made: the tokens, the grid, and the countries that got polygons and outlets."""

    root: Path
    seed: int
    manifest_fingerprint: str
    grid: Grid
    countries: list[str]
    outlet_countries: list[str]
    knobs: dict[str, Any]


def make_world(
    root: Path,
    seed: int,
    *,
    rows: int | None = None,
    cols: int | None = None,
    resolution: float | None = None,
    global_grid: bool | None = None,
    countries: int | None = None,
    codes: list[str] | None = None,
    merchants: int = 20,
    inclusion_rule: str | None = None,
    basis: str | None = None,
    dp: int | None = None,
    jitter_mode: str = "uniform_v1",
    max_attempts: int | None = None,
    denylist: list[str] | None = None,
    reach: list[dict[str, int]] | None = None,
    dtype: str | None = None,
    masses: str | None = None,
    slivers: bool = False,
    stranded: bool = False,
    feasible: bool | None = None,
    bad_mass: bool = False,
    master_seed: int | None = None,
) -> World:
    """Write a world under ``root``.

    ``codes``: the countries that get polygons, instead of ``countries`` drawn ones.
    ``masses``: plain, ties, wild or zero. ``denylist``: codes, which also enables the policy; the
    word "first" names the first country with outlets. ``reach``: S4's entries under
    population_arc_v1, instead of the plain law. ``stranded``: outlets in a country without
    tiles (E303). ``feasible``: outlets only where every tile lies in its country by 1/200 or more,
    so that 4096 attempts find a point; otherwise E613 is common under any_overlap. ``bad_mass``: a
    negative value in the first country with outlets (E105). ValueError for a grid past a pole.
    """
    rng = random.Random(seed)
    rule = inclusion_rule or rng.choice(("center", "center", "any_overlap"))
    grid = _grid(rng, rows, cols, resolution, global_grid)
    lattice = Lattice(grid, rng)
    wraps = grid.ncols * grid.a > 359 or grid.c + grid.ncols * grid.a > 180 or grid.c < -180
    codes = codes or _codes(rng, countries or rng.randint(3, 5))
    if feasible is None:
        feasible = rng.random() < 0.5
    shapes: dict[str, Any] = {}
    tiles: dict[str, list[Tile]] = {}
    owners = []
    for code in codes:
        for _ in range(20):
            last = code == codes[-1]
            shapes[code] = speck(lattice) if last else random_country(lattice, slivers, wraps)
            country = parse_wkb(bytes(shapely.to_wkb(shapes[code])))
            tiles[code] = country_tiles(grid, country, rule)
            if not feasible or smallest_share(country, tiles[code]) > Fraction(1, 200):
                owners += [code] if tiles[code] else []
                break
    owners.sort()
    if stranded:
        owners = sorted({*owners, codes[-1]})
    fingerprint = hashlib.sha256(f"tiny world {seed}".encode()).hexdigest()
    if master_seed is None:
        master_seed = rng.choice((rng.getrandbits(64) | 1 << 63, 42, 2025112301))
    used = _write_outlets(root, rng, owners, merchants, master_seed, fingerprint)
    _write_iso(root, rng)
    _write_polygons(root, rng, shapes)
    victims = [tiles[code][0] for code in used[:1] if tiles[code]] if bad_mass else []
    knobs: dict[str, Any] = {
        "inclusion_rule": rule,
        "basis": basis or rng.choice(("population", "population", "uniform", "area_m2")),
        "dp": rng.choice((0, 1, 2, 6, 12, 12, 17, 18)) if dp is None else dp,
        "jitter_mode": jitter_mode,
        "max_attempts": max_attempts or 4096,
        "dtype": dtype or rng.choice(DTYPES),
        "masses": masses or rng.choice(("plain", "plain", "ties", "wild", "zero")),
        "denylist": used[:1] if denylist == ["first"] else denylist,
        "reach": reach,
    }
    if bad_mass and knobs["dtype"] == "uint8":
        knobs["dtype"] = "int16"
    _write_raster(root, rng, grid, knobs, [(t.row, t.col) for t in victims])
    _write_policies(root, rng, knobs)
    _write_bundle_1a(root, rng, fingerprint)
    return World(root, master_seed, fingerprint, grid, sorted(shapes), used, knobs)


def _codes(rng: random.Random, count: int) -> list[str]:
    pool = [*rng.sample(TRICKY, 2), *rng.sample(ISO_CODES, count)]
    return list(dict.fromkeys(pool))[:count]


def _grid(
    rng: random.Random,
    rows: int | None,
    cols: int | None,
    resolution: float | None,
    whole: bool | None,
) -> Grid:
    rows, cols = rows or rng.randint(8, 30), cols or rng.randint(8, 40)
    if rng.random() < 0.3 if whole is None else whole:
        cols = cols if cols % 2 == 0 else cols + 1
        a, e = 360 / cols, -min(5.0, 170 / rows)
        return Grid(a, -180.0, e, rng.choice((90.0, 85.0, 84.5)), rows, cols)
    a = resolution or rng.choice((1.0, 0.5, 0.3, 1 / 7, 0.1, 1 / 120))
    e = -a if rng.random() < 0.7 else -a * rng.choice((0.5, 0.7, 1.1))
    edge = rng.random()
    if edge < 0.25:
        c = 180 - a * rng.randint(1, cols - 1)
    elif edge < 0.6:
        c = float(rng.randint(-170, 120))
    else:
        c = rng.uniform(-179, 120)
    f = rng.choice((float(rng.randint(-40, 80)), rng.uniform(-40, 80), 90.0))
    if f + rows * e < -90:
        f = 90.0
    if f + rows * e < -90:
        raise ValueError(f"{rows} rows of {-e} degrees do not fit between the poles")
    return Grid(a, c, e, f, rows, cols)


def _write_table(path: Path, table: pa.Table, **options: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, **options)


def _write_iso(root: Path, rng: random.Random) -> None:
    rows = rng.sample(ISO_ROWS, len(ISO_ROWS)) if rng.random() < 0.5 else ISO_ROWS
    table = pa.table(
        {
            "country_iso": pa.array([row[0] for row in rows]),
            "alpha3": pa.array([row[1] for row in rows]),
            "numeric_code": pa.array([row[2] for row in rows], pa.int16()),
            "name": pa.array([f"Country {row[1]}" for row in rows]),
        }
    )
    _write_table(layout.iso_path(root), table)


def _write_polygons(root: Path, rng: random.Random, shapes: dict[str, Any]) -> None:
    codes = rng.sample(sorted(shapes), len(shapes))
    column = rng.choice(("geom", "geom", "geom", "shape"))
    meta: dict[str, Any] = {"encoding": "WKB", "geometry_types": []}
    crs = rng.choice(("default", "CRS84"))
    if crs == "CRS84":
        meta["crs"] = _crs84()
    geo = {"version": "1.1.0", "primary_column": column, "columns": {column: meta}}
    order = rng.choice((0, 1))
    raw = [bytes(shapely.to_wkb(shapes[code], byte_order=order)) for code in codes]
    table = pa.table(
        {
            "country_iso": pa.array(codes),
            "name": pa.array([f"Country {code}" for code in codes]),
            column: pa.array(raw, pa.binary()),
        }
    )
    table = table.replace_schema_metadata({"geo": json.dumps(geo)})
    _write_table(layout.polygons_path(root), table)


def _crs84() -> dict[str, Any]:
    axes = [
        {"name": f"Geodetic {name}", "abbreviation": short, "direction": way, "unit": "degree"}
        for name, short, way in (("longitude", "Lon", "east"), ("latitude", "Lat", "north"))
    ]
    ellipsoid = {
        "name": "WGS 84",
        "semi_major_axis": 6378137,
        "inverse_flattening": 298.257223563,
    }
    return {
        "$schema": "https://proj.org/schemas/v0.7/projjson.schema.json",
        "type": "GeographicCRS",
        "name": "WGS 84 (CRS84)",
        "datum": {
            "type": "GeodeticReferenceFrame",
            "name": "World Geodetic System 1984",
            "ellipsoid": ellipsoid,
        },
        "coordinate_system": {"subtype": "ellipsoidal", "axis": axes},
        "id": ID_KEY,
    }


def _write_raster(
    root: Path, rng: random.Random, grid: Grid, knobs: dict[str, Any], victims: list[Any]
) -> None:
    dtype, style = np.dtype(knobs["dtype"]), knobs["masses"]
    floating = dtype.kind == "f"
    nodata: float | None
    if floating:
        nodata = rng.choice((None, -9999.0, math.nan, float(np.finfo(np.float32).min)))
    else:
        nodata = rng.choice((None, {"uint8": 255, "int16": -32768, "int32": -1}[dtype.name]))
    top = 250 if dtype.name == "uint8" else 30000
    values = np.zeros((grid.nrows, grid.ncols), dtype)
    for row in range(grid.nrows):
        for col in range(grid.ncols):
            value: float = _value(rng, style, floating, top, dtype.name)
            if rng.random() < 0.08 and nodata is not None:
                value = nodata
            elif rng.random() < 0.05 and floating:
                value = rng.choice((math.nan, -0.0))
            values[row, col] = value
    for row, col in victims:
        values[row, col] = -7
    path = layout.raster_path(root)
    path.parent.mkdir(parents=True, exist_ok=True)
    options = rng.choice(
        (
            {},
            {"tiled": True, "blockxsize": 16, "blockysize": 16},
            {"blockysize": 3},
            {"blockysize": 1},
        )
    )
    profile = {
        "driver": "GTiff",
        "height": grid.nrows,
        "width": grid.ncols,
        "count": 1,
        "dtype": dtype.name,
        "crs": "EPSG:4326",
        "transform": Affine(grid.a, 0.0, grid.c, 0.0, grid.e, grid.f),
        "nodata": nodata,
        "compress": rng.choice(("none", "deflate")),
    }
    with rasterio.open(path, "w", **profile, **options) as sink:
        sink.write(values, 1)


def _value(rng: random.Random, style: str, floating: bool, top: int, dtype: str) -> float:
    if style == "zero":
        return 0
    if style == "ties":
        return rng.choice((0, 1, 1, 1, 2, 3))
    if style == "wild" and floating:
        # Up to 60 orders of magnitude apart, and subnormals.
        reach = 37 if dtype == "float32" else 300
        return rng.choice((rng.random(), 10 ** rng.uniform(-reach, reach), 1e-320, 1.0))
    if style == "wild":
        return rng.choice((0, 1, top, top - 1))
    return rng.random() * 1000 if floating else rng.randint(0, top)


def _write_outlets(
    root: Path, rng: random.Random, owners: list[str], merchants: int, seed: int, fp: str
) -> list[str]:
    ids = {rng.getrandbits(64) for _ in range(merchants)}
    ids |= {2**64 - 1, 2**63} if merchants > 4 else set()
    pairs: dict[tuple[int, str], int] = {}
    for merchant_id in sorted(ids)[-merchants:]:
        for code in rng.sample(owners, min(len(owners), rng.choice((1, 1, 2, 3)))):
            pairs[merchant_id, code] = rng.choice((1, 1, 1, 2, 3, 5, 8, 40))
    if pairs:
        pairs[rng.choice(sorted(pairs))] = 130
    rows = [
        (merchant_id, code, order)
        for merchant_id, code in sorted(pairs)
        for order in range(1, pairs[merchant_id, code] + 1)
    ]
    order_type = rng.choice((pa.int32(), pa.int64(), pa.int16()))
    code_type = rng.choice((pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())))
    table = pa.table(
        {
            "manifest_fingerprint": pa.array([fp] * len(rows), pa.string()),
            "merchant_id": pa.array([row[0] for row in rows], pa.uint64()),
            "site_id": pa.array([f"{row[2]:06d}" for row in rows], pa.string()),
            "home_country_iso": pa.array(["US"] * len(rows), pa.string()),
            "legal_country_iso": pa.array([row[1] for row in rows]).cast(code_type),
            "site_order": pa.array([row[2] for row in rows], order_type),
        }
    )
    folder = layout.catalogue_dir(root, seed, fp)
    cuts = sorted(
        {0, *(rng.randrange(len(rows) + 1) for _ in range(rng.choice((0, 0, 2)))), len(rows)}
    )
    for part, (start, end) in enumerate(itertools.pairwise(cuts)):
        _write_table(
            folder / f"part-{part:05d}.parquet", table.slice(start, end - start), row_group_size=37
        )
    if not rows:
        _write_table(folder / "part-00000.parquet", table)
    return sorted({code for _, code in pairs})


def _write_policies(root: Path, rng: random.Random, knobs: dict[str, Any]) -> None:
    denied = knobs["denylist"]
    policies: dict[str, dict[str, Any]] = {
        "s1.tile_index": {"inclusion_rule": knobs["inclusion_rule"]},
        "s2.tile_weights": {"basis": knobs["basis"], "dp": knobs["dp"]},
        "s3.requirements": {"enabled": bool(denied), "denylist_country_iso": denied or []},
        "s4.alloc_plan": {"enabled": False},
        "s6.jitter": {"mode": knobs["jitter_mode"], "max_attempts": knobs["max_attempts"]},
    }
    if knobs["reach"] is not None:
        policies["s4.alloc_plan"] = {
            "enabled": True, "mode": "population_arc_v1", "reach": knobs["reach"]
        }  # fmt: skip
    if not denied and rng.random() < 0.5:
        # Switched off: the list must then be ignored.
        policies["s3.requirements"]["denylist_country_iso"] = ["NO", "NA"]
    if knobs["inclusion_rule"] == "center" and rng.random() < 0.3:
        del policies["s1.tile_index"]["inclusion_rule"]
    if knobs["dp"] == 12 and rng.random() < 0.5:
        del policies["s2.tile_weights"]["dp"]
    for name, values in policies.items():
        path = layout.policy_path(root, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = ['policy_version: "1.0.0"']
        for key, value in values.items():
            plain = isinstance(value, str)
            lines.append(f"{key}: {value if plain else json.dumps(value)}")
        path.write_text("\n".join(lines) + "\n", "utf-8")


def _write_bundle_1a(root: Path, rng: random.Random, fp: str) -> None:
    # Names whose ASCII order differs from an order by folders, or by letters without case.
    names = ["MANIFEST.json", "a-b.json", "a/b.json", "a.json", "B.json", "checks/rng.json"]
    files = {name: json.dumps({"file": name, "n": rng.random()}).encode() for name in names}
    write_bundle(layout.bundle_1a(root, fp), files)
