"""Staging areas of a data root: private folders in its own file system, and its locks.

They lie in ``{root}/.staging``, one per process and use, each held by a lock on a file in it. The
kernel drops the lock when its process ends, however it ends. So what a killed run left behind is
recognised by its free lock, and the next run removes it. Of an object store's root they lie in this
machine's copy of it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

#: The folder of a root in which partitions are made before they are published.
STAGING = ".staging"
_LOCK = "held.lock"
_PURPOSE = ".lock"
_NEW = "new-"
#: Files on their way to their place, without an area of their own.
TEMPORARY = "temporary-"
#: How long an area may take from its making to its locking; debris is older.
_NEW_SECONDS = 600.0


@contextlib.contextmanager
def staging_area(root: Path) -> Iterator[Path]:
    """A private folder in the root's own file system, removed afterwards."""
    name = uuid.uuid4().hex
    area = root / STAGING / f"{_NEW}{name}"
    area.mkdir(parents=True)
    try:
        lock = os.open(area / _LOCK, os.O_CREAT | os.O_RDWR, 0o644)
    except OSError:
        area.rmdir()
        raise
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Only a locked area takes its final name, so a sweep never sees one that is about to be.
        area = area.rename(root / STAGING / name)
        work = area / "work"
        work.mkdir()
        yield work
    finally:
        shutil.rmtree(area, ignore_errors=True)
        os.close(lock)


def sweep_staging(root: Path) -> int:
    """Remove the staging areas whose process is gone; returns how many there were.

    What the machine does not let us look at or remove is left to a later sweep.
    """
    swept = 0
    for area in sorted((root / STAGING).glob("*")):
        with contextlib.suppress(OSError):
            swept += _sweep_area(area)
    return swept


def _sweep_area(area: Path) -> bool:
    if area.name.startswith((_NEW, TEMPORARY)) and _young(area):
        return False
    if area.name.startswith(TEMPORARY):
        area.unlink(missing_ok=True)
        return True
    alone_with = area.name.endswith(_PURPOSE)
    try:
        lock = os.open(area if alone_with else area / _LOCK, os.O_RDWR)
    except FileNotFoundError:
        # Killed before it had a lock or in removing it, unless its owner is about to.
        if _young(area):
            return False
        shutil.rmtree(area, ignore_errors=True)
        return True
    except NotADirectoryError:
        return False  # not ours
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not alone_with:
            shutil.rmtree(area, ignore_errors=True)
        elif _is_at(lock, area):
            area.unlink()
        return True
    except BlockingIOError:
        return False
    finally:
        os.close(lock)


@contextlib.contextmanager
def exclusive_lock(root: Path, purpose: str) -> Iterator[None]:
    """Keep every other process and thread out of the same purpose's block meanwhile.

    The kernel lets the next one in when this process ends, however it ends. The lock's file goes
    with the block; a killed process's is swept like the rest of staging.
    """
    (root / STAGING).mkdir(parents=True, exist_ok=True)
    path = root / STAGING / f"{purpose}{_PURPOSE}"
    while True:
        lock = os.open(path, os.O_CREAT | os.O_RDWR, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not _is_at(lock, path):
                continue  # its last holder took the file away while we waited
            try:
                yield
            finally:
                path.unlink(missing_ok=True)
            return
        finally:
            os.close(lock)


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _young(path: Path) -> bool:
    """Whether somebody may be about to lock or move it; a time far ahead is a clock that jumped."""
    try:
        return abs(time.time() - path.stat().st_mtime) < _NEW_SECONDS
    except FileNotFoundError:
        return False
