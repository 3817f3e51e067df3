"""Staging areas of a data root: private folders in its own file system, and its locks.

They are in ``{root}/.staging``, one per process and use, each with a locked file. The kernel
releases the lock when the process ends, however it ends. So the area of a killed run has a free
lock, and the next run removes it. An object store's root has them in this machine's copy.
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

#: The folder of a root in which partitions are written before they are published.
STAGING = ".staging"
_LOCK = "held.lock"
_PURPOSE = ".lock"
_NEW = "new-"
#: Files outside an area that are being moved to their place.
TEMPORARY = "temporary-"
#: How long an area may take from creation to lock; left-over areas are older.
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
        # Only a locked area gets its final name, so no sweep removes one before it is locked.
        area = area.rename(root / STAGING / name)
        work = area / "work"
        work.mkdir()
        yield work
    finally:
        shutil.rmtree(area, ignore_errors=True)
        os.close(lock)


def sweep_staging(root: Path) -> int:
    """Remove the staging areas whose process has ended; returns how many there were.

    Areas that cannot be read or removed are left to a later call.
    """
    removed = 0
    for area in sorted((root / STAGING).glob("*")):
        with contextlib.suppress(OSError):
            removed += _sweep_area(area)
    return removed


def _sweep_area(area: Path) -> bool:
    if area.name.startswith((_NEW, TEMPORARY)) and _young(area):
        return False
    if area.name.startswith(TEMPORARY):
        area.unlink(missing_ok=True)
        return True
    is_lock_file = area.name.endswith(_PURPOSE)
    try:
        lock = os.open(area if is_lock_file else area / _LOCK, os.O_RDWR)
    except FileNotFoundError:
        # Killed before it had a lock or while removing it, unless its owner is still creating it.
        if _young(area):
            return False
        shutil.rmtree(area, ignore_errors=True)
        return True
    except NotADirectoryError:
        return False  # not ours
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not is_lock_file:
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
    """Hold the exclusive lock of a purpose: no other process or thread enters its block.

    The kernel releases the lock when this process ends, however it ends. The lock's file is
    removed after the block; a killed process's file is removed with the rest of staging.
    """
    (root / STAGING).mkdir(parents=True, exist_ok=True)
    path = root / STAGING / f"{purpose}{_PURPOSE}"
    while True:
        lock = os.open(path, os.O_CREAT | os.O_RDWR, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not _is_at(lock, path):
                continue  # its last holder removed the file meanwhile
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
    """Whether its owner may still lock or move it; a time far ahead is a clock that jumped."""
    try:
        return abs(time.time() - path.stat().st_mtime) < _NEW_SECONDS
    except FileNotFoundError:
        return False
