"""SHA-256 of files, and the determinism receipt of a partition (contract §2)."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path


def sha256_of(path: Path) -> bytes:
    """SHA-256 of a file's bytes, 32 bytes."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").digest()


def receipt(folder: Path, files: Iterable[Path] | None = None) -> str:
    """Determinism receipt: SHA-256 over the bytes of the files in ASCII order of relative path.

    Args:
        folder: the partition's folder (or a single file).
        files: the files to take; every file below the folder if None.
    """
    if folder.is_file():
        return sha256_of(folder).hex()
    chosen = files if files is not None else (p for p in folder.rglob("*") if p.is_file())
    whole = hashlib.sha256()
    for path in sorted(chosen, key=lambda p: os.fsencode(p.relative_to(folder).as_posix())):
        with path.open("rb") as handle:
            while block := handle.read(1 << 20):
                whole.update(block)
    return whole.hexdigest()
