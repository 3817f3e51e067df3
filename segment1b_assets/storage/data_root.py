"""A data root: the folder under which every path of the contract resolves.

The root may also be a prefix of a bucket (`storage.object_root`): then the folder is this machine's
copy of it, and whoever reads a path asks for it `here` first.
"""

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
#: The folder of a root in which partitions are made before they are published.
STAGING = ".staging"


def default_root() -> str:
    """The root of ``$SEGMENT1B_ROOT``, else the repository's ``data/``."""
    return os.environ.get(ROOT_VARIABLE) or str(DEFAULT_ROOT)


@dataclass(frozen=True)
class DataRoot:
    """A local data root; all of its paths come from the dictionary."""

    path: Path

    @property
    def uri(self) -> str:
        """The root as a user writes it: a folder, or ``s3://bucket/prefix``."""
        return str(self.path)

    def refresh(self) -> None:
        """Look anew at what is there; what lies on a local disk is looked at anyway."""

    def ensure_local(self, path: Path) -> Path:
        """`path`, with what lies there (a file, or all below a folder) brought to this machine."""
        return path

    def exists(self, path: Path) -> bool:
        """Whether a file, or anything below a folder, lies at `path`; brings nothing here."""
        return path.exists()

    def path_for(self, dataset: str, /, **tokens: object) -> Path:
        """The absolute path of a dataset (or of one country's partition of it)."""
        return self.path / dictionary()[dataset].resolve(**tokens)

    def part_files(self, dataset: str, /, **tokens: object) -> list[Path]:
        """A partition's parquet files in ASCII order of name; empty where it isn't published."""
        folder = self.ensure_local(self.path_for(dataset, **tokens))
        if not folder.is_dir():
            return []
        return sorted(folder.glob("*.parquet"), key=lambda p: os.fsencode(p.name))

    def has_partition(self, dataset: str, /, **tokens: object) -> bool:
        """Whether a partition is published; brings nothing here."""
        return bool(self.part_files(dataset, **tokens))

    def find_paths(self, dataset: str) -> list[Path]:
        """The paths that are there of a dataset, whatever their tokens, in order."""
        return sorted(self.path.glob(dictionary()[dataset].glob))

    def state_of(self, path: Path) -> tuple[object, ...]:
        """What changes whenever something at or below `path` does; () where nothing is."""
        try:
            found = [path, *sorted(path.rglob("*"))] if path.is_dir() else [path]
            return tuple(_stat(p) for p in found)
        except OSError:
            return ()

    def relative(self, path: Path) -> str:
        """`path` as POSIX text relative to the root."""
        return path.relative_to(self.path).as_posix()


def _stat(path: Path) -> tuple[str, int, int, int]:
    status = path.stat()
    return str(path), status.st_mtime_ns, status.st_size, status.st_ino


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
