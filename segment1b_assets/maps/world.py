"""The world map of all published sites, counted in squares of half a degree."""

from __future__ import annotations

import numpy as np
import shapely

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.maps.blocks import Floats
from segment1b_assets.maps.figure import Extent, Layer, draw_map
from segment1b_assets.maps.published import SITES
from segment1b_assets.storage.run_inputs import RunInputs

#: Squares of half a degree, a pixel each: rows from the north, columns from 180 degrees west.
ROWS, COLS = 360, 720
#: Outlines leave out what is smaller than a third of a pixel, in degrees.
TOLERANCE = 0.15


def world_map(inputs: RunInputs, dataset: str = "site_locations") -> bytes:
    """PNG (under 200 kB) of the sites of all countries whose partition is published.

    Memory follows the batch: only the squares' counts are kept.

    Raises:
        Segment1BError: E_INPUT_MISSING where no country's partition is published; E_INPUT_SCHEMA
            where one cannot be read.
        ValueError: the dataset is not one of sites.
    """
    if dataset not in SITES:
        raise ValueError(f"{dataset} has no world map; these have: {', '.join(SITES)}")
    published = [c for c in sorted(inputs.iso_names) if inputs.files(dataset, c)]
    if not published:
        raise Segment1BError(
            "E_INPUT_MISSING", f"{dataset} is published for no country", value=dataset,
            next_step="publish it: segment1b run --countries all --states s0..s8",
        )  # fmt: skip
    grid, counts = inputs.grid, np.zeros(ROWS * COLS)
    for country in published:
        for rows, cols, weights in SITES[dataset](inputs, dataset, country):
            lat, lon = grid.f + rows * grid.e, grid.c + cols * grid.a
            row = np.clip(np.floor((90.0 - lat) * 2), 0, ROWS - 1).astype(np.int64)
            col = np.floor((lon + 180.0) * 2).astype(np.int64) % COLS
            counts += np.bincount(row * COLS + col, weights, minlength=ROWS * COLS)
    sites = counts.reshape(ROWS, COLS)
    layer = Layer(
        sites, np.zeros((ROWS, COLS), np.bool_), "sites a square of 0.5°", "viridis_r", True
    )
    subtitle = f"{int(counts.sum()):,} sites, {len(published):,} countries"
    extent = Extent(-180.0, 180.0, -90.0, 90.0)
    return draw_map(layer, extent, f"The world   {dataset}", subtitle, _outlines(inputs))


def _outlines(inputs: RunInputs) -> list[Floats]:
    """The rings of all countries, simplified, longitudes turned into -180 to 180 degrees."""
    shapes = shapely.from_wkb(
        [inputs.shapes.wkb[c] for c in sorted(inputs.shapes.wkb)], on_invalid="ignore"
    )
    rings = shapely.get_rings(shapely.simplify(shapely.get_parts(shapes), TOLERANCE))
    rings = rings[shapely.length(rings) > 4 * TOLERANCE]
    points, ring = shapely.get_coordinates(rings, return_index=True)
    starts = np.searchsorted(ring, np.arange(len(rings)))
    middle = np.add.reduceat(points[:, 0], starts) / np.bincount(ring) if len(rings) else starts
    points[:, 0] -= (np.floor((middle + 180.0) / 360.0) * 360.0)[ring]
    return np.split(points, starts[1:])
