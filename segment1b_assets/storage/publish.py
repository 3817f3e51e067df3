"""The publish protocol on a local file system (contract §2): stage, fsync, one atomic rename."""

from __future__ import annotations

import errno
import os
import uuid
from pathlib import Path

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.storage.bundle import FLAG
from segment1b_assets.storage.digests import receipt
from segment1b_assets.storage.published import Published, require_identical
from segment1b_assets.storage.staging import STAGING, TEMPORARY


def rename_durably(source: Path, target: Path) -> None:
    """Rename within the file system; it is on the disk when this returns."""
    os.rename(source, target)
    _fsync(target.parent)
    _fsync(source.parent)


def publish_folder(staged: Path, target: Path, *, dataset: str, country: str | None) -> Published:
    """Publish a staged folder with one rename.

    Raises:
        Segment1BError: E_IMMUTABLE_PARTITION_EXISTS_NONIDENTICAL where other bytes are published.
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
        Segment1BError: E_IMMUTABLE_PARTITION_EXISTS_NONIDENTICAL where other bytes are published.
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


def _another_file_system(target: Path, dataset: str, country: str | None) -> Segment1BError:
    """Refuse another file system: copying would let readers see half of a partition."""
    return Segment1BError(
        "E_IO",
        f"{dataset} cannot be moved to its place: {STAGING} lies on another file system",
        country=country,
        file=target,
        next_step=f"let the data root be one file system, {STAGING} and layer1 included "
        f"(check the mounts above {target.parent}), and re-run",
    )


def _no_hard_links(target: Path, dataset: str, country: str | None, err: OSError) -> Segment1BError:
    """Refuse to go on without hard links: a rename would silently replace published data."""
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
        raise OSError(errno.ESTALE, "it was retired during the comparison", str(target))
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


def replace_local(root: Path, target: Path, content: bytes) -> None:
    """Write a report: atomically, replacing the previous one (reports are not immutable).

    It does not wait for the disk: the next run rewrites a report that a power cut loses.
    """
    (root / STAGING).mkdir(parents=True, exist_ok=True)
    staged = root / STAGING / f"{TEMPORARY}{uuid.uuid4().hex}"
    try:
        staged.write_bytes(content)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(staged, target)
    except OSError as err:
        staged.unlink(missing_ok=True)
        if err.errno == errno.EXDEV:
            why = f"{STAGING} lies on another file system"
            raise OSError(errno.EXDEV, why, str(target)) from err
        raise


def move_local(target: Path, destination: Path) -> None:
    """Move a published file or folder; a folder that holds a PASS flag loses the flag first."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    aside = destination.parent / FLAG
    if (target / FLAG).is_file():
        rename_durably(target / FLAG, aside)
    rename_durably(target, destination)
    if aside.is_file():
        rename_durably(aside, destination / FLAG)
