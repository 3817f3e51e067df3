"""Publishes the partitions of several countries, the largest first, several at a time."""

from __future__ import annotations

import contextlib
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.schemas import TABLES
from segment1b_assets.contracts.states import STATE_OF
from segment1b_assets.core.stream import PartitionStream
from segment1b_assets.storage.bytes_read import Reads, tally
from segment1b_assets.storage.content_version import content_version
from segment1b_assets.storage.io_faults import IO_TRIES, io_error, pause
from segment1b_assets.storage.memory import current_rss_bytes, open_files
from segment1b_assets.storage.parquet import PartitionWriter
from segment1b_assets.storage.profiling import profiling
from segment1b_assets.storage.published import Published
from segment1b_assets.storage.retire import retire_stale
from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.storage.workers import run_concurrently

R = TypeVar("R")


@dataclass(frozen=True)
class Job:
    """A country's partition to be made.

    Attributes:
        open: makes the stream; called on the worker, once per try.
        cost: any measure of work; the largest starts first.
        before_publish: called when all is staged, right before the rename.
    """

    dataset: str
    country: str
    open: Callable[[], PartitionStream]
    cost: float = 0.0
    before_publish: Callable[[], None] | None = None


@dataclass(frozen=True)
class Done:
    """A country's partition is published; `output` is its part of the run report."""

    country: str
    published: Published
    output: dict[str, Any]


@dataclass(frozen=True)
class Failed:
    """A country's partition could not be made; nothing of it is published."""

    country: str
    error: Segment1BError


def publish_partitions(
    inputs: RunInputs, jobs: Sequence[Job], workers: int, then: Callable[[Done], R]
) -> Iterator[R | Failed]:
    """Publish every job's partition; yields outcomes on the calling thread as they come.

    Args:
        then: called with what was published, still on the worker; its result is the outcome.
    """
    ordered = sorted(jobs, key=lambda job: (-job.cost, job.country))
    yield from run_concurrently(lambda job: _attempt(inputs, job, workers, then), ordered, workers)


def _attempt(inputs: RunInputs, job: Job, workers: int, then: Callable[[Done], R]) -> R | Failed:
    for tries_left in reversed(range(IO_TRIES)):
        try:
            with profiling.measure(job.dataset, job.country):
                done = _publish(inputs, job, workers)
            return then(done)
        except Segment1BError as err:
            return Failed(job.country, err.with_country(job.country))
        except OSError as err:
            if tries_left == 0:
                return Failed(job.country, io_error(err, job.dataset, job.country))
            pause(tries_left)
        except Exception as err:  # a fault of ours in one country must not sink the others
            where = traceback.extract_tb(err.__traceback__)[-1]
            return Failed(
                job.country,
                Segment1BError(
                    "E_UNEXPECTED",
                    f"{type(err).__name__}: {err} (at {where.filename}:{where.lineno})",
                    country=job.country,
                ),
            )
    raise AssertionError("unreachable")


def _publish(inputs: RunInputs, job: Job, workers: int) -> Done:
    with tally.counting() as reads:
        return _published(inputs, job, workers, reads)


def _published(inputs: RunInputs, job: Job, workers: int, reads: Reads) -> Done:
    wall, cpu = time.perf_counter(), time.thread_time()
    table = TABLES[job.dataset]
    stream = job.open()
    lineage = inputs.lineage(job.dataset, job.country)
    with inputs.root.staging_area() as work, contextlib.ExitStack() as logs:
        folder = work / "partition"
        folder.mkdir()
        open_logs: dict[str, tuple[Path, BinaryIO]] = {}
        rss = current_rss_bytes()
        with PartitionWriter(folder, table, lineage) as writer:
            for chunk in stream.chunks:
                writer.write(chunk.rows)
                rss = max(rss, current_rss_bytes())
                for name, lines in chunk.logs.items():
                    if name not in open_logs and lines:
                        path = work / f"{name}.jsonl"
                        open_logs[name] = (path, logs.enter_context(path.open("wb")))
                    if lines:
                        open_logs[name][1].write(lines)
        logs.close()
        retire_stale(inputs, STATE_OF[job.dataset], job.country)
        if job.before_publish is not None:
            job.before_publish()
        log_receipts = {
            name: inputs.root.publish(
                path,
                inputs.path(name, job.country),
                dataset=name,
                country=job.country,
            ).receipt
            for name, (path, _) in open_logs.items()
        }
        published = inputs.root.publish(
            folder,
            inputs.path(job.dataset, job.country),
            dataset=job.dataset,
            country=job.country,
        )
    seconds = time.perf_counter() - wall
    output = {
        "dataset": job.dataset,
        "status": published.status,
        "receipt": published.receipt,
        "data_version": content_version(job.dataset, inputs.files(job.dataset, job.country)),
        "log_receipts": log_receipts,
        "rows_emitted": writer.rows,
        "bytes_on_disk": published.size,
        "wall_clock_seconds": round(seconds, 4),
        "cpu_seconds": round(time.thread_time() - cpu, 4),
        "rows_per_second": round(writer.rows / seconds) if seconds > 0 else 0,
        "inputs": dict(sorted(reads.items())),
        "peak_rss_bytes": rss,
        "open_files": open_files(),
        "workers": workers,
        "batch_rows": inputs.options.batch_rows,
        **stream.facts,
    }
    return Done(job.country, published, output)
