"""The threads that make countries in parallel, and their number.

Threads, not processes: numpy, Arrow, the compressors and GDAL release the interpreter lock, and
nothing is pickled or forked.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.storage.memory import keep_freed_memory

T = TypeVar("T")
R = TypeVar("R")

#: Countries made in parallel unless an option is given; unset is one per core.
WORKERS_VARIABLE = "SEGMENT1B_WORKERS"


def run_concurrently(work: Callable[[T], R], items: Sequence[T], workers: int) -> Iterator[R]:
    """Yield ``work(item)`` in order of completion, at most `workers` in parallel."""
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


def default_workers() -> int:
    """``$SEGMENT1B_WORKERS``, else as many workers as this process may use cores.

    A container sees every core of its machine, not only its share of them.

    Raises:
        Segment1BError: E_POLICY_INVALID, where the variable is not a whole number from 1 to 64.
    """
    text = os.environ.get(WORKERS_VARIABLE, "").strip()
    if not text:
        return max(1, len(os.sched_getaffinity(0)))
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 64:
        raise Segment1BError(
            "E_POLICY_INVALID",
            f"the variable {WORKERS_VARIABLE} must be a whole number from 1 to 64",
            value=text,
            next_step=f"unset {WORKERS_VARIABLE} or correct it, and start again",
        )
    return int(text)
