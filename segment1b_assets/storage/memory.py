"""Keeps memory that a batch freed for the next batch.

glibc returns freed memory to the system immediately, and the system clears every page before the
next batch may use it: a quarter of S1's time. Other C libraries keep their defaults.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import sys
from functools import cache

import pyarrow as pa

#: Parameters of mallopt(3).
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
#: Freed bytes that each heap keeps: the columns of a few batches.
_KEPT_BYTES = 64 << 20
#: Arrays from this size on are mapped by the system; smaller ones are on the heap.
_MAPPED_BYTES = 32 << 20


@cache
def keep_freed_memory() -> bool:
    """Let every heap keep what batches free; returns whether this C library supports it."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(_MMAP_THRESHOLD, _MAPPED_BYTES) and mallopt(_TRIM_THRESHOLD, _KEPT_BYTES))


def release_memory() -> None:
    """Return freed memory to the system, between states."""
    pa.default_memory_pool().release_unused()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


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
    """Open file descriptors of this process (0 where the system does not report them)."""
    try:
        return len(os.listdir("/proc/self/fd"))
    except OSError:
        return 0
