"""Judges the form that columns alone don't show: schema, constant columns, lineage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow.parquet as pq

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.schemas import TableSchema
from segment1b_assets.storage.parquet import lineage_of, open_parquet, reading


def form_fault(
    files: Sequence[Path],
    table: TableSchema,
    labels: Mapping[str, str],
    lineage: Mapping[str, str] | None = None,
) -> str | None:
    """What is off with the files of a partition, or None.

    A published column is declared without nulls, which parquet then has no way to hold: equal
    schemas are enough to know that there is none.

    Args:
        files: the partition's files.
        table: its declaration.
        labels: text columns that hold one value in every row, with that value.
        lineage: key-value metadata that every file must carry.
    """
    if not files:
        return "the partition has no file"
    for path in files:
        try:
            fault = _schema_fault(path, table) or _label_fault(path, labels)
            found = lineage_of(path)
        except Segment1BError as err:
            return f"{path.name} {err.detail}"
        if fault:
            return f"{path.name}: {fault}"
        for name, value in (lineage or {}).items():
            if found.get(name) != value:
                return f"{path.name} says {name}={found.get(name)!r}, not {value!r}"
    return None


def _schema_fault(path: Path, table: TableSchema) -> str | None:
    with open_parquet(path) as reader:
        if reader.schema_arrow.equals(table.arrow, check_metadata=False):
            return None
        found = ", ".join(f"{f.name}: {f.type}" for f in reader.schema_arrow)
        return f"its columns are ({found}), not those of {table.dataset}"


def _label_fault(path: Path, labels: Mapping[str, str]) -> str | None:
    # Read as dictionaries, a constant column of any length is one string and its indices.
    with (
        reading(path),
        pq.ParquetFile(path, memory_map=False, read_dictionary=list(labels)) as reader,
    ):
        for batch in reader.iter_batches(columns=list(labels)):
            for name, wanted in labels.items():
                column = batch.column(name)
                if column.dictionary.to_pylist() == [wanted]:
                    continue
                others = [v for v in column.unique().to_pylist() if v != wanted]
                if others:
                    return f"{name} is {others[0]!r} in a row, not {wanted!r}"
    return None
