"""This machine's copy of what it read from an object store or published to it.

It may be lost at any time. A note beside each file names the object that it is a copy of. A file
that does not match its note, because it was changed or only partly copied, counts as absent.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Collection
from pathlib import Path

from segment1b_assets.storage.object_store import Stored

MIRROR_VARIABLE = "SEGMENT1B_MIRROR"


def mirror_folder(url: str) -> Path:
    """The folder of a root's mirror: below ``$SEGMENT1B_MIRROR``, else the user's cache folder."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    base = Path(os.environ.get(MIRROR_VARIABLE) or Path(cache) / "segment1b")
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""
    name = url.removeprefix("s3://").replace("/", "-")[:48]
    key = hashlib.sha256(f"{endpoint} {url}".encode()).hexdigest()[:12]
    return base.absolute() / f"{name}-{key}"


class Mirror:
    """Files by the keys of the objects that they are copies of.

    Args:
        folder: ``files`` and ``notes`` lie below it.
    """

    def __init__(self, folder: Path) -> None:
        self.files = folder / "files"
        self._notes = folder / "notes"
        self._shape = threading.Lock()
        self.files.mkdir(parents=True, exist_ok=True, mode=0o700)

    def holds(self, key: str, stored: Stored) -> bool:
        """Whether the file is a copy of this very object."""
        try:
            note = (self._notes / key).read_text("utf-8")
            return note == _note(stored, (self.files / key).stat())
        except OSError:
            return False

    def store(self, key: str, made: Path, stored: Stored) -> None:
        """Move a file of the same file system to its place and write its note."""
        file, note = self.files / key, self._notes / key
        os.utime(made, (stored.modified, stored.modified))
        with self._shape:
            for folder in (file.parent, note.parent):
                folder.mkdir(parents=True, exist_ok=True)
            # If the process ends here, the note does not match and the copy is fetched again.
            os.replace(made, file)
            note.write_text(_note(stored, file.stat()), "utf-8")

    def keep_only(self, key: str, keys: Collection[str]) -> None:
        """Remove the files at and below `key` whose object no longer exists."""
        top = self.files / key
        with self._shape:
            found = [p for p in top.rglob("*") if not p.is_dir()] if top.is_dir() else [top]
            for file in found:
                name = file.relative_to(self.files).as_posix()
                if name not in keys and file.exists():
                    file.unlink(missing_ok=True)
                    (self._notes / name).unlink(missing_ok=True)
                    self._prune(file.parent)

    def _prune(self, folder: Path) -> None:
        """Remove empty folders: a store has none."""
        while folder != self.files:
            try:
                folder.rmdir()
            except OSError:
                return
            folder = folder.parent


def _note(stored: Stored, status: os.stat_result) -> str:
    if stored.size != status.st_size:
        return "another size"
    return f"{stored.etag} {status.st_size} {status.st_ino} {status.st_mtime_ns}\n"
