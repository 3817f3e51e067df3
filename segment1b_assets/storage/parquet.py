"""The parquet writer: the one place where writer settings are fixed.

Published bytes depend on these settings and on the library version that the lock file pins, and
on nothing else: rows are cut into row groups by count, independent of their batches.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from segment1b_assets.contracts import CONTRACT_VERSION
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.input_files import require_file
from segment1b_assets.contracts.schemas import TableSchema
from segment1b_assets.storage.read_ahead import LARGE_ROWS, read_ahead

#: Rows of a row group: large enough to compress, small enough to skip.
ROW_GROUP_ROWS = 1 << 20
#: A country's partition is one file, or more where a file would pass this many rows.
FILE_ROWS = 1 << 31
_GROUPS_PER_FILE = FILE_ROWS // ROW_GROUP_ROWS

#: The encoder tests after this many rows of a batch whether its page is full: batches of whole
#: multiples give the same pages as one batch, others are joined first.
_PAGE_CHECK_ROWS = 1024

#: Columns that repeat along a raster row compress away as they are; splitting bytes costs more.
_REPEATING = frozenset(
    {"raster_row", "centroid_lat", "pixel_area_m2", "min_lat_deg", "max_lat_deg",
     "centroid_lat_deg", "dp"}
)  # fmt: skip
#: Columns of incompressible mantissas or skewed integers, where zstd is worth its time.
_DENSE = frozenset({"weight_fp"})


#: What Arrow raises for bytes that are not valid parquet: its own errors, text that is not UTF-8
#: (a ValueError), a size beyond memory.
_UNREADABLE: Final = (pa.ArrowException, ValueError, OverflowError, OSError, MemoryError)


class PartitionWriter:
    """Writes a partition's batches to ``part-NNNNN.parquet`` files in `folder`.

    Args:
        folder: an existing, empty staging folder.
        table: the declared schema.
        lineage: key-value metadata beside the contract version: country and path tokens.
    """

    def __init__(self, folder: Path, table: TableSchema, lineage: Mapping[str, str]) -> None:
        self._folder = folder
        self._table = table
        self._wire = table.wire
        said = {"contract_version": CONTRACT_VERSION, **lineage}
        # The batches carry text as dictionaries; this is the declared schema. It repeats the
        # lineage, because Arrow takes a schema's metadata from it, not from the file's.
        declared = table.arrow.with_metadata(said).serialize().to_pybytes()
        self._metadata = {**said, "ARROW:schema": base64.b64encode(declared).decode("ascii")}
        self._pending: list[pa.RecordBatch] = []
        self._pending_rows = 0
        self._writer: pq.ParquetWriter | None = None
        self._groups = 0
        self._parts = 0
        self.rows = 0

    def __enter__(self) -> PartitionWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._flush()
            if self._parts == 0:
                self._open()
        if self._writer is not None:
            self._close()

    def write(self, batch: pa.RecordBatch) -> None:
        """Append a batch of the table's wire schema; full row groups go to the file."""
        if not batch.schema.equals(self._wire):
            raise ValueError(
                f"{self._table.dataset}: batch schema {batch.schema} is not the table's"
            )
        self.rows += batch.num_rows
        while batch.num_rows:
            room = ROW_GROUP_ROWS - self._pending_rows
            head = batch.slice(0, room)
            self._pending.append(head)
            self._pending_rows += head.num_rows
            batch = batch.slice(head.num_rows)
            if self._pending_rows == ROW_GROUP_ROWS:
                self._flush()

    def _flush(self) -> None:
        if not self._pending:
            return
        batches = self._pending
        if any(batch.num_rows % _PAGE_CHECK_ROWS for batch in batches[:-1]):
            batches = [pa.concat_batches(batches)]
        group = pa.Table.from_batches(batches, self._wire)
        self._pending, self._pending_rows = [], 0
        if self._writer is not None and self._groups == _GROUPS_PER_FILE:
            self._close()
        if self._writer is None:
            self._open()
        assert self._writer is not None
        self._writer.write_table(group, row_group_size=ROW_GROUP_ROWS)
        self._groups += 1

    def _open(self) -> None:
        labels = [c.name for c in self._table.columns if c.kind in ("iso", "text")]
        numbers = [name for name in self._table.names if name not in labels]
        self._writer = pq.ParquetWriter(
            self._folder / f"part-{self._parts:05d}.parquet",
            self._wire,
            version="2.6",
            data_page_version="1.0",
            store_schema=False,
            write_batch_size=_PAGE_CHECK_ROWS,
            # A label has one value per file: its statistics are useless and cost a quarter.
            write_statistics=numbers,
            write_page_index=True,
            use_dictionary=labels,
            column_encoding={
                name: "PLAIN" if name in _REPEATING else "BYTE_STREAM_SPLIT" for name in numbers
            },
            compression={
                c.name: "zstd" if c.name in _DENSE else "lz4" for c in self._table.columns
            },
            compression_level={name: 1 for name in self._table.names if name in _DENSE} or None,
        )
        self._parts += 1
        self._groups = 0

    def _close(self) -> None:
        assert self._writer is not None
        self._writer.add_key_value_metadata(self._metadata)
        self._writer.close()
        self._writer = None


