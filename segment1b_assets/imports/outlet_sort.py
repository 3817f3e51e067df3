"""Rows sorted by merchant in bounded memory: dealt into ranges of ids, each sorted by itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

#: Rows of a range, about: some 100 MiB while it is sorted.
ROWS_OF_A_RANGE: Final = 1 << 20
_MOST_RANGES: Final = 128


class SortedRows:
    """Takes batches of rows in any order, gives them back by ascending merchant_id.

    A batch has merchant_id (uint64), country (text) and number (int64). Rows keep the order they
    came in where `number` does not say otherwise.
    """

    def __init__(self, folder: Path) -> None:
        """Args: folder: a private, empty folder."""
        self._folder = folder
        self._arrived = folder / "arrived.arrow"
        self._writer: pa.ipc.RecordBatchFileWriter | None = None
        self._sink: pa.NativeFile | None = None
        self._sample: list[NDArray[np.uint64]] = []
        self._rows = 0

    def add(self, rows: pl.DataFrame) -> None:
        """Keep a batch on disk, and some of its ids to find the ranges by."""
        table = rows.with_columns(
            arrived=pl.int_range(self._rows, self._rows + rows.height, dtype=pl.Int64)
        ).to_arrow(compat_level=pl.CompatLevel.oldest())
        if self._writer is None:
            self._sink = pa.OSFile(str(self._arrived), "wb")
            self._writer = pa.ipc.new_file(self._sink, table.schema)
        self._writer.write_table(table)
        # Every so-many-th id: a sample that depends on the rows alone.
        ids = rows["merchant_id"].to_numpy()
        self._sample.append(ids[:: max(1, len(ids) // 256)].copy())
        self._rows += rows.height

    def ranges(self) -> Iterator[pl.DataFrame]:
        """The rows of one range of ids after another: a merchant's rows are all in one."""
        if self._writer is None or self._sink is None:
            return
        self._writer.close()
        self._sink.close()
        count = min(-(-self._rows // ROWS_OF_A_RANGE), _MOST_RANGES)
        bounds = self._bounds(count)
        paths = self._deal(bounds)
        self._arrived.unlink()
        for path in paths:
            with pa.OSFile(str(path), "rb") as source:
                table = pa.ipc.open_file(source).read_all()
            path.unlink()
            yield pl.DataFrame(table).sort("merchant_id", "country", "number", "arrived")

    def _bounds(self, count: int) -> NDArray[np.uint64]:
        ids = np.sort(np.concatenate(self._sample))
        at = np.arange(1, count) * len(ids) // count
        return np.unique(ids[at])

    def _deal(self, bounds: NDArray[np.uint64]) -> list[Path]:
        paths = [self._folder / f"range-{n}.arrow" for n in range(len(bounds) + 1)]
        with pa.OSFile(str(self._arrived), "rb") as source:
            reader = pa.ipc.open_file(source)
            sinks = [pa.OSFile(str(path), "wb") for path in paths]
            writers = [pa.ipc.new_file(sink, reader.schema) for sink in sinks]
            for number in range(reader.num_record_batches):
                batch = reader.get_batch(number)
                ids = batch.column("merchant_id").to_numpy()
                of = np.searchsorted(bounds, ids, side="right")
                order = np.argsort(of, kind="stable")
                cuts = np.searchsorted(of[order], np.arange(len(paths) + 1))
                for which in np.flatnonzero(np.diff(cuts)).tolist():
                    rows = order[cuts[which] : cuts[which + 1]]
                    writers[which].write_batch(batch.take(pa.array(rows)))
            for writer, sink in zip(writers, sinks, strict=True):
                writer.close()
                sink.close()
        return paths
