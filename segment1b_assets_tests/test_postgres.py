"""The PostgreSQL variant: a server of its own, two countries through it, nothing in SQLite."""

from __future__ import annotations

import shutil
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
from segment1b_assets_tests.servers import postgres_server

CONFIG = REPOSITORY / "deploy" / "postgres" / "dagster.yaml"
TWO = ["FI", BAD]


@pytest.fixture(scope="module")
def server() -> Iterator[dict[str, str]]:
    with postgres_server() as variables:
        yield variables


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
