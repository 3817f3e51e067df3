"""Publishes the partitions of several countries, the largest first, several at a time."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.states import STATE_OF
from segment1b_assets.core.stream import PartitionStream
from segment1b_assets.storage.bytes_read import Reads, tally
from segment1b_assets.storage.content_version import content_version
from segment1b_assets.storage.io_faults import IO_TRIES, io_error, pause
from segment1b_assets.storage.memory import open_files
from segment1b_assets.storage.profiling import profiling
from segment1b_assets.storage.progress import progress
from segment1b_assets.storage.published import Published
from segment1b_assets.storage.read_ahead import cpu_seconds
from segment1b_assets.storage.repair import name_damage, retire_damaged
from segment1b_assets.storage.retire import retire_stale
from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.storage.stage_partition import stage_partition
from segment1b_assets.storage.workers import run_concurrently

R = TypeVar("R")


@dataclass(frozen=True)
class Job:
    """A country's partition to be made.

    Attributes:
        open: makes the stream; called on the worker, once per attempt.
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
    """A country's partition failed; nothing of it is published."""

    country: str
    error: Segment1BError


def publish_partitions(
    inputs: RunInputs, jobs: Sequence[Job], workers: int, then: Callable[[Done], R]
) -> Iterator[R | Failed]:
    """Publish every job's partition; yields outcomes on the calling thread in order of completion.

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
        except Exception as err:  # a defect that one country shows must not stop the others
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
    wall, cpu = time.perf_counter(), cpu_seconds()
    stream = job.open()
    with inputs.root.staging_area() as work:
        staged = stage_partition(inputs, job.dataset, job.country, stream, work)
        retire_stale(inputs, STATE_OF[job.dataset], job.country)
        if job.before_publish is not None:
            job.before_publish()
        log_receipts = {
            name: _publish_as(inputs, path, name, job.country).receipt
            for name, path in staged.logs.items()
        }
        published = _publish_as(inputs, staged.folder, job.dataset, job.country)
        if published.status == "published":
            progress.count_published()
    seconds = time.perf_counter() - wall
    output = {
        "dataset": job.dataset,
        "status": published.status,
        "receipt": published.receipt,
        "data_version": content_version(job.dataset, inputs.files(job.dataset, job.country)),
        "log_receipts": log_receipts,
        "rows_emitted": staged.rows,
        "bytes_on_disk": published.size,
        "wall_clock_seconds": round(seconds, 4),
        "cpu_seconds": round(cpu_seconds() - cpu, 4),
        "rows_per_second": round(staged.rows / seconds) if seconds > 0 else 0,
        "inputs": dict(sorted(reads.items())),
        "peak_rss_bytes": staged.peak_rss_bytes,
        "open_files": open_files(),
        "workers": workers,
        "batch_rows": inputs.options.batch_rows,
        **stream.facts,
    }
    return Done(job.country, published, output)


def _publish_as(inputs: RunInputs, staged: Path, dataset: str, country: str) -> Published:
    target = inputs.path(dataset, country)
    try:
        return inputs.root.publish(staged, target, dataset=dataset, country=country)
    except Segment1BError as err:
        if err.code != "E_IMMUTABLE_PARTITION_EXISTS_NONIDENTICAL":
            raise
        named = name_damage(inputs, err, dataset)
        if named is err or not inputs.options.repair:
            raise named from err
        retire_damaged(inputs, dataset, country)
        return inputs.root.publish(staged, target, dataset=dataset, country=country)
