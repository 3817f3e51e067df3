"""A data root: the folder under which every path of the contract resolves."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from segment1b_assets.contracts.dictionary import dictionary

#: Where `{root}` is unless somebody says otherwise: ``data/`` in the repository.
DEFAULT_ROOT = Path(__file__).resolve().parents[2] / "data"
ROOT_VARIABLE = "SEGMENT1B_ROOT"


def default_root() -> Path:
    """The root of ``$SEGMENT1B_ROOT``, else the repository's ``data/``."""
    return Path(os.environ.get(ROOT_VARIABLE) or DEFAULT_ROOT)


@dataclass(frozen=True)
class DataRoot:
    """A local data root; all of its paths come from the dictionary."""

    path: Path

    def of(self, dataset: str, /, **tokens: object) -> Path:
        """The absolute path of a dataset (or of one country's partition of it)."""
        return self.path / dictionary()[dataset].resolve(**tokens)

    def part_files(self, dataset: str, /, **tokens: object) -> list[Path]:
        """A partition's parquet files in ASCII order of name; empty where it isn't published."""
        folder = self.of(dataset, **tokens)
        if not folder.is_dir():
            return []
        return sorted(folder.glob("*.parquet"), key=lambda p: os.fsencode(p.name))

    def exists(self, dataset: str, /, **tokens: object) -> bool:
        """Whether a published dataset, partition or log is there."""
        return self.of(dataset, **tokens).exists()

    def relative(self, path: Path) -> str:
        """`path` as POSIX text relative to the root."""
        return path.relative_to(self.path).as_posix()


def sha256_of(path: Path) -> bytes:
    """SHA-256 of a file's bytes, 32 bytes."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").digest()


def receipt(folder: Path, files: Iterable[Path] | None = None) -> str:
    """Determinism receipt: SHA-256 over the bytes of the files in ASCII order of relative path.

    Args:
        folder: the partition's folder (or a single file, which stands for itself).
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
