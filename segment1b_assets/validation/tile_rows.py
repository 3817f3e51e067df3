"""Reads a published tile partition block by block and judges what every row says of itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.schemas import TABLES
from segment1b_assets.storage.parquet import open_parquet, reading
from segment1b_assets.validation.findings import Findings

Block = dict[str, NDArray[Any]]

#: Rows held at once; few enough that a block's columns stay in the processor's cache.
BLOCK_ROWS: Final = 1 << 16


def read_blocks(
    dataset: str, files: Sequence[Path], labels: Mapping[str, tuple[str, str]], findings: Findings
) -> Iterator[Block]:
    """Every row's numeric columns, as arrays; label columns are judged on the way.

    Args:
        dataset: the table that the files should hold.
        files: of the partition.
        labels: column of one value -> (that value, the rule that another one breaks).
        findings: takes the labels' faults.

    Raises:
        Segment1BError: E_INPUT_MISSING or E_INPUT_SCHEMA if there is no file, or one cannot be
            read or has other columns than the table.
    """
    if not files:
        raise Segment1BError("E_INPUT_MISSING", f"the partition of {dataset} has no file")
    for path in files:
        with open_parquet(path) as reader:
            if not reader.schema_arrow.equals(TABLES[dataset].arrow, check_metadata=False):
                raise Segment1BError(
                    "E_INPUT_SCHEMA", f"the columns are not those of {dataset}", file=path
                )
        # As a dictionary a constant column is one string and indices that nobody looks at.
        with (
            reading(path),
            pq.ParquetFile(
                path, memory_map=False, pre_buffer=False, read_dictionary=list(labels)
            ) as reader,
        ):
            for batch in reader.iter_batches(batch_size=BLOCK_ROWS, use_threads=False):
                for name, (value, code) in labels.items():
                    _judge_label(batch.column(name), name, value, code, findings)
                yield {
                    f.name: batch.column(f.name).to_numpy(zero_copy_only=True)
                    for f in batch.schema
                    if f.name not in labels
                }


def _judge_label(
    column: pa.DictionaryArray, name: str, value: str, code: str, findings: Findings
) -> None:
    if column.dictionary.to_pylist() == [value]:
        return
    for other in column.unique().to_pylist():
        if other != value:
            findings.add(code, f"{name} is {other!r}, not {value!r}")
