"""What a state yields for a country: chunks of rows with their log lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

#: Rows of one batch: its columns are made and read within the processor's cache, 4 times faster
#: than with a million rows (docs/performance.md). A parquet row group gathers eight.
BATCH_ROWS = 1 << 17


@dataclass(frozen=True)
class Chunk:
    """A bounded part of a partition.

    Attributes:
        rows: a record batch of the dataset's schema, in key order after the chunk before.
        logs: dataset id of a log -> the JSON lines (UTF-8, each ended by a line feed) of the
            rows, in event order.
    """

    rows: pa.RecordBatch
    logs: Mapping[str, bytes] = field(default_factory=dict)


@dataclass
class PartitionStream:
    """A country's partition, computed while its chunks are read.

    Attributes:
        chunks: the rows in key order; iterating does the work.
        facts: counts and sums (JSON-able), complete once `chunks` is exhausted. They go into the
            run report and the asset's metadata.
    """

    chunks: Iterator[Chunk]
    facts: dict[str, Any] = field(default_factory=dict)
