"""Every input of a root judged at once, before anything runs (contract §3).

The judges are the states' own readers, but a fault of one input does not hide those of the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final, TypeVar

import numpy as np

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.policies import POLICY_MODELS, load_policy
from segment1b_assets.core.cell_runs import CellRuns
from segment1b_assets.core.eligibility import InclusionRule, eligible_cells
from segment1b_assets.core.grid import Grid
from segment1b_assets.core.masses import clean_masses
from segment1b_assets.core.polygon import CountryPolygon
from segment1b_assets.imports.raster_source import exact_text
from segment1b_assets.storage import unknown_codes
from segment1b_assets.storage.bundle import verify_flag
from segment1b_assets.storage.raster_values import RasterValues
from segment1b_assets.storage.run_inputs import RunInputs

T = TypeVar("T")
Findings = dict[str, list[Segment1BError]]
#: A country whose bounding box holds more cells than this is taken to have a cell of its own.
_LARGE_CELLS: Final = 10_000

_ISO: Final = "iso3166_canonical_2024"
_POLYGONS: Final = "world_countries"
_RASTER: Final = "population_raster_2025"
_CATALOGUE: Final = "outlet_catalogue"
_BUNDLE: Final = "validation_bundle_1A"


def check_inputs(inputs: RunInputs) -> Findings:
    """Everything that is wrong with a root's inputs.

    Returns:
        Dataset id -> its faults, for every input in the order of contract §3; no faults: [].
    """
    found: Findings = {_ISO: _collected(lambda: inputs.iso_names)[1]}
    shapes, found[_POLYGONS] = _polygons(inputs) if not found[_ISO] else ({}, [])
    grid, found[_RASTER] = _collected(lambda: inputs.grid)
    if grid is not None:
        found[_RASTER] += _value_faults(inputs, grid)
    found[_CATALOGUE] = list(_catalogue_faults(inputs, found[_ISO]))
    if not (found[_CATALOGUE] or found[_POLYGONS] or found[_ISO]) and grid is not None:
        found[_CATALOGUE] += _countries_without_tiles(inputs, shapes, grid)
    _, run_faults = _collected(lambda: inputs.outlet_run)
    found[_BUNDLE] = (
        [] if run_faults else _collected(lambda: verify_flag(inputs.ensure_local(_BUNDLE)))[1]
    )
    for name in POLICY_MODELS:
        path = inputs.root.ensure_local(inputs.root.path_for(name))
        found[name] = _collected(partial(load_policy, name, path))[1]
    return found


def _collected(read: Callable[[], T]) -> tuple[T | None, list[Segment1BError]]:
    try:
        return read(), []
    except Segment1BError as err:
        return None, [err]


def _polygons(inputs: RunInputs) -> tuple[dict[str, CountryPolygon], list[Segment1BError]]:
    table, faults = _collected(lambda: inputs.shapes)
    if table is None:
        return {}, faults
    faults += [*unknown_codes.of_polygons(inputs).values(), *table.faults.values()]
    polygons = {}
    for country, wkb in table.wkb.items():
        polygon, wrong = _collected(partial(CountryPolygon.from_wkb, country, wkb, table.file))
        faults += wrong
        if polygon is not None:
            polygons[country] = polygon
    return polygons, faults


def _value_faults(inputs: RunInputs, grid: Grid) -> list[Segment1BError]:
    """Negative and infinite values, which stop their country under the basis population."""
    path = inputs.ensure_local(_RASTER)
    whole = (np.zeros(1, np.int64), np.array([grid.nrows * grid.ncols]))
    seen = invalid = first = 0
    sample: float | int = 0
    try:
        reader = RasterValues(path)
        for values in reader.values(CellRuns.from_intervals(whole, grid.ncols)):
            at = clean_masses(values, reader.nodata)
            if at.size and not invalid:
                first, sample = seen + int(at[0]), values[at[0]].item()
            invalid += at.size
            seen += values.size
    except Segment1BError as err:
        return [err]
    if not invalid:
        return []
    row, col = divmod(first, grid.ncols)
    return [
        Segment1BError(
            "E105_NORMALIZATION",
            f"{invalid:,} cells are negative or infinite, the first at row {row}, column {col}",
            file=path, value=sample,
            next_step=f"declare {exact_text(sample)} as nodata (gdal_translate -a_nodata "
            f"{exact_text(sample)} in.tif out.tif), or mend the values",
        )
    ]  # fmt: skip


def _catalogue_faults(
    inputs: RunInputs, iso_faults: list[Segment1BError]
) -> Iterator[Segment1BError]:
    run, faults = _collected(lambda: inputs.outlet_run)
    yield from faults
    if run is None or iso_faults:
        return
    catalogue, faults = _collected(lambda: inputs.catalogue)
    yield from faults
    if catalogue is not None:
        yield from catalogue.faults.values()
        policies, _ = _collected(lambda: inputs.policies)
        if policies is not None:
            yield from unknown_codes.of_catalogue(inputs).values()


def _countries_without_tiles(
    inputs: RunInputs, polygons: dict[str, CountryPolygon], grid: Grid
) -> list[Segment1BError]:
    policies, _ = _collected(lambda: inputs.policies)
    if policies is None:
        return []
    rule = policies["policy.s1.tile_index"].inclusion_rule
    faults = []
    for country in inputs.demanded:
        polygon = polygons.get(country)
        if polygon is not None and _has_a_cell(polygon, grid, rule):
            continue
        what = "no polygon" if polygon is None else "a polygon that no cell of the raster lies in"
        sites = inputs.demand(country)
        faults.append(
            Segment1BError(
                "E303_MISSING_WEIGHTS", f"has {sites:,} outlets and {what}", country=country,
                file=inputs.root.path_for(_POLYGONS if polygon is None else _RASTER),
                value=country,
                next_step="import a polygon and a raster that cover it, or deny it in "
                "policy.s3.requirements.yaml",
            )
        )  # fmt: skip
    return faults


def _has_a_cell(polygon: CountryPolygon, grid: Grid, rule: InclusionRule) -> bool:
    west, south, east, north = polygon.geometry.bounds
    inside = (
        grid.c <= west and east <= grid.c + grid.ncols * grid.a
        and north <= grid.f and south >= grid.f + grid.nrows * grid.e
    )  # fmt: skip
    cells = (east - west) * (north - south) / abs(grid.a * grid.e)
    if inside and cells > _LARGE_CELLS:
        return True
    return eligible_cells(polygon, grid, rule).cells_included > 0
