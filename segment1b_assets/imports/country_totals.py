"""What a root's polygons say of its raster: where countries lie, and how many people they hold."""

from __future__ import annotations

from collections.abc import Sequence

import shapely

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.core.eligibility import eligible_cells
from segment1b_assets.core.polygon import CountryPolygon
from segment1b_assets.imports.starting_root import ISO_LIST
from segment1b_assets.storage.data_root import DataRoot
from segment1b_assets.storage.raster_header import read_grid
from segment1b_assets.storage.raster_values import RasterValues
from segment1b_assets.storage.references import CountryShapes, read_country_shapes, read_iso_list


def bounds_of(root: DataRoot, countries: Sequence[str]) -> tuple[float, float, float, float]:
    """West, south, east, north of the countries' polygons in the root.

    Raises:
        Segment1BError: E_INPUT_MISSING where the root has no polygons, or none of a country.
    """
    shapes = _shapes(root)
    for country in countries:
        if country not in shapes.wkb:
            raise Segment1BError(
                "E_INPUT_MISSING", "has no polygon in this root", country=country,
                file=shapes.file, value=country,
                next_step="import its polygon first, or leave it out of --countries",
            )  # fmt: skip
    found = shapely.total_bounds(shapely.from_wkb([shapes.wkb[c] for c in countries]))
    west, south, east, north = (float(v) for v in found)
    return west, south, east, north


def country_totals(root: DataRoot) -> dict[str, float]:
    """Sums of the raster over the cells whose centre lies in each country; {} without polygons.

    Countries whose polygon the states would refuse are left out here: `check-inputs` names them.
    """
    if not root.exists(root.path_for("world_countries")):
        return {}
    shapes = _shapes(root)
    path = root.path_for("population_raster_2025")
    grid = read_grid(path)
    values = RasterValues(path)
    found: dict[str, float] = {}
    for country, wkb in sorted(shapes.wkb.items()):
        try:
            polygon = CountryPolygon.from_wkb(country, wkb, shapes.file)
        except Segment1BError:
            continue
        runs = eligible_cells(polygon, grid, "center").runs
        found[country] = sum(float(piece.sum()) for piece in values.persons(runs))
    return found


def _shapes(root: DataRoot) -> CountryShapes:
    listed = frozenset(read_iso_list(root.path_for(ISO_LIST)).names)
    return read_country_shapes(root.path_for("world_countries"), listed)
