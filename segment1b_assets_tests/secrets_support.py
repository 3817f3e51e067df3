"""Credentials in the environment, and everything that a run wrote, to look for them in."""

from __future__ import annotations

import secrets
import sqlite3
import zlib
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq


def credentials() -> dict[str, str]:
    """Variables as deployments have them, each with a secret that is found nowhere else."""
    token = {name: f"s3cr3t{secrets.token_hex(8)}" for name in ("pg", "aws", "key", "web", "user")}
    url = f"https://{token['user']}:{token['web']}@proxy.invalid:8443"
    return {
        "SEGMENT1B_PG_PASSWORD": token["pg"],
        "DAGSTER_PG_PASSWORD": token["pg"],
        "PGPASSWORD": token["pg"],
        "AWS_ACCESS_KEY_ID": token["key"],
        "AWS_SECRET_ACCESS_KEY": token["aws"],
        "AWS_SESSION_TOKEN": token["aws"],
        "HTTPS_PROXY": url,
        "UV_INDEX_URL": url,
        "GIT_ASKPASS_URL": url,
    }


def held(variables: dict[str, str]) -> set[bytes]:
    """The secrets in the variables, without what stands around them in a URL."""
    words = {
        w for v in variables.values() for w in v.replace("@", ":").replace("/", ":").split(":")
    }
    return {word.encode() for word in words if word.startswith("s3cr3t")}


def written(folder: Path) -> Iterator[tuple[str, bytes]]:
    """(where, bytes) of everything below a folder: files, rows of SQLite, values of parquet.

    SQLite holds Dagster's snapshots compressed, and parquet its columns; both are opened.
    """
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink()):
        name = path.relative_to(folder).as_posix()
        raw = path.read_bytes()
        yield name, raw
        if raw.startswith(b"SQLite format 3\0"):
            yield from ((f"{name}: {table}", value) for table, value in _rows(path))
        elif raw.startswith(b"PAR1"):
            yield f"{name}: values", str(pq.ParquetFile(path).read().to_pydict()).encode()


def _rows(path: Path) -> Iterator[tuple[str, bytes]]:
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        tables = [
            r[0] for r in database.execute("select name from sqlite_master where type='table'")
        ]
        for table in tables:
            for row in database.execute(f'select * from "{table}"'):
                for value in row:
                    raw = value if isinstance(value, bytes) else str(value).encode()
                    yield table, raw
                    if raw.startswith(b"x\x9c"):
                        yield table, zlib.decompress(raw)
    finally:
        database.close()


def leaks(secret: set[bytes], *folders: Path) -> list[str]:
    """Where a secret stands."""
    return [
        f"{folder.name}/{name}"
        for folder in folders
        for name, raw in written(folder)
        if any(word in raw for word in secret)
    ]
