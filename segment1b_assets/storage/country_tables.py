"""Writers of the reference tables: the ISO list and the country polygons (contract §3)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from segment1b_assets.contracts.starting_files import ListedCountry


def write_iso_list(path: Path, countries: Sequence[ListedCountry]) -> None:
    """country_iso, alpha3, numeric_code (int16), name, region; one row a country, as given."""
    table = pa.table(
        {
            "country_iso": pa.array([c.country_iso for c in countries], pa.string()),
            "alpha3": pa.array([c.alpha3 for c in countries], pa.string()),
            "numeric_code": pa.array([c.numeric_code for c in countries], pa.int16()),
            "name": pa.array([c.name for c in countries], pa.string()),
            "region": pa.array([c.region for c in countries], pa.string()),
        }
    )
    pq.write_table(table, path, compression="zstd")


def write_country_polygons(
    path: Path, codes: Sequence[str], names: Sequence[str], wkb: Sequence[bytes]
) -> None:
    """GeoParquet 1.1: country_iso, name, geom (WKB, OGC:CRS84), one row a country, as given.

    Args:
        path: where to write; nothing is there yet.
        codes: country codes, ascending.
        names: their names, alongside.
        wkb: valid polygons and multipolygons in degrees, alongside. One is built at a time.
    """
    kinds, bounds = set(), np.empty((len(wkb), 4))
    for at, shape in enumerate(wkb):
        geometry = shapely.from_wkb(shape)
        kinds.add(str(geometry.geom_type))
        bounds[at] = geometry.bounds
    west, south = bounds[:, :2].min(axis=0).tolist()
    east, north = bounds[:, 2:].max(axis=0).tolist()
    geo = {
        "version": "1.1.0",
        "primary_column": "geom",
        "columns": {
            "geom": {
                "encoding": "WKB",
                "geometry_types": sorted(kinds),
                "crs": _CRS84,
                "orientation": "counterclockwise",
                "edges": "planar",
                "bbox": [west, south, east, north],
            }
        },
    }
    table = pa.table(
        {
            "country_iso": pa.array(list(codes), pa.string()),
            "name": pa.array(list(names), pa.string()),
            "geom": pa.array(list(wkb), pa.binary()),
        }
    ).replace_schema_metadata({"geo": json.dumps(geo)})
    pq.write_table(table, path, compression="zstd", compression_level=15, use_dictionary=False)


_CRS84: Final[dict[str, Any]] = {
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
