"""Streams of a published partition for a later state, or the error code of its absence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.schemas import TABLES
from segment1b_assets.core.cell_runs import CellRuns, NotAscendingError
from segment1b_assets.storage.bytes_read import tally
from segment1b_assets.storage.parquet import open_parquet, read_batches
from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.storage.tile_sets import tile_sets


def batches(
    inputs: RunInputs, dataset: str, country: str, absent: str, columns: Sequence[str] | None = None
) -> Iterator[pa.RecordBatch]:
    """Stream a published partition in key order.

    Args:
        absent: the error code of a missing partition.
    """
    files = inputs.files(dataset, country)
    if not files:
        raise Segment1BError(
            absent,
            inputs.absence(dataset, country),
            country=country,
            file=inputs.path(dataset, country),
        )
    _require_types(files, dataset, country, columns)
    return _without_nulls(inputs, read_batches(files, columns, inputs.options.batch_rows), files)


def _require_types(
    files: Sequence[Path], dataset: str, country: str, columns: Sequence[str] | None
) -> None:
    """Refuse columns of another type than the table's before a row is read."""
    declared = TABLES[dataset].arrow
    for path in files:
        with open_parquet(path) as reader:
            there = reader.schema_arrow
            tally.add(dataset, _stored_bytes(reader, columns), _size(files))
        for name in columns or declared.names:
            if name not in there.names:
                continue  # the reader names the missing column
            kind = there.field(name).type
            if _plain(kind) != _plain(declared.field(name).type):
                raise Segment1BError(
                    "E_INPUT_SCHEMA", f"column {name!r} of {dataset} is not of its declared type",
                    country=country, file=path, value=str(kind),
                )  # fmt: skip


def _stored_bytes(reader: pq.ParquetFile, columns: Sequence[str] | None) -> int:
    """Stored bytes of a file's columns."""
    footer = reader.metadata
    chosen = [
        i
        for i in range(footer.num_columns)
        if columns is None or footer.schema.column(i).path in columns
    ]
    groups = [footer.row_group(g) for g in range(footer.num_row_groups)]
    return sum(group.column(i).total_compressed_size for group in groups for i in chosen)


def _size(files: Sequence[Path]) -> int:
    return sum(path.stat().st_size for path in files)


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _without_nulls(
    inputs: RunInputs, found: Iterator[pa.RecordBatch], files: Sequence[Path]
) -> Iterator[pa.RecordBatch]:
    """Yield the batches; a null, or a tile outside the raster, raises."""
    for batch in found:
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            if column.null_count:
                raise Segment1BError(
                    "E_INPUT_SCHEMA", f"column {name!r} holds a null", file=files[0]
                )
        if "tile_id" in batch.schema.names and batch.num_rows:
            highest = int(batch.column("tile_id").to_numpy().max())
            if highest >= inputs.grid.nrows * inputs.grid.ncols:
                raise _off_the_raster(files[0], highest)
        yield batch


def _off_the_raster(file: Path, tile_id: int) -> Segment1BError:
    return Segment1BError(
        "E_INPUT_SCHEMA", "column 'tile_id' holds a tile outside the raster",
        file=file, value=tile_id,
    )  # fmt: skip


def tile_runs(
    inputs: RunInputs, country: str, absent: str, dataset: str = "tile_index"
) -> CellRuns:
    """A country's tiles, from its published tile_index or tile_bounds.

    Raises:
        Segment1BError: `absent` where the partition is missing; E003_DUP_TILE where ids do not
            ascend; E_INPUT_SCHEMA where one is off the grid or the files cannot be read.
    """
    grid, files = inputs.grid, inputs.files(dataset, country)
    # Counts what is read also where an earlier step has read it: as for tables of all countries.
    found = batches(inputs, dataset, country, absent, ["tile_id"])

    def read() -> CellRuns:
        ids = (batch.column("tile_id").to_numpy() for batch in found)
        return CellRuns.from_sorted_tile_ids(ids, grid.ncols)

    try:
        cells = tile_sets.of(files, grid.ncols, read)
    except NotAscendingError as err:
        raise Segment1BError(
            "E003_DUP_TILE",
            f"{dataset}: {err}",
            country=country,
            file=inputs.path(dataset, country),
        ) from err
    if cells.count and int(cells.stops[-1]) > grid.nrows * grid.ncols:
        raise _off_the_raster(files[0], int(cells.stops[-1]) - 1)
    return cells


def row_areas_of(inputs: RunInputs, country: str) -> NDArray[np.float64]:
    """The published pixel_area_m2 of each raster row that has tiles, float64, shape (nrows,)."""
    areas = np.zeros(inputs.grid.nrows)
    for batch in batches(
        inputs, "tile_index", country, "E101_TILE_INDEX_MISSING", ["raster_row", "pixel_area_m2"]
    ):
        areas[batch.column("raster_row").to_numpy()] = batch.column("pixel_area_m2").to_numpy()
    return areas


def row_count(inputs: RunInputs, dataset: str, country: str) -> int:
    """Rows of a published partition, from the files' footers; 0 where there is none."""
    total = 0
    for path in inputs.files(dataset, country):
        with open_parquet(path) as reader:
            total += reader.metadata.num_rows
    return total
