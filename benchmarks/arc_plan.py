"""Times both laws of S4 on a synthetic country of any size.

    python -m benchmarks.arc_plan --tiles 20e6 --pairs 12_935 [--law plain]
    python -m benchmarks.arc_plan --tiles 1000e6 --pairs 12_935 --folder DIR

A country is a block of whole raster rows of 43,200 cells, most of them with weight; a pair's sites
are heavy-tailed. With --folder the weights are a partition of tile_weights there, written once by
the states' writer and read as S4 reads it; without, they stream from a generator. Rows and log
lines are made and not written. Prints seconds and peak memory as JSON.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from segment1b_assets.contracts.identity import Identity
from segment1b_assets.contracts.schemas import TABLES
from segment1b_assets.core.allocation import alloc_plan
from segment1b_assets.core.arc_draw import ReachStep
from segment1b_assets.core.arc_plan import arc_plan
from segment1b_assets.core.stream import PartitionStream
from segment1b_assets.storage.memory import keep_freed_memory
from segment1b_assets.storage.parquet import PartitionWriter, read_batches

Read = Callable[[], Iterator[tuple[NDArray[np.uint64], NDArray[np.int64]]]]

BATCH = 1 << 17
DP = 12
NCOLS, MOST_ROWS = 43_200, 21_600
REACH = [ReachStep(2, 3), ReachStep(9, 2), ReachStep(999, 1, 20_000)]
IDENTITY = Identity(seed=42, parameter_hash="a" * 64, manifest_fingerprint="b" * 64)


class SyntheticWeights:
    """Weights that sum to 10^DP over tiles 0, 1, ...; read again from the start at each call."""

    def __init__(self, tiles: int) -> None:
        self.tiles = tiles
        draw = np.random.default_rng(7)
        self._pattern = np.minimum(draw.pareto(1.2, BATCH) * 3, 1e4).astype(np.int64)
        whole, part = divmod(tiles, BATCH)
        total = int(self._pattern.sum()) * whole + int(self._pattern[:part].sum())
        scale = max(1, 10**DP // total)
        self._pattern *= scale
        self._rest = 10**DP - total * scale

    def __call__(self) -> Iterator[tuple[NDArray[np.uint64], NDArray[np.int64]]]:
        for start in range(0, self.tiles, BATCH):
            stop = min(start + BATCH, self.tiles)
            weight = self._pattern[: stop - start]
            if start == 0:
                weight = weight.copy()
                weight[0] += self._rest
            yield np.arange(start, stop, dtype=np.uint64), weight


def written(weights: SyntheticWeights, folder: Path) -> list[Path]:
    """The weights as a partition of tile_weights in `folder`, made unless it is there."""
    target = folder / f"tiles-{weights.tiles}"
    if not target.exists():
        table = TABLES["tile_weights"]
        making = folder / f"making-{weights.tiles}"
        making.mkdir(parents=True)
        with PartitionWriter(making, table, {}) as writer:
            for tile_id, weight in weights():
                zeros = pa.array(np.zeros(tile_id.size, np.int32))
                label = [pa.DictionaryArray.from_arrays(zeros, [text]) for text in ("RU", "area")]
                dp = pa.array(np.full(tile_id.size, DP, np.int32))
                columns = [label[0], pa.array(tile_id), pa.array(weight), dp, label[1]]
                writer.write(pa.RecordBatch.from_arrays(columns, schema=table.wire))
        making.rename(target)
    return sorted(target.iterdir())


def reader(files: list[Path]) -> Read:
    """Reads the partition from the start at every call."""

    def read() -> Iterator[tuple[NDArray[np.uint64], NDArray[np.int64]]]:
        for batch in read_batches(files, ["tile_id", "weight_fp"]):
            yield batch.column("tile_id").to_numpy(), batch.column("weight_fp").to_numpy()

    return read


def stream_of(law: str, tiles: int, pairs: int, read: Read) -> PartitionStream:
    """S4's stream of one country."""
    draw = np.random.default_rng(11)
    n_sites = np.minimum(1 + draw.pareto(1.1, pairs) * 2, 20_000).astype(np.int64)
    merchant_id = np.sort(draw.integers(0, 2**64, pairs, dtype=np.uint64))
    if law == "plain":
        return alloc_plan("RU", merchant_id, n_sites, read(), DP)
    nrows = max(MOST_ROWS, -(-tiles // NCOLS))
    return arc_plan(
        "RU", IDENTITY, "2025-01-01T00:00:00.000000Z", merchant_id, n_sites, read, DP,
        (nrows, NCOLS), REACH,
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tiles", type=lambda text: int(float(text)), default=20_000_000)
    parser.add_argument("--pairs", type=int, default=12_935)
    parser.add_argument("--law", choices=("arc", "plain"), default="arc")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--write-only", action="store_true", help="leave the partition, no plan")
    chosen = parser.parse_args()
    keep_freed_memory()
    weights = SyntheticWeights(chosen.tiles)
    read = reader(written(weights, chosen.folder)) if chosen.folder else weights
    if chosen.write_only:
        return
    began, cpu = time.perf_counter(), time.process_time()
    for _ in read():
        pass
    reading = {
        "one_reading_seconds": round(time.perf_counter() - began, 2),
        "one_reading_cpu_seconds": round(time.process_time() - cpu, 2),
        "peak_rss_mib_of_reading": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    began, cpu = time.perf_counter(), time.process_time()
    stream = stream_of(chosen.law, chosen.tiles, chosen.pairs, read)
    log_bytes = sum(len(lines) for chunk in stream.chunks for lines in chunk.logs.values())
    figures = {
        "law": chosen.law,
        "tiles": chosen.tiles,
        **stream.facts,
        "log_bytes": log_bytes,
        **reading,
        "seconds": round(time.perf_counter() - began, 2),
        "cpu_seconds": round(time.process_time() - cpu, 2),
        "peak_rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
