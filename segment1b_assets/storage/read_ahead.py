"""Overlaps the decoding of a large partition with the work on what is already decoded.

A country is one worker's work, so without this a run over one large country leaves all other cores
idle. Decoders, compressors and numpy release the interpreter lock.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

T = TypeVar("T")

#: Rows from which a second thread gains more than it costs.
LARGE_ROWS: Final = 1 << 21

_END: Final = object()
#: For each thread, `seconds`: what other threads have used to read ahead for it.
_spent_for = threading.local()


def read_ahead(items: Generator[T, None, None]) -> Iterator[T]:
    """The same items in the same order, each made while the caller works on the one before.

    All of them are made on one other thread; one item is held more than without it. Whatever
    `items` raises is raised at its place.
    """
    pool = ThreadPoolExecutor(1, thread_name_prefix="segment1b-ahead")
    maker = pool.submit(threading.get_ident).result()
    try:
        coming = pool.submit(next, items, _END)
        while (item := coming.result()) is not _END:
            coming = pool.submit(next, items, _END)
            yield item  # type: ignore[misc]
    finally:
        # On the thread that made the items: a reader may be bound to it. That thread cannot wait
        # for itself, and it can be where the collector ends an abandoned generator.
        pool.submit(items.close)
        spent = pool.submit(time.thread_time)
        if threading.get_ident() == maker:
            pool.shutdown(wait=False)
        else:
            pool.shutdown()
            _spent_for.seconds = _spent_elsewhere() + spent.result()


def cpu_seconds() -> float:
    """Seconds of processor that this thread, and threads that read ahead for it, have used."""
    return time.thread_time() + _spent_elsewhere()


def _spent_elsewhere() -> float:
    return float(getattr(_spent_for, "seconds", 0.0))
