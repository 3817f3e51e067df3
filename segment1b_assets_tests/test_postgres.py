"""The PostgreSQL variant: a server of its own, two countries through it, nothing in SQLite."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import yaml

from segment1b_assets_tests.dagster_support import (
    BAD,
    BY_COUNTRY,
    cross_itself,
    failed,
    made_well,
    materialised,
    run_assets,
    small_world,
)
from segment1b_assets_tests.live_dagster import REPOSITORY

CONFIG = REPOSITORY / "deploy" / "postgres" / "dagster.yaml"
TWO = ["FI", BAD]


def _programs() -> Path | None:
    """The folder of Debian's initdb and postgres; newest version first."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: float(p.parts[4])
    )
    return found[-1].parent if found else None


@pytest.fixture(scope="module")
def server() -> Iterator[dict[str, str]]:
    """A server on loopback with a password; its variables for dagster.yaml."""
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
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
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
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
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


@pytest.fixture
def instance(
    server: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dg.DagsterInstance]:
    for name, value in server.items():
        monkeypatch.setenv(name, value)
    home = tmp_path / "home"
    home.mkdir()
    shutil.copyfile(CONFIG, home / "dagster.yaml")
    with dg.DagsterInstance.from_config(str(home)) as made:
        yield made


@pytest.mark.postgres
def test_two_countries_through_postgresql(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    root = tmp_path / "root"
    small_world(root)
    cross_itself(root, BAD)
    tiles = ("tile_index", "tile_bounds", "tile_weights")

    result = run_assets(instance, root, tiles, TWO)

    assert not result.success
    for asset in tiles:
        assert materialised(instance, asset) == ["FI"], asset
        assert failed(instance, asset) == [BAD], asset
    made_well(run_assets(instance, root, ("s0_gate_receipt_1B", *BY_COUNTRY), ["FI"]))
    assert materialised(instance, "site_locations") == ["FI"]
    assert not list((tmp_path / "home").rglob("*.db"))
    with dg.DagsterInstance.from_config(str(tmp_path / "home")) as another:
        assert {r.run_id for r in another.get_runs()} == {r.run_id for r in instance.get_runs()}
        assert len(another.get_runs()) == 2


def test_the_variant_differs_from_the_default_in_its_storage_only() -> None:
    default = yaml.safe_load((REPOSITORY / "dagster.yaml").read_text())
    variant = yaml.safe_load(CONFIG.read_text())
    assert {k: v for k, v in default.items() if k != "event_log_storage"} == {
        k: v for k, v in variant.items() if k != "storage"
    }
    told = variant["storage"]["postgres"]["postgres_db"]
    assert told.pop("scheme") == "postgresql+psycopg2"
    assert all(list(value) == ["env"] for value in told.values())
