"""A data root: the folder under which every path of the contract resolves.

The root may also be a prefix of a bucket (`storage.object_root`): then the folder is this machine's
copy of it, and a reader of a path calls `ensure_local` first.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from segment1b_assets.contracts.dictionary import dictionary
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.storage import staging
from segment1b_assets.storage.publish import (
    move_local,
    publish_file,
    publish_folder,
    replace_local,
)
from segment1b_assets.storage.published import Published

ROOT_VARIABLE = "SEGMENT1B_ROOT"


def repository() -> Path | None:
    """The repository that holds this package; None where it is installed."""
    folder = Path(__file__).resolve().parents[2]
    return folder if all((folder / n).is_file() for n in ("dagster.yaml", "uv.lock")) else None


def default_root() -> str:
    """The root of ``$SEGMENT1B_ROOT``, else ``data/`` in the repository.

    Raises:
        Segment1BError: E_INPUT_MISSING where there is neither.
    """
    if named := os.environ.get(ROOT_VARIABLE):
        return named
    clone = repository()
    if clone is None:
        raise Segment1BError(
            "E_INPUT_MISSING",
            "no data root is named, and there is no repository whose data/ it could be",
            next_step=f"name it: --root DIR, the variable {ROOT_VARIABLE}, or `root` of the "
            "segment1b resource",
        )
    return str(clone / "data")


@dataclass(frozen=True)
class DataRoot:
    """A local data root; all of its paths come from the dictionary."""

    path: Path

    @property
    def uri(self) -> str:
        """The root as a user writes it: a folder, or ``s3://bucket/prefix``."""
        return str(self.path)

    def refresh(self) -> None:
        """Forget cached listings; a local disk has none."""

    def ensure_local(self, path: Path) -> Path:
        """`path`, after fetching what it holds (a file, or all below a folder) to this machine."""
        return path

    def exists(self, path: Path) -> bool:
        """Whether a file, or anything below a folder, exists at `path`; fetches nothing."""
        return path.exists()

    def path_for(self, dataset: str, /, **tokens: object) -> Path:
        """The absolute path of a dataset (or of one country's partition of it)."""
        return self.path / dictionary()[dataset].resolve(**tokens)

    def part_files(self, dataset: str, /, **tokens: object) -> list[Path]:
        """A partition's parquet files in ASCII order of name; empty where it is not published."""
        return self.parquet_files(self.path_for(dataset, **tokens))

    def parquet_files(self, folder: Path) -> list[Path]:
        """The parquet files of a folder in ASCII order of name, fetched to this machine."""
        folder = self.ensure_local(folder)
        try:
            names = sorted(os.listdir(folder), key=os.fsencode)
        except OSError:
            return []
        return [folder / name for name in names if name.endswith(".parquet")]

    def find_paths(self, dataset: str) -> list[Path]:
        """The existing paths of a dataset, for any tokens, in order."""
        return sorted(self.path.glob(dictionary()[dataset].glob))

    def state_of(self, path: Path) -> tuple[object, ...]:
        """A value that changes with anything at or below `path`; () where nothing exists."""
        try:
            found = [path, *sorted(path.rglob("*"))] if path.is_dir() else [path]
            return tuple(_stat(p) for p in found)
        except OSError:
            return ()

    def staging_area(self) -> AbstractContextManager[Path]:
        """A private folder in the root's own file system, removed afterwards."""
        return staging.staging_area(self.path)

    def sweep_staging(self) -> int:
        """Remove the staging areas whose process has ended; returns how many there were."""
        return staging.sweep_staging(self.path)

    def exclusive_lock(self, purpose: str) -> AbstractContextManager[None]:
        """Hold the exclusive lock of a purpose: no other process or thread enters its block."""
        return staging.exclusive_lock(self.path, purpose)

    def publish(
        self, staged: Path, target: Path, *, dataset: str, country: str | None
    ) -> Published:
        """Publish a staged file or folder, never replacing anything (contract §2).

        Raises:
            Segment1BError: E_IMMUTABLE_PARTITION_EXISTS_NONIDENTICAL where other bytes exist.
        """
        protocol = publish_folder if staged.is_dir() else publish_file
        return protocol(staged, target, dataset=dataset, country=country)

    def publish_once(self, target: Path, content: bytes, dataset: str) -> Published | None:
        """Publish a file; None, and nothing done, where one exists, with any bytes."""
        if self.exists(target):
            return None
        with self.staging_area() as work:
            staged = work / target.name
            staged.write_bytes(content)
            try:
                return self.publish(staged, target, dataset=dataset, country=None)
            except Segment1BError as err:
                if err.code == "E_IMMUTABLE_PARTITION_EXISTS_NONIDENTICAL":
                    return None  # another run wrote it meanwhile
                raise

    def replace_file(self, target: Path, content: bytes) -> None:
        """Write a report: atomically, replacing the one before (reports are not immutable)."""
        replace_local(self.path, target, content)

    def move(self, target: Path, destination: Path) -> None:
        """Move a published file or folder within the root, a PASS flag first."""
        move_local(target, destination)

    def relative(self, path: Path) -> str:
        """`path` as POSIX text relative to the root."""
        return path.relative_to(self.path).as_posix()


def _stat(path: Path) -> tuple[str, int, int, int, int]:
    status = path.stat()
    return str(path), status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino
