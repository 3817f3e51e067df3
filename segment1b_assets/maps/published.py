"""The map of a country's published partition."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.core.grid import Grid
from segment1b_assets.maps.blocks import Blocks, TileBatch, block_size, sum_into_blocks
from segment1b_assets.maps.country_map import PointBatch, Subject, site_map, tile_map, weight_map
from segment1b_assets.storage.parquet import open_parquet, read_batches
from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.storage.upstream import batches, row_count

#: Rows of a batch: what stays in a core's cache is summed up twice as fast as a million rows.
BATCH_ROWS = 1 << 17


def _by_tile(
    column: str | None, inputs: RunInputs, dataset: str, country: str
) -> Iterator[PointBatch]:
    """Sites known by their tile lie at its centre; `column` says how many they are."""
    ncols = inputs.grid.ncols
    for batch in batches(
        inputs, dataset, country, "E_INPUT_MISSING", ["tile_id", *([column] if column else [])]
    ):
        ids = batch.column("tile_id").to_numpy().astype(np.int64)
        count = batch.column(column).to_numpy().astype(np.float64) if column else None
        yield ids // ncols + 0.5, ids % ncols + 0.5, count


def _by_place(inputs: RunInputs, dataset: str, country: str) -> Iterator[PointBatch]:
    """Sites known by longitude and latitude."""
    grid = inputs.grid
    for batch in batches(inputs, dataset, country, "E_INPUT_MISSING", ["lon_deg", "lat_deg"]):
        lon, lat = (batch.column(name).to_numpy() for name in ("lon_deg", "lat_deg"))
        yield (lat - grid.f) / grid.e, (lon - grid.c) / grid.a, None


_Points = Callable[[RunInputs, str, str], Iterator[PointBatch]]
SITES: dict[str, _Points] = {
    "s4_alloc_plan": partial(_by_tile, "n_sites_tile"),
    "s5_site_tile_assignment": partial(_by_tile, None),
    "s6_site_jitter": partial(_by_tile, None),
    "s7_site_synthesis": _by_place,
    "site_locations": _by_place,
}
#: The datasets that say where something is. S3's requirements don't.
MAPPED = ("tile_index", "tile_bounds", "tile_weights", *SITES)


def map_of(inputs: RunInputs, dataset: str, country: str) -> bytes:
    """PNG (under 100 kB) of a published partition.

    Raises:
        Segment1BError: E_INPUT_MISSING or E101_TILE_INDEX_MISSING where the partition, or the
            tiles that the sites are shown on, is not published; E_INPUT_SCHEMA where it cannot be
            read; E004_BOUNDS where a tile id is not on the raster's grid.
        ValueError: the dataset has no map; MAPPED are those that have.
    """
    if dataset not in MAPPED:
        raise ValueError(f"{dataset} has no map; these have: {', '.join(MAPPED)}")
    inputs.require_country(country)
    if not inputs.files(dataset, country):
        raise Segment1BError(
            "E_INPUT_MISSING", f"{dataset} is not published for this country",
            country=country, file=inputs.path(dataset, country),
        )  # fmt: skip
    subject = Subject(
        country, inputs.iso_names[country], dataset, row_count(inputs, dataset, country)
    )
    grid = inputs.grid
    if dataset in SITES:
        tiles = _blocks(inputs, "tile_index", country, grid)
        return site_map(subject, grid, tiles, SITES[dataset](inputs, dataset, country))
    draw = weight_map if dataset == "tile_weights" else tile_map
    return draw(subject, grid, _blocks(inputs, dataset, country, grid))


def _blocks(inputs: RunInputs, dataset: str, country: str, grid: Grid) -> Blocks:
    files = inputs.files(dataset, country)
    if not files:
        raise Segment1BError(
            "E101_TILE_INDEX_MISSING", "the map needs the tiles, and they are not published",
            country=country, file=inputs.path(dataset, country),
        )  # fmt: skip
    ends = [e for path in files for e in _tile_id_range(path)]
    size = block_size(min(ends) // grid.ncols, max(ends) // grid.ncols) if ends else 1
    try:
        return sum_into_blocks(_tiles(inputs, dataset, country), grid, size)
    except ValueError as err:
        raise Segment1BError(
            "E004_BOUNDS", f"{dataset}: {err}", country=country, file=inputs.path(dataset, country)
        ) from err


def _tiles(inputs: RunInputs, dataset: str, country: str) -> Iterator[TileBatch]:
    weighed = dataset == "tile_weights"
    columns = ["tile_id", "weight_fp"] if weighed else ["tile_id"]
    for batch in read_batches(inputs.files(dataset, country), columns, BATCH_ROWS):
        weights = batch.column("weight_fp").to_numpy() if weighed else None
        yield batch.column("tile_id").to_numpy(), weights


def _tile_id_range(path: Path) -> list[int]:
    """Smallest and largest tile id of a file by its footer; nothing is read of the rows."""
    with open_parquet(path) as reader:
        footer = reader.metadata
        column = footer.schema.names.index("tile_id")
        ends = []
        for group in range(footer.num_row_groups):
            known = footer.row_group(group).column(column).statistics
            if known is not None and known.has_min_max:
                ends += [int(known.min), int(known.max)]
    return ends
