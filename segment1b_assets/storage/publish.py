"""The publish law (contract §2): stage, fsync, one atomic rename, never overwrite.

Staging areas lie in ``{root}/.staging``, one per process and use, each held by a lock on a file in
it. The kernel drops the lock when its process ends however it ends, so what a killed run left
behind is recognised by its free lock and swept by the next run. Where the root is an object store,
they lie in this machine's mirror of it, and `storage.object_publish` takes over from there.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.storage.data_root import STAGING, DataRoot, receipt
from segment1b_assets.storage.object_publish import publish_objects, replace_object, sweep_objects
from segment1b_assets.storage.object_root import ObjectRoot
from segment1b_assets.storage.published import Published, require_identical

_LOCK = "held.lock"
_PURPOSE = ".lock"
_NEW = "new-"
_TEMPORARY = "temporary-"
#: How long an area may take from its making to its locking; debris is older.
_NEW_SECONDS = 600.0


@contextlib.contextmanager
def staging_area(root: DataRoot) -> Iterator[Path]:
    """A private folder in the root's own file system, removed afterwards."""
    name = uuid.uuid4().hex
    area = root.path / STAGING / f"{_NEW}{name}"
    area.mkdir(parents=True)
    try:
        lock = os.open(area / _LOCK, os.O_CREAT | os.O_RDWR, 0o644)
    except OSError:
        area.rmdir()
        raise
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Only a locked area takes its final name, so a sweep never sees one that is about to be.
        area = area.rename(root.path / STAGING / name)
        work = area / "work"
        work.mkdir()
        yield work
    finally:
        shutil.rmtree(area, ignore_errors=True)
        os.close(lock)


def sweep_staging(root: DataRoot) -> int:
    """Remove the staging areas whose process is gone; returns how many there were.

    What the machine does not let us look at or remove is left to a later sweep.
    """
    swept = sweep_objects(root) if isinstance(root, ObjectRoot) else 0
    for area in sorted((root.path / STAGING).glob("*")):
        with contextlib.suppress(OSError):
            swept += _sweep_area(area)
    return swept


def _sweep_area(area: Path) -> bool:
    if area.name.startswith((_NEW, _TEMPORARY)) and _young(area):
        return False
    if area.name.startswith(_TEMPORARY):
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
def exclusive_lock(root: DataRoot, purpose: str) -> Iterator[None]:
    """Keep every other process and thread out of the same purpose's block meanwhile.

    The kernel lets the next one in when this process ends, however it ends. The lock's file goes
    with the block; a killed process's is swept like the rest of staging.
    """
    (root.path / STAGING).mkdir(parents=True, exist_ok=True)
    path = root.path / STAGING / f"{purpose}{_PURPOSE}"
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


def rename_durably(source: Path, target: Path) -> None:
    """Rename within the file system; on the disk, too, before this returns."""
    os.rename(source, target)
    _fsync(target.parent)
    _fsync(source.parent)


def publish(
    root: DataRoot, staged: Path, target: Path, *, dataset: str, country: str | None
) -> Published:
    """Publish a staged file or folder, by the law of where the root lies.

    Raises:
        Segment1BError: E_IMMUTABLE_PARTITION_EXISTS_NONIDENTICAL where other bytes are there.
    """
    if isinstance(root, ObjectRoot):
        return publish_objects(root, staged, target, dataset=dataset, country=country)
    law = publish_folder if staged.is_dir() else publish_file
    return law(staged, target, dataset=dataset, country=country)


def publish_folder(staged: Path, target: Path, *, dataset: str, country: str | None) -> Published:
    """Move a staged folder to its place in one rename.

    Raises:
        Segment1BError: E_IMMUTABLE_PARTITION_EXISTS_NONIDENTICAL where other bytes are there.
    """
    stamp = receipt(staged)
    size = sum(p.stat().st_size for p in staged.rglob("*") if p.is_file())
    for path in staged.rglob("*"):
        _fsync(path)
    _fsync(staged)
    _make_parents(target.parent)
    try:
        # rename(2) onto an existing folder succeeds only if that folder is empty.
        os.rename(staged, target)
    except OSError as err:
        if err.errno == errno.EXDEV:
            raise _another_file_system(target, dataset, country) from err
        if err.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
            raise
        _require_identical(stamp, target, dataset, country)
        return Published("identical", target, stamp, size)
    _fsync(target.parent)
    return Published("published", target, stamp, size)


