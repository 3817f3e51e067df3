"""Digests of large inputs, remembered between processes while their files stay the same.

As git's index does: a file with the size, inode, time of modification and time of change that it
had when it was hashed has the bytes that it had then. The time of change is the kernel's; no
program can set it back. What was changed less than `RACY_SECONDS` before it was hashed is not
remembered: a later write within the clock's tick could leave the same times.

Not noticed: a write through a memory map to a page that was dirty when the file was hashed, until
the kernel writes that page; and a disk that changes by itself. So the gate (S0) and
``segment1b verify --deep`` trust nothing remembered (`RunInputs.hash_inputs_anew`).

The file lies in the staging area of this machine's copy of the root: it is no published data, means
nothing on another machine, and may be removed at any time.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
import uuid
from pathlib import Path
from typing import Any

from segment1b_assets.storage.digests import sha256_of
from segment1b_assets.storage.staging import STAGING, TEMPORARY

#: Bytes of a file from which on its digest is remembered. Below, hashing takes 0.1 s at most.
REMEMBERED_BYTES = 64 << 20
RACY_SECONDS = 2.0
MEMORY = "input_digests.json"

#: size, inode, time of modification and time of change in nanoseconds.
Stamp = tuple[int, int, int, int]
_lock = threading.Lock()


def stamp_of(path: Path) -> Stamp:
    """What changes with a file's bytes."""
    status = os.stat(path)
    return status.st_size, status.st_ino, status.st_mtime_ns, status.st_ctime_ns


def remembered_sha256(root: Path, path: Path) -> tuple[bytes, bool]:
    """SHA-256 of a file's bytes, 32 bytes, and whether it was remembered instead of computed.

    Args:
        root: the local folder of the data root.
        path: a file below it.

    Raises:
        OSError: the file cannot be read.
    """
    stamp = stamp_of(path)
    entry = _read(root).get(_key(root, path)) if stamp[0] >= REMEMBERED_BYTES else None
    if entry is not None and entry[0] == stamp:
        return entry[1], True
    return computed_sha256(root, path), False


def computed_sha256(root: Path, path: Path) -> bytes:
    """SHA-256 of a file's bytes, 32 bytes, read now; remembered where the file is large.

    Raises:
        OSError: the file cannot be read.
    """
    before = stamp_of(path)
    began = time.time_ns()
    digest = sha256_of(path)
    if before[0] >= REMEMBERED_BYTES:
        settled = max(before[2:]) < began - RACY_SECONDS * 1e9
        kept = (before, digest) if settled and stamp_of(path) == before else None
        with contextlib.suppress(OSError):  # a root that cannot be written remembers nothing
            _remember(root, _key(root, path), kept)
    return digest


def _key(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()


def _read(root: Path) -> dict[str, tuple[Stamp, bytes]]:
    """What is remembered; nothing where the file is missing or malformed."""
    try:
        document = json.loads((root / STAGING / MEMORY).read_bytes())
        return {key: _entry(entry) for key, entry in document["files"].items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return {}


def _entry(entry: Any) -> tuple[Stamp, bytes]:
    digest = bytes.fromhex(entry["sha256"])
    if len(digest) != 32:
        raise ValueError(entry)
    stamp = (entry["size"], entry["inode"], entry["mtime_ns"], entry["ctime_ns"])
    return tuple(map(int, stamp)), digest  # type: ignore[return-value]


def _remember(root: Path, key: str, new: tuple[Stamp, bytes] | None) -> None:
    """Replace a file's entry, or remove it. Of two processes at once one may lose an entry."""
    with _lock:
        held = _read(root)
        if held.get(key) == new:
            return
        entries = {k: e for k, e in held.items() if k != key} | ({key: new} if new else {})
        files = {
            name: {
                "size": stamp[0], "inode": stamp[1], "mtime_ns": str(stamp[2]),
                "ctime_ns": str(stamp[3]), "sha256": digest.hex(),
            }
            for name, (stamp, digest) in sorted(entries.items())
        }  # fmt: skip
        (root / STAGING).mkdir(parents=True, exist_ok=True)
        made = root / STAGING / f"{TEMPORARY}{uuid.uuid4().hex}"
        made.write_text(json.dumps({"files": files}, indent=2) + "\n", "utf-8")
        os.replace(made, root / STAGING / MEMORY)
