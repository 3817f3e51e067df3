"""What a country's pages in the web UI hang on: verdicts that stand."""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from segment1b_assets_tests.dagster_support import (
    BAD,
    FIVE,
    TILES,
    cross_itself,
    run_assets,
    small_world,
)


def verdicts(instance: dg.DagsterInstance, asset: str, check: str) -> dict[str, tuple[str, bool]]:
    """Country -> its latest verdict, and whether Dagster counts it as about the latest data."""
    key = dg.AssetCheckKey(dg.AssetKey(asset), check)
    found = instance.event_log_storage.get_asset_check_partition_info([key])
    return {
        info.partition_key: (info.latest_execution_status.value, info.is_current)
        for info in found
        if info.partition_key is not None
    }


def test_verdicts_stand_for_the_latest_materialisation(tmp_path: Path) -> None:
    small_world(tmp_path / "root")
    cross_itself(tmp_path / "root", BAD)
    with dg.DagsterInstance.ephemeral() as instance:
        run_assets(instance, tmp_path / "root", TILES)
        for check in ("valid", "plausible"):
            judged = verdicts(instance, "tile_index", check)
            assert set(judged) == set(FIVE)
            assert all(current for _, current in judged.values())
            assert judged[BAD][0] == "FAILED"