def publish_file(staged: Path, target: Path, *, dataset: str, country: str | None) -> Published:
    """Move a staged file to its place without ever replacing another.

    Raises:
        Segment1BError: E_IMMUTABLE_PARTITION_EXISTS_NONIDENTICAL where other bytes are there.
    """
    stamp = receipt(staged)
    size = staged.stat().st_size
    _fsync(staged)
    _make_parents(target.parent)
    try:
        # link(2) refuses an existing name, which rename(2) of a file would silently replace.
        os.link(staged, target)
    except FileExistsError:
        _require_identical(stamp, target, dataset, country)
        return Published("identical", target, stamp, size)
    except OSError as err:
        if err.errno == errno.EXDEV:
            raise _another_file_system(target, dataset, country) from err
        if err.errno in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS):
            raise _no_hard_links(target, dataset, country, err) from err
        raise
    os.unlink(staged)
    _fsync(target.parent)
    return Published("published", target, stamp, size)


def publish_once(root: DataRoot, target: Path, content: bytes, dataset: str) -> Published | None:
    """Publish a file unless there is one: the first stands, whatever its bytes; None then."""
    if root.exists(target):
        return None
    with staging_area(root) as work:
        staged = work / target.name
        staged.write_bytes(content)
        try:
            return publish(root, staged, target, dataset=dataset, country=None)
        except Segment1BError as err:
            if err.code == "E_IMMUTABLE_PARTITION_EXISTS_NONIDENTICAL":
                return None  # another run wrote it in between
            raise


def replace_file(root: DataRoot, target: Path, content: bytes) -> None:
    """Write a report: atomically, replacing the one before (reports are not immutable).

    Nothing waits for the disk here: a report that a power cut loses is written by the next run.
    """
    if isinstance(root, ObjectRoot):
        replace_object(root, target, content)
        return
    (root.path / STAGING).mkdir(parents=True, exist_ok=True)
    staged = root.path / STAGING / f"{_TEMPORARY}{uuid.uuid4().hex}"
    try:
        staged.write_bytes(content)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(staged, target)
    except OSError:
        staged.unlink(missing_ok=True)
        raise


def _another_file_system(target: Path, dataset: str, country: str | None) -> Segment1BError:
    """Copying instead would let readers see half of a partition, so it is refused."""
    return Segment1BError(
        "E_IO",
        f"{dataset} cannot be moved to its place: {STAGING} lies on another file system",
        country=country,
        file=target,
        next_step=f"let the data root be one file system, {STAGING} and layer1 included "
        f"(look at the mounts above {target.parent}), and re-run",
    )


def _no_hard_links(target: Path, dataset: str, country: str | None, err: OSError) -> Segment1BError:
    """A rename in place of the link would silently replace what is there, so it is refused."""
    return Segment1BError(
        "E_IO",
        f"{dataset} cannot be moved to its place: the file system refuses hard links ({err})",
        country=country,
        file=target,
        next_step="put the data root on a file system that has hard links "
        "(ext4, XFS, ZFS, NFS; not FAT), and re-run",
    )


def _require_identical(stamp: str, target: Path, dataset: str, country: str | None) -> None:
    if not target.exists():
        raise OSError(errno.ESTALE, "it was retired while it was compared", str(target))
    require_identical(stamp, target, dataset, country)


def _make_parents(folder: Path) -> None:
    missing = [folder]
    while not missing[-1].parent.exists():
        missing.append(missing[-1].parent)
    folder.mkdir(parents=True, exist_ok=True)
    for created in missing:
        _fsync(created.parent)


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _young(path: Path) -> bool:
    """Whether somebody may be about to lock or move it; a time far ahead is a clock that jumped."""
    try:
        return abs(time.time() - path.stat().st_mtime) < _NEW_SECONDS
    except FileNotFoundError:
        return False