def read_batches(
    files: Sequence[Path], columns: Sequence[str] | None = None, batch_rows: int = ROW_GROUP_ROWS
) -> Iterator[pa.RecordBatch]:
    """Stream record batches of a partition's files, file by file in the order given.

    Raises:
        Segment1BError: E_INPUT_SCHEMA where a file is not readable parquet or lacks a column.
    """
    for path in files:
        with open_parquet(path) as reader:
            missing = set(columns or ()) - set(reader.schema_arrow.names)
            if missing:
                raise Segment1BError(
                    "E_INPUT_SCHEMA", f"column {sorted(missing)[0]!r} is missing", file=path
                )
            with reading(path):
                found = reader.iter_batches(
                    batch_size=batch_rows,
                    columns=None if columns is None else list(columns),
                    use_threads=False,
                )
                yield from read_ahead(found) if reader.metadata.num_rows >= LARGE_ROWS else found


def open_parquet(path: Path) -> pq.ParquetFile:
    """Open one parquet file; nothing is inferred from the names of its folders.

    Raises:
        Segment1BError: E_INPUT_MISSING or E_INPUT_SCHEMA.
    """
    require_file(path, missing="E_INPUT_MISSING", unreadable="E_INPUT_SCHEMA")
    with reading(path):
        return pq.ParquetFile(path, memory_map=False, pre_buffer=False)


def lineage_of(path: Path) -> dict[str, str]:
    """A file's lineage: its key-value metadata without Arrow's own key.

    Raises:
        Segment1BError: E_INPUT_MISSING; E_INPUT_SCHEMA, also for metadata that is not UTF-8.
    """
    with open_parquet(path) as reader:
        metadata: dict[bytes, bytes] = reader.metadata.metadata or {}
    try:
        return {k.decode(): v.decode() for k, v in metadata.items() if k != b"ARROW:schema"}
    except UnicodeDecodeError as err:
        raise Segment1BError(
            "E_INPUT_SCHEMA", "its metadata holds text that is not UTF-8", file=path,
            value=err.object[:40],
        ) from err  # fmt: skip


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn Arrow's errors over a file into bad data, or into the machine's fault.

    Raises:
        Segment1BError: E_INPUT_SCHEMA, the bytes are not valid parquet.
        OSError: the machine refused to read them: Arrow's error then has an errno.
    """
    try:
        yield
    except _UNREADABLE as err:
        if isinstance(err, OSError) and err.errno:
            raise OSError(err.errno, os.strerror(err.errno), str(path)) from err
        reason = " ".join(str(err).split())[:200]
        raise Segment1BError(
            "E_INPUT_SCHEMA", f"cannot be read as parquet: {reason}", file=path
        ) from err
