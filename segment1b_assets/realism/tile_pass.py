"""One pass over a country's weighted tiles, in batches: all that the scorecard asks of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.core.cell_runs import CellRuns
from segment1b_assets.core.grid import Grid
from segment1b_assets.core.hilbert import curve_order, hilbert_index
from segment1b_assets.storage.raster_values import RasterValues
from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.storage.upstream import batches

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
U64 = NDArray[np.uint64]

#: Half-degree cells of the globe: rows from the north pole, columns from the antimeridian.
CELL_ROWS: Final = 360
CELL_COLS: Final = 720
CELLS: Final = CELL_ROWS * CELL_COLS
_ABSENT: Final = "E402_MISSING_TILE_WEIGHTS"


@dataclass(frozen=True)
class TilePass:
    """What a country's tiles say of its sites and draws.

    Attributes:
        tiles: tiles with weight.
        heaviest_tile, heaviest_weight: the first of the heaviest tiles.
        drawn_tile: uint64, the tile of each quantile asked for.
        before, weight: int64, of each tile asked for: the weight of the tiles of lower tile_id, and
            its own; 0 for a tile that is not the country's.
        before_on_curve: int64, the weight of the tiles earlier on the Hilbert curve.
        people: float64 (CELLS,), the raster's persons in the country's tiles.
    """

    tiles: int
    heaviest_tile: int
    heaviest_weight: int
    drawn_tile: U64
    before: Ints
    weight: Ints
    before_on_curve: Ints
    people: Floats


def weight_sum(inputs: RunInputs, country: str) -> int:
    """The sum of a country's weights, 10^dp where they are as S2 made them."""
    total = 0
    for batch in batches(inputs, "tile_weights", country, _ABSENT, ["weight_fp"]):
        total += int(batch.column("weight_fp").to_numpy().sum())
    return total


def pass_over_tiles(inputs: RunInputs, country: str, quantile: Ints, asked: U64) -> TilePass:
    """Stream the weights, and the raster's values beside them.

    Args:
        quantile: int64, ascending, places below the sum of weights.
        asked: uint64, ascending, each once: the tiles that hold sites.

    Raises:
        Segment1BError: E402_MISSING_TILE_WEIGHTS, E_INPUT_SCHEMA, E002_RASTER_MISMATCH.
    """
    grid = inputs.grid
    values = _persons(inputs, country)
    on_curve = _on_curve(asked, grid)
    curve_rank = np.argsort(on_curve)
    curve_sorted = on_curve[curve_rank]
    between = np.zeros(asked.size + 1, np.int64)
    drawn = np.zeros(quantile.size, np.uint64)
    before, weight = np.zeros(asked.size, np.int64), np.zeros(asked.size, np.int64)
    cells = np.zeros(CELLS)
    tiles = total = heaviest_tile = heaviest_weight = 0
    for batch in batches(inputs, "tile_weights", country, _ABSENT, ["tile_id", "weight_fp"]):
        ids = batch.column("tile_id").to_numpy()
        own = batch.column("weight_fp").to_numpy()
        if ids.size == 0:
            continue
        cells += np.bincount(half_degree_cells(grid, ids), values.take(ids.size), minlength=CELLS)
        upto = total + np.cumsum(own)
        first, last = np.searchsorted(quantile, [total, int(upto[-1])])
        drawn[first:last] = ids[np.searchsorted(upto, quantile[first:last], side="right")]
        found = np.searchsorted(ids, asked)
        ours = found < ids.size
        ours[ours] = ids[found[ours]] == asked[ours]
        weight[ours] = own[found[ours]]
        before[ours] = upto[found[ours]] - own[found[ours]]
        heavy = int(np.argmax(own))
        if int(own[heavy]) > heaviest_weight:
            heaviest_tile, heaviest_weight = int(ids[heavy]), int(own[heavy])
        np.add.at(between, np.searchsorted(curve_sorted, _on_curve(ids, grid), "right"), own)
        tiles += int(np.count_nonzero(own))
        total = int(upto[-1])
    before_on_curve = np.empty(asked.size, np.int64)
    before_on_curve[curve_rank] = np.cumsum(between)[:-1]
    return TilePass(
        tiles, heaviest_tile, heaviest_weight, drawn, before, weight, before_on_curve, cells
    )


def half_degree_cells(grid: Grid, ids: U64) -> Ints:
    """The half-degree cell of each tile's centroid, int64, below CELLS."""
    row, col = np.divmod(ids, np.uint64(grid.ncols))
    north = np.floor((90.0 - grid.centroid_lat[row]) / 0.5).astype(np.int64)
    east = np.floor((grid.centroid_lon[col] + 180.0) / 0.5).astype(np.int64)
    return np.clip(north, 0, CELL_ROWS - 1) * CELL_COLS + east % CELL_COLS


def _on_curve(ids: U64, grid: Grid) -> U64:
    row, col = np.divmod(ids, np.uint64(grid.ncols))
    return hilbert_index(col, row, curve_order(grid.nrows, grid.ncols))


def _persons(inputs: RunInputs, country: str) -> _Rebatched:
    """The raster's persons at the country's tiles; nodata and what is no mass are 0."""
    ids = (
        batch.column("tile_id").to_numpy()
        for batch in batches(inputs, "tile_weights", country, _ABSENT, ["tile_id"])
    )
    runs = CellRuns.from_sorted_tile_ids(ids, inputs.grid.ncols)
    path = inputs.root.ensure_local(inputs.root.path_for("population_raster_2025"))
    return _Rebatched(RasterValues(path).persons(runs))


class _Rebatched:
    """Values that come in pieces of one size and are taken in another."""

    def __init__(self, pieces: Iterator[Floats]) -> None:
        self._pieces = pieces
        self._held = np.empty(0)

    def take(self, count: int) -> Floats:
        parts, missing = [], count
        while missing > 0:
            if self._held.size == 0:
                self._held = next(self._pieces)
            part, self._held = self._held[:missing], self._held[missing:]
            parts.append(part)
            missing -= part.size
        return np.concatenate(parts) if parts else np.empty(0)
