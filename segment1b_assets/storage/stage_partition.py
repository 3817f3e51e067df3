"""A country's partition and its logs, written to a staging area."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from segment1b_assets.contracts.schemas import TABLES
from segment1b_assets.core.stream import PartitionStream
from segment1b_assets.storage.memory import current_rss_bytes
from segment1b_assets.storage.parquet import PartitionWriter
from segment1b_assets.storage.run_inputs import RunInputs


@dataclass(frozen=True)
class Staged:
    """The content of a staging area.

    Attributes:
        folder: the partition's files.
        logs: log dataset -> its file; a log without a line has none.
        rows: rows of the partition.
        peak_rss_bytes: the most memory that the process held at a batch.
    """

    folder: Path
    logs: Mapping[str, Path]
    rows: int
    peak_rss_bytes: int


def stage_partition(
    inputs: RunInputs, dataset: str, country: str, stream: PartitionStream, work: Path
) -> Staged:
    """Write a stream's rows and log lines below `work`, batch by batch.

    Args:
        work: an empty folder of the data root's file system.
    """
    folder = work / "partition"
    folder.mkdir()
    rss = current_rss_bytes()
    paths: dict[str, Path] = {}
    with contextlib.ExitStack() as opened:
        handles: dict[str, BinaryIO] = {}
        writer = opened.enter_context(
            PartitionWriter(folder, TABLES[dataset], inputs.lineage(dataset, country))
        )
        for chunk in stream.chunks:
            writer.write(chunk.rows)
            rss = max(rss, current_rss_bytes())
            for name, lines in chunk.logs.items():
                if not lines:
                    continue
                if name not in handles:
                    paths[name] = work / f"{name}.jsonl"
                    handles[name] = opened.enter_context(paths[name].open("wb"))
                handles[name].write(lines)
    return Staged(folder, paths, writer.rows, rss)
