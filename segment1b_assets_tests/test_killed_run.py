"""A run that is killed outright: marked failed, told by the sensor, and nothing half-done left."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from segment1b_assets.contracts.countries import COUNTRY_CODES
from segment1b_assets_tests.live_dagster import REPOSITORY, LiveDagster, live_dagster, wait_for


def switch_on(live: LiveDagster, sensor: str) -> None:
    answer = live.ask(
        """mutation($s: SensorSelector!) { startSensor(sensorSelector: $s) { __typename
        ... on Sensor { sensorState { status } } ... on PythonError { message } } }""",
        s={
            "repositoryLocationName": "segment1b",
            "repositoryName": "__repository__",
            "sensorName": sensor,
        },
    )["startSensor"]
    assert answer["__typename"] == "Sensor", answer
    assert answer["sensorState"]["status"] == "RUNNING"


def pid_of(live: LiveDagster, run_id: str) -> int | None:
    """The process of a run, from the event that Dagster writes when it starts."""
    answer = live.ask(
        """query($r: ID!) { logsForRun(runId: $r) { ... on EventConnection { events {
        ... on MessageEvent { message } } } } }""",
        r=run_id,
    )["logsForRun"]
    for event in answer["events"]:
        if found := re.search(r"Started process for run \(pid: (\d+)\)", event.get("message", "")):
            return int(found[1])
    return None


@pytest.mark.nightly
@pytest.mark.timeout(600)
def test_a_killed_run_is_marked_failed_and_told(tmp_path: Path) -> None:
    root, home = tmp_path / "root", tmp_path / "home"
    for part in ("reference", "config", "layer1/1A"):
        shutil.copytree(REPOSITORY / "data" / part, root / part)
    with live_dagster(home, root) as live:
        switch_on(live, "dead_runs")
        backfill = live.backfill(["tile_index", "tile_bounds"], list(COUNTRY_CODES))

        def begun() -> str | None:
            some = len(list(root.glob("layer1/1B/tile_index/*/country=*"))) > 5
            return next((r["runId"] for r in live.runs()), None) if some else None

        run_id = wait_for("a run that has published some countries", begun)
        os.kill(wait_for("its process", lambda: pid_of(live, run_id)), signal.SIGKILL)

        def failed() -> bool | None:
            of_runs = {r["runId"]: r["status"] for r in live.runs()}
            return True if of_runs.get(run_id) == "FAILURE" else None

        wait_for("the run to be marked failed", failed)

        def told() -> list[dict[str, str]] | None:
            paths = root.glob("reports/layer1/1B/failures/**/*.json")
            return [json.loads(p.read_text()) for p in paths] or None

        (event,) = wait_for("the failure event", told)
        assert event["event"] == "S1_ERROR"
        assert event["run"] == run_id
        # Every country is either done, and then it is published whole, or failed.
        shown = live.partitions("tile_index")
        assert sorted(shown["materialised"] + shown["failed"]) == list(COUNTRY_CODES)
        assert shown["failed"]
        for country in shown["materialised"]:
            (part,) = root.glob(f"layer1/1B/tile_index/*/country={country}/*.parquet")
            assert pq.read_metadata(part).num_columns == 8
        assert live.ended(backfill)["status"] == "COMPLETED_FAILED"
