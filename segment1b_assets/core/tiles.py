"""tile_index and tile_bounds: a country's cells as columns (contract §4, S1).

Along a run of cells the row's values repeat and the tile ids count up, so the columns are made by
repeat, an addition and one look-up per cell. Nothing depends on the polygon any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.schemas import TABLES
from segment1b_assets.core.cell_area import row_areas
from segment1b_assets.core.cell_runs import CellRuns
from segment1b_assets.core.eligibility import Eligibility, InclusionRule
from segment1b_assets.core.grid import Grid
from segment1b_assets.core.stream import BATCH_ROWS, Chunk, PartitionStream

Column = NDArray[np.float64] | NDArray[np.uint64]


def tile_index(
    country: str,
    grid: Grid,
    eligibility: Eligibility,
    rule: InclusionRule,
    batch_rows: int = BATCH_ROWS,
) -> PartitionStream:
    """The tile_index partition of a country, in ascending tile_id.

    Args:
        country: ISO code.
        grid: the raster's grid.
        eligibility: the country's cells.
        rule: the inclusion rule that gave them.
        batch_rows: rows of a chunk (the last may have fewer).

    Returns:
        A stream of chunks of ``TABLES["tile_index"].wire``. Its facts are the counts of
        `Eligibility`, tile_id_min and tile_id_max (None without cells), predicate and grid_dims.

    Raises:
        Segment1BError: E006_AREA_NONPOS if a cell's area is not positive.
    """
    area = _checked_areas(country, grid, eligibility.runs)

    def columns(cells: _Cells) -> list[Column]:
        return [
            cells.tile_id(),
            cells.row(),
            cells.col().view(np.uint64),
            cells.by_col(grid.centroid_lon),
            cells.by_row(grid.centroid_lat),
            cells.by_row(area),
        ]

    return PartitionStream(
        _chunks("tile_index", (country, rule), eligibility.runs, batch_rows, columns),
        _facts(grid, eligibility, rule),
    )


def tile_bounds(
    country: str,
    grid: Grid,
    eligibility: Eligibility,
    rule: InclusionRule,
    batch_rows: int = BATCH_ROWS,
) -> PartitionStream:
    """The tile_bounds partition of a country; arguments and facts as `tile_index`."""

    def columns(cells: _Cells) -> list[Column]:
        return [
            cells.tile_id(),
            cells.by_row(grid.lat_edges[1:]),
            cells.by_row(grid.lat_edges[:-1]),
            cells.by_col(grid.lon_edges[:-1]),
            cells.by_col(grid.lon_edges[1:]),
            cells.by_row(grid.centroid_lat),
            cells.by_col(grid.centroid_lon),
        ]

    return PartitionStream(
        _chunks("tile_bounds", (country,), eligibility.runs, batch_rows, columns),
        _facts(grid, eligibility, rule),
    )


class _Cells:
    """The columns of one batch of cells; every array is new, of shape (cells,)."""

    def __init__(self, runs: CellRuns, counting: NDArray[np.int64]) -> None:
        self.lengths, self.run_rows = runs.lengths, runs.rows
        before = np.cumsum(runs.lengths) - runs.lengths
        self._tile_base = runs.starts - before
        self._col_base = runs.starts - runs.rows * runs.ncols - before
        self._counting = counting[: runs.count]
        self._cols: NDArray[np.int64] | None = None

    def tile_id(self) -> NDArray[np.uint64]:
        ids = np.repeat(self._tile_base, self.lengths)
        ids += self._counting
        return ids.view(np.uint64)

    def row(self) -> NDArray[np.uint64]:
        return np.repeat(self.run_rows.view(np.uint64), self.lengths)

    def col(self) -> NDArray[np.int64]:
        if self._cols is None:
            self._cols = np.repeat(self._col_base, self.lengths)
            self._cols += self._counting
        return self._cols

    def by_row(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.repeat(values[self.run_rows], self.lengths)

    def by_col(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        # mode="clip" skips the bounds check; every column is in range by construction.
        return values.take(self.col(), mode="clip")


def _chunks(
    dataset: str,
    labels: tuple[str, ...],
    runs: CellRuns,
    batch_rows: int,
    columns: Callable[[_Cells], list[Column]],
) -> Iterator[Chunk]:
    schema = TABLES[dataset].wire
    counting = np.arange(min(batch_rows, runs.count), dtype=np.int64)
    # A constant label is the same run of zeros in every chunk: one buffer serves them all.
    first_word = pa.py_buffer(np.zeros(counting.size, np.int32))
    for batch in runs.batches(batch_rows):
        made = iter(columns(_Cells(batch, counting)))
        named = iter(labels)
        arrays = [
            _constant(next(named), first_word, batch.count)
            if pa.types.is_dictionary(field.type)
            else pa.Array.from_buffers(field.type, batch.count, [None, pa.py_buffer(next(made))])
            for field in schema
        ]
        yield Chunk(pa.RecordBatch.from_arrays(arrays, schema=schema))


def _constant(label: str, zeros: pa.Buffer, rows: int) -> pa.DictionaryArray:
    indices = pa.Array.from_buffers(pa.int32(), rows, [None, zeros])
    return pa.DictionaryArray.from_arrays(indices, pa.array([label], pa.string()), safe=False)


def _facts(grid: Grid, eligibility: Eligibility, rule: InclusionRule) -> dict[str, Any]:
    runs = eligibility.runs
    return {
        "cells_visited": eligibility.cells_visited,
        "cells_included": eligibility.cells_included,
        "cells_excluded_outside": eligibility.cells_excluded_outside,
        "cells_excluded_hole": eligibility.cells_excluded_hole,
        "tile_id_min": int(runs.starts[0]) if runs.count else None,
        "tile_id_max": int(runs.stops[-1]) - 1 if runs.count else None,
        "predicate": rule,
        "grid_dims": {"nrows": grid.nrows, "ncols": grid.ncols},
    }


def _checked_areas(country: str, grid: Grid, runs: CellRuns) -> NDArray[np.float64]:
    """Area by row; rows without a cell of the country hold 0."""
    area = np.zeros(grid.nrows, np.float64)
    if runs.count == 0:
        return area
    low, high = int(runs.rows[0]), int(runs.rows[-1]) + 1
    area[low:high] = row_areas(grid, low, high)
    wrong = np.flatnonzero(~(area[runs.rows] > 0))
    if wrong.size:
        row = int(runs.rows[wrong[0]])
        raise Segment1BError(
            "E006_AREA_NONPOS",
            f"the cells of row {row} have area {float(area[row])!r} m2",
            country=country,
            value=float(area[row]),
            next_step="use a raster whose row height is greater than 0 in binary64",
        )
    return area
