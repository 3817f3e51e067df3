"""Servers of Debian's packages, on loopback, in folders of their own, while a test runs."""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from segment1b_assets_tests.child_processes import free_port, running
from segment1b_assets_tests.waiting import wait_for


@contextlib.contextmanager
def redis_server() -> Iterator[dict[str, str]]:
    """Redis on loopback with a password, nothing kept on disk; its variable for dagster.yaml."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("needs Debian's Redis: apt-get install redis-server")
    password = secrets.token_hex(16)
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="segment1b_redis_") as folder:
        settings = Path(folder) / "redis.conf"
        settings.touch(mode=0o600)
        settings.write_text(
            f"bind 127.0.0.1\nport {port}\nrequirepass {password}\ndir {folder}\n"
            f'save ""\nappendonly no\nlogfile {folder}/log\n'
        )
        with running(program, settings, stdout=subprocess.DEVNULL) as process:
            wait_for("redis-server", lambda: _listens(process, port))
            yield {"SEGMENT1B_REDIS_URL": f"redis://:{password}@127.0.0.1:{port}/0"}


def _listens(process: subprocess.Popen[bytes], port: int) -> bool | None:
    assert process.poll() is None, "redis-server has ended"
    with socket.socket() as probe:
        return True if probe.connect_ex(("127.0.0.1", port)) == 0 else None


def _programs() -> Path | None:
    """The folder of Debian's initdb and postgres; newest version first."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: float(p.parts[4])
    )
    return found[-1].parent if found else None


@contextlib.contextmanager
def postgres_server() -> Iterator[dict[str, str]]:
    """PostgreSQL on loopback with a password; its variables for dagster.yaml."""
    pytest.importorskip("dagster_postgres", reason="needs the extra: uv sync --extra postgres")
    programs = _programs()
    if programs is None:
        pytest.skip("needs Debian's PostgreSQL: apt-get install postgresql")
    owner = pwd.getpwnam("postgres").pw_name if os.getuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="segment1b_pg_"))
    password = secrets.token_hex(16)
    (folder / "password").write_text(password)
    if owner is not None:
        for path in (folder, folder / "password"):
            shutil.chown(path, owner)
    port = str(free_port())
    variables = {
        "SEGMENT1B_PG_HOST": "127.0.0.1",
        "SEGMENT1B_PG_PORT": port,
        "SEGMENT1B_PG_DATABASE": "postgres",
        "SEGMENT1B_PG_USER": "segment1b",
        "SEGMENT1B_PG_PASSWORD": password,
    }
    data = folder / "data"
    try:
        _run(
            owner, programs / "initdb", "-D", data, "-U", "segment1b", "-A", "scram-sha-256",
            f"--pwfile={folder / 'password'}", "--no-locale", "-E", "UTF8", "--no-sync",
        )  # fmt: skip
        # All of it is thrown away afterwards: nothing waits for the disk.
        options = (
            f"-p {port} -c fsync=off -c synchronous_commit=off "
            f"-c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
        )
        control = programs / "pg_ctl"
        _run(owner, control, "-D", data, "-o", options, "-l", folder / "log", "-w", "start")
        try:
            yield variables
        finally:
            _run(owner, control, "-D", data, "-m", "fast", "-w", "stop")
    finally:
        shutil.rmtree(folder)


def _run(owner: str | None, *command: str | Path) -> None:
    done = subprocess.run(
        command, user=owner, cwd="/", timeout=120, check=False,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
