"""Overlaps the decoding of a large partition with the work on what is already decoded.

A country is one worker's work, so without this a run over one large country leaves all other cores
idle. Decoders, compressors and numpy release the interpreter lock.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

T = TypeVar("T")

#: Rows from which a second thread gains more than it costs.
LARGE_ROWS: Final = 1 << 21

_END: Final = object()


def read_ahead(items: Generator[T, None, None]) -> Iterator[T]:
    """The same items in the same order, each made while the caller works on the one before.

    All of them are made on one other thread; one item is held more than without it. Whatever
    `items` raises is raised at its place.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="segment1b-ahead") as pool:
        try:
            coming = pool.submit(next, items, _END)
            while (item := coming.result()) is not _END:
                coming = pool.submit(next, items, _END)
                yield item  # type: ignore[misc]
        finally:
            # On the thread that made the items: a reader may be bound to it.
            pool.submit(items.close).result()
