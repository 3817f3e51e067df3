"""Writes partitions for the tests of validators, as the writer publishes them or tampered with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from segment1b_assets.contracts.schemas import TABLES
from segment1b_assets.core.stream import PartitionStream
from segment1b_assets.storage.parquet import PartitionWriter
from segment1b_assets.validation.verdict import Verdict

Columns = dict[str, list[Any]]


def published(folder: Path, dataset: str, stream: PartitionStream) -> list[Path]:
    """The stream, written by the writer that publishes."""
    folder.mkdir(parents=True)
    with PartitionWriter(folder, TABLES[dataset], {"country": "FR"}) as writer:
        for chunk in stream.chunks:
            writer.write(chunk.rows)
    return sorted(folder.iterdir())


def columns_of(files: Sequence[Path]) -> Columns:
    """All rows of a partition as lists."""
    rows: Columns = pa.concat_tables(pq.ParquetFile(f).read() for f in files).to_pydict()
    return rows


def written(folder: Path, dataset: str, columns: Columns, row_group: int = 1000) -> list[Path]:
    """Any columns as a partition of the declared schema, in one file."""
    folder.mkdir(parents=True, exist_ok=True)
    schema = TABLES[dataset].arrow
    arrays = [pa.array(columns[f.name], f.type) for f in schema]
    path = folder / "part-00000.parquet"
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), path, row_group_size=row_group)
    return [path]


def failed(verdicts: Sequence[Verdict]) -> list[str]:
    """The codes of the rules that are broken."""
    return [v.code for v in verdicts if not v.passed]
