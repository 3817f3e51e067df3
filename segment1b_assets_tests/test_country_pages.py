"""What a country's pages in the web UI hang on: standing verdicts, and the map as metadata."""

from __future__ import annotations

import base64
from pathlib import Path

import dagster as dg
import pytest

from segment1b_assets.assets import asset_factory
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


def maps(instance: dg.DagsterInstance, asset: str) -> dict[str, str]:
    """Country -> the markdown of its latest materialisation's map."""
    records = instance.fetch_materializations(dg.AssetKey(asset), limit=50).records
    found: dict[str, str] = {}
    for record in records:
        shown = record.asset_materialization
        if shown is not None and shown.partition is not None and "map" in shown.metadata:
            found.setdefault(shown.partition, str(shown.metadata["map"].value))
    return found


def test_verdicts_stand_for_the_latest_materialisation_and_maps_are_drawn(tmp_path: Path) -> None:
    small_world(tmp_path / "root")
    cross_itself(tmp_path / "root", BAD)
    with dg.DagsterInstance.ephemeral() as instance:
        run_assets(instance, tmp_path / "root", TILES)
        judged = verdicts(instance, "tile_index", "all_rules")
        assert judged == {c: ("FAILED" if c == BAD else "SUCCEEDED", True) for c in FIVE}
        drawn = maps(instance, "tile_index")
        assert sorted(drawn) == sorted(set(FIVE) - {BAD})
        for text in drawn.values():
            picture = base64.b64decode(text.split("base64,")[1].rstrip(")"))
            assert picture.startswith(b"\x89PNG")


def test_a_run_over_many_countries_draws_no_maps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_world(tmp_path / "root")
    monkeypatch.setattr(asset_factory, "RULES_IN_FULL", len(FIVE) - 1)
    with dg.DagsterInstance.ephemeral() as instance:
        assert run_assets(instance, tmp_path / "root", TILES).success
        assert maps(instance, "tile_index") == {}
