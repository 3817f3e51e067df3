"""Backfills through a real webserver and daemon: few runs, and the truth about every country."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from segment1b_assets.assets.every_state import state_assets
from segment1b_assets.partitions import BACKFILL_VARIABLE, backfill_policy
from segment1b_assets_tests.dagster_support import BAD, FIVE, cross_itself, set_shape, small_world
from segment1b_assets_tests.live_dagster import LiveDagster, live_dagster

GOOD = [c for c in FIVE if c != BAD]
ASSETS = ["tile_index", "tile_bounds", "tile_weights"]
DEFERRED = {"key": "dagster/defer_asset_events", "value": "true"}


def targets(live: LiveDagster, backfill: str) -> dict[str, list[str]]:
    answer = live.ask(
        """query($id: String!) { partitionBackfillOrError(backfillId: $id) {
        ... on PartitionBackfill { assetBackfillData { assetBackfillStatuses {
        ... on AssetPartitionsStatusCounts { assetKey { path } numPartitionsTargeted } }
        rootTargetedPartitions { partitionKeys } } } } }""",
        id=backfill,
    )["partitionBackfillOrError"]["assetBackfillData"]
    return {
        "roots": answer["rootTargetedPartitions"]["partitionKeys"],
        "counts": [s["numPartitionsTargeted"] for s in answer["assetBackfillStatuses"]],
    }


@pytest.mark.nightly
@pytest.mark.timeout(600)
def test_one_bad_country_among_five_and_only_it_again(tmp_path: Path) -> None:
    root = tmp_path / "root"
    small_world(root)
    good_shape = cross_itself(root, BAD)
    with live_dagster(tmp_path / "home", root) as live:
        first = live.backfill(ASSETS, FIVE)
        outcome = live.ended(first)

        assert outcome["status"] == "COMPLETED_FAILED"
        (run,) = outcome["runs"]
        assert run["status"] == "FAILURE"
        assert DEFERRED in run["tags"]
        for asset in ASSETS:
            assert live.partitions(asset) == {"materialised": GOOD, "failed": [BAD]}, asset
            verdicts = live.checks(asset, "valid")
            assert verdicts == {**dict.fromkeys(GOOD, "SUCCEEDED"), BAD: "FAILED"}, asset
        assert live.checks("tile_index", "valid")[BAD] == "FAILED"
        told = outcome["assetBackfillData"]["assetBackfillStatuses"]
        assert {s["numPartitionsMaterialized"] for s in told} == {len(GOOD)}
        assert {s["numPartitionsFailed"] for s in told} == {1}

        set_shape(root, BAD, good_shape)
        second = live.reexecute_failed(first)
        again = live.ended(second)

        assert again["status"] == "COMPLETED_SUCCESS"
        (rerun,) = again["runs"]
        assert rerun["status"] == "SUCCESS"
        assert {"key": "dagster/partition", "value": BAD} in rerun["tags"] or {
            "key": "dagster/asset_partition_range_start", "value": BAD
        } in rerun["tags"]  # fmt: skip
        assert targets(live, second) == {"roots": [BAD], "counts": [1, 1, 1]}
        for asset in ASSETS:
            assert live.partitions(asset) == {"materialised": FIVE, "failed": []}, asset
            assert live.checks(asset, "valid") == dict.fromkeys(FIVE, "SUCCEEDED"), asset


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_a_job_s_backfill_again_from_failure_dies_in_dagster_as_the_docs_say(
    tmp_path: Path,
) -> None:
    """Where Dagster has mended this, take the warning out of the docs and the job's description."""
    root = tmp_path / "root"
    small_world(root)
    cross_itself(root, BAD)
    with live_dagster(tmp_path / "home", root) as live:
        first = live.job_backfill("countries", FIVE)
        outcome = live.ended(first)
        assert outcome["status"] == "COMPLETED_FAILED"
        assert live.partitions("tile_index") == {"materialised": GOOD, "failed": [BAD]}

        died = live.ended(live.reexecute_failed(first))
        assert (died["status"], died["runs"]) == ("FAILED", [])
        assert "PartitionKeyRange" in died["error"]["message"]
        # It changed nothing.
        assert live.partitions("tile_index") == {"materialised": GOOD, "failed": [BAD]}


def test_the_size_of_a_run_is_the_environments() -> None:
    assert BACKFILL_VARIABLE not in os.environ
    assert {a.backfill_policy for a in state_assets} == {dg.BackfillPolicy.single_run()}
    told = (
        "from segment1b_assets.assets.every_state import state_assets as found; "
        "print({a.backfill_policy.max_partitions_per_run for a in found})"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", told],
        env={**os.environ, BACKFILL_VARIABLE: "25"},
        capture_output=True, text=True, check=True, timeout=240,
    )  # fmt: skip
    assert done.stdout.strip() == "{25}"


def test_backfill_sizes() -> None:
    single = dg.BackfillPolicy.single_run()
    assert backfill_policy("") == backfill_policy("all") == backfill_policy(" ALL ") == single
    assert backfill_policy("25") == dg.BackfillPolicy.multi_run(25)
    for wrong in ("0", "-1", "2.5", "many", "٢"):
        with pytest.raises(ValueError, match="SEGMENT1B_BACKFILL_COUNTRIES"):
            backfill_policy(wrong)
