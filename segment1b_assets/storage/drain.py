"""Drains countries' streams into published partitions, several at a time.

Threads, not processes: numpy, Arrow, the compressors and GDAL let go of the interpreter lock, and
nothing is pickled or forked. The dearest country goes first so that none is left alone at the end.
"""

from __future__ import annotations

import contextlib
import os
import resource
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.schemas import TABLES
from segment1b_assets.core.stream import PartitionStream
from segment1b_assets.storage.bytes_read import Reads, tally
from segment1b_assets.storage.content_version import content_version
from segment1b_assets.storage.freed_memory import keep_freed_memory
from segment1b_assets.storage.io_faults import IO_TRIES, io_error, pause
from segment1b_assets.storage.parquet import PartitionWriter
from segment1b_assets.storage.profiling import profiling
from segment1b_assets.storage.publish import publish, staging_area
from segment1b_assets.storage.published import Published
from segment1b_assets.storage.segment import Segment

T = TypeVar("T")
R = TypeVar("R")

#: Countries worked on side by side where nobody says otherwise; unset is one a core.
WORKERS_VARIABLE = "SEGMENT1B_WORKERS"


@dataclass(frozen=True)
class Job:
    """A country's partition to be made.

    Attributes:
        open: makes the stream; called on the worker, once per try.
        cost: any measure of work; the dearest starts first.
        before_publish: called when all is staged, right before the rename.
        on_published: called with the output once the partition is published, still on the worker.
    """

    dataset: str
    country: str
    open: Callable[[], PartitionStream]
    cost: float = 0.0
    before_publish: Callable[[], None] | None = None
    on_published: Callable[[dict[str, Any]], None] | None = None


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


def run_side_by_side(work: Callable[[T], R], items: Sequence[T], workers: int) -> Iterator[R]:
    """Yield ``work(item)`` in order of completion, never more than `workers` at once."""
    keep_freed_memory()
    if workers == 1 or len(items) <= 1:
        yield from map(work, items)
        return
    with ThreadPoolExecutor(workers, thread_name_prefix="segment1b") as pool:
        waiting: set[Future[R]] = set()
        queue = iter(items)
        try:
            for item in queue:
                waiting.add(pool.submit(work, item))
                if len(waiting) >= workers:
                    finished, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    yield from (f.result() for f in finished)
            while waiting:
                finished, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                yield from (f.result() for f in finished)
        finally:
            for future in waiting:
                future.cancel()


def drain(segment: Segment, jobs: Sequence[Job], workers: int) -> Iterator[Done | Failed]:
    """Publish every job's partition; yields outcomes on the calling thread as they come."""
    ordered = sorted(jobs, key=lambda job: (-job.cost, job.country))
    yield from run_side_by_side(lambda job: _attempt(segment, job, workers), ordered, workers)


def _attempt(segment: Segment, job: Job, workers: int) -> Done | Failed:
    for tries_left in reversed(range(IO_TRIES)):
        try:
            with profiling.measure(job.dataset, job.country):
                return _publish(segment, job, workers)
        except Segment1BError as err:
            return Failed(job.country, err.for_country(job.country))
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


def _publish(segment: Segment, job: Job, workers: int) -> Done:
    with tally.counting() as reads:
        return _published(segment, job, workers, reads)


def _published(segment: Segment, job: Job, workers: int, reads: Reads) -> Done:
    wall, cpu = time.perf_counter(), time.thread_time()
    table = TABLES[job.dataset]
    stream = job.open()
    lineage = segment.tokens(job.dataset, job.country)
    if job.dataset == "site_locations":
        lineage |= {"parameter_hash": segment.parameter_hash}
    with staging_area(segment.root) as work, contextlib.ExitStack() as logs:
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
        if job.before_publish is not None:
            job.before_publish()
        log_receipts = {
            name: publish(
                segment.root,
                path,
                segment.path(name, job.country),
                dataset=name,
                country=job.country,
            ).receipt
            for name, (path, _) in open_logs.items()
        }
        published = publish(
            segment.root,
            folder,
            segment.path(job.dataset, job.country),
            dataset=job.dataset,
            country=job.country,
        )
    seconds = time.perf_counter() - wall
    output = {
        "dataset": job.dataset,
        "status": published.status,
        "receipt": published.receipt,
        "data_version": content_version(job.dataset, segment.files(job.dataset, job.country)),
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
        "batch_rows": segment.options.batch_rows,
        **stream.facts,
    }
    if job.on_published is not None:
        job.on_published(output)
    return Done(job.country, published, output)


def current_rss_bytes() -> int:
    """Memory that this process holds now, in bytes; sampled at every batch for the run report."""
    try:
        with open("/proc/self/statm", encoding="ascii") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return peak_rss_bytes()


def peak_rss_bytes() -> int:
    """The most memory that this process has ever held, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def open_files() -> int:
    """Open file descriptors of this process (0 where the system does not tell)."""
    try:
        return len(os.listdir("/proc/self/fd"))
    except OSError:
        return 0


def default_workers() -> int:
    """``$SEGMENT1B_WORKERS``, else as many workers as this process may use cores.

    A container sees every core of its machine, whatever share of them and of the memory is its own.

    Raises:
        Segment1BError: E_POLICY_INVALID, where the variable is no whole number from 1 to 64.
    """
    text = os.environ.get(WORKERS_VARIABLE, "").strip()
    if not text:
        return max(1, len(os.sched_getaffinity(0)))
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 64:
        raise Segment1BError(
            "E_POLICY_INVALID",
            f"the variable {WORKERS_VARIABLE} must be a whole number from 1 to 64",
            value=text,
            next_step=f"unset {WORKERS_VARIABLE} or mend it, and start again",
        )
    return int(text)
