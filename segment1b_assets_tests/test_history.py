"""`segment1b history --prune`: what is true of every partition stays so, and the files shrink."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from click.testing import CliRunner

from segment1b_assets.automation.stale_partitions import find_stale_partitions
from segment1b_assets.cli import group
from segment1b_assets.resources import Segment1B
from segment1b_assets_tests.dagster_support import (
    BAD,
    FIVE,
    TILES,
    cross_itself,
    failed,
    keep_listed,
    materialised,
    set_shape,
    small_world,
)
from segment1b_assets_tests.run_support import run, use_history


def prune(root: Path, *words: str) -> dict[str, Any]:
    said = CliRunner().invoke(group, ["history", "--root", str(root), "--json", *words])
    assert said.exit_code == 0, said.output
    found: dict[str, Any] = json.loads(said.stdout)
    return found


def truth(root: Path) -> dict[str, Any]:
    """What Dagster and the nightly schedule say of every partition."""
    with dg.DagsterInstance.get() as instance:
        stale = find_stale_partitions(instance, Segment1B(root=str(root)).open())
        log = instance.event_log_storage
        checks = [dg.AssetCheckKey(dg.AssetKey(a), "valid") for a in TILES]
        return {
            "made": {a: materialised(instance, a) for a in TILES},
            "failed": {a: failed(instance, a) for a in TILES},
            "stale": stale.countries,
            "valid": {
                (
                    info.check_key.asset_key.path[-1],
                    info.partition_key,
                ): info.latest_execution_status
                for info in log.get_asset_check_partition_info(checks)
            },
            "events": {
                a: {
                    r.partition_key: r.storage_id
                    for r in reversed(
                        instance.fetch_materializations(dg.AssetKey(a), limit=100).records
                    )
                }
                for a in TILES
            },
        }


def ids() -> list[str]:
    with dg.DagsterInstance.get() as instance:
        return sorted(r.run_id for r in instance.get_runs())


def test_old_runs_go_and_what_is_true_of_partitions_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, root = use_history(monkeypatch, tmp_path / "home"), tmp_path / "root"
    small_world(root)
    keep_listed(root)
    good = cross_itself(root, BAD)
    replaced = [run(root, FIVE, ["S1"]).run_id, run(root, [BAD], ["S1"]).run_id]
    set_shape(root, BAD, good)
    holding = run(root, FIVE, ["S1"])
    assert holding.success
    cross_itself(root, BAD)
    broken = run(root, [BAD], ["S1"])
    assert not broken.success
    before = truth(root)
    assert before["made"]["tile_index"] == FIVE
    assert before["failed"]["tile_index"] == [BAD]

    assert prune(root, "--prune", "1")["deleted"] == 0
    would = prune(root, "--prune", "0", "--dry-run")
    assert (would["to_delete"], would["deleted"], would["runs"]) == (2, 0, 4)
    done = prune(root, "--prune", "0")
    assert (done["deleted"], done["kept"], done["kept_current"]) == (2, 2, 2)
    assert ids() == sorted([holding.run_id, broken.run_id])
    assert truth(root) == before

    assert done["bytes_after"] < done["bytes"]
    files = {p.name for p in (home / "history" / "runs").iterdir()}
    assert not {f"{run_id}.db" for run_id in replaced} & files
    assert f"{holding.run_id}.db" in files
    assert prune(root, "--prune", "0")["deleted"] == 0
    assert prune(root)["runs"] == 2


def test_dry_run_needs_prune(tmp_path: Path) -> None:
    said = CliRunner().invoke(group, ["history", "--root", str(tmp_path), "--dry-run"])
    assert said.exit_code == 2
    assert "--prune" in said.output
