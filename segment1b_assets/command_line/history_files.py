"""The files of an SQLite history: how large they are, and giving back what deleted runs held."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable
from pathlib import Path

#: What Dagster's default storages write under $DAGSTER_HOME: databases, captured output.
FOLDERS = ("history", "schedules", "storage")
#: Seconds to wait for a process that writes to the same database.
PATIENCE = 60.0


def history_bytes(home: Path) -> int | None:
    """Bytes on this machine; None where the databases lie elsewhere, as with PostgreSQL."""
    if not (home / "history" / "runs" / "index.db").exists():
        return None
    total = 0
    for folder in FOLDERS:
        for path in (home / folder).rglob("*"):
            with contextlib.suppress(FileNotFoundError):  # a log that SQLite has just removed
                total += path.lstat().st_size if path.is_file() else 0
    return total


def give_back(home: Path, deleted: Iterable[str]) -> list[Path]:
    """Remove the emptied databases of deleted runs and shrink the others; no row changes.

    Returns:
        Databases that could not be shrunk because another process was writing to them.
    """
    runs = home / "history" / "runs"
    for run in deleted:
        for suffix in ("", "-wal", "-shm"):
            (runs / f"{run}.db{suffix}").unlink(missing_ok=True)
    busy = []
    for path in (home / "history" / "runs.db", runs / "index.db"):
        if not path.exists():
            continue
        try:
            with contextlib.closing(sqlite3.connect(path, timeout=PATIENCE)) as database:
                database.execute("VACUUM")
                database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.OperationalError:
            busy.append(path)
    return busy
