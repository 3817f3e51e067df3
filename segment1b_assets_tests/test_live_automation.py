"""A schedule and a sensor ticked by a live daemon: switched on as the web UI does, nothing faked.

A cron that is due once a night cannot be waited for. So `nightly` is switched on, the deployment is
down overnight (as its state says), and the daemon makes up for the tick that it missed.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.scheduler.instigation import ScheduleInstigatorData

from segment1b_assets.automation.jobs import ALL_ASSETS
from segment1b_assets.resources import Segment1B
from segment1b_assets.storage.pass_flag import pass_flag
from segment1b_assets_tests.dagster_support import BAD, BY_COUNTRY, FIVE, keep_listed, small_world
from segment1b_assets_tests.live_dagster import (
    ASSET_GRAPH,
    LiveDagster,
    live_dagster,
    wait_for,
)
from segment1b_assets_tests.test_staleness import halve

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(1800)]
A_DAY = 86_400.0
PATIENCE = 600.0
TICKS = "ticks(limit: 100) { status skipReason runIds timestamp error { message } }"


def switch_on(live: LiveDagster, kind: str, name: str) -> None:
    """The toggle on the Automation page; `kind` is "schedule" or "sensor"."""
    answer = live.ask(
        f"""mutation($s: {kind.title()}Selector!) {{ start{kind.title()}({kind}Selector: $s) {{
        __typename ... on PythonError {{ message }} }} }}""",
        s={**ASSET_GRAPH, f"{kind}Name": name},
    )[f"start{kind.title()}"]
    assert answer["__typename"] != "PythonError", answer


def ticks(live: LiveDagster, kind: str, name: str) -> list[dict[str, Any]]:
    """All ticks, the first one first."""
    found = live.ask(
        f"""query($s: {kind.title()}Selector!) {{ {kind}OrError({kind}Selector: $s) {{
        ... on {kind.title()} {{ {kind}State {{ {TICKS} }} }} }} }}""",
        s={**ASSET_GRAPH, f"{kind}Name": name},
    )[f"{kind}OrError"][f"{kind}State"]["ticks"]
    return sorted(found, key=lambda t: float(t["timestamp"]))


def looked(live: LiveDagster, sensor: str) -> list[dict[str, Any]]:
    """The ticks of a sensor that are over and launched nothing."""
    return [t for t in ticks(live, "sensor", sensor) if t["status"] == "SKIPPED"]


def launched(live: LiveDagster, kind: str, name: str) -> dict[str, Any]:
    """The tick that launched a run, once there is one; fails at once where a tick failed."""

    def probe() -> dict[str, Any] | None:
        seen = ticks(live, kind, name)
        assert not [t for t in seen if t["status"] == "FAILURE"], seen
        return next((t for t in seen if t["status"] == "SUCCESS" and t["runIds"]), None)

    return wait_for(f"a tick of {name} that launches", probe, PATIENCE)


def run_of(live: LiveDagster, tick: dict[str, Any]) -> dict[str, Any]:
    """The one run that a tick launched, when it has ended."""
    (run,) = tick["runIds"]

    def probe() -> dict[str, Any] | None:
        found: dict[str, Any] = live.ask(
            """query($r: ID!) { runOrError(runId: $r) { ... on Run {
            status jobName tags { key value } assetSelection { path } startTime endTime } } }""",
            r=run,
        )["runOrError"]
        return found if found["status"] in ("SUCCESS", "FAILURE", "CANCELED") else None

    found = wait_for(f"the end of run {run}", probe, PATIENCE)
    found["tags"] = {t["key"]: t["value"] for t in found["tags"]}
    found["assets"] = {a["path"][-1] for a in found["assetSelection"]}
    return found


def as_of_yesterday(home: Path, schedule: str) -> None:
    """Have a schedule that is on been switched on a day ago, and not looked at since."""
    with dg.DagsterInstance.from_config(str(home)) as instance:
        (state,) = [s for s in instance.all_instigator_state() if s.name == schedule]
        data = state.instigator_data
        assert isinstance(data, ScheduleInstigatorData)
        # Daemons note now and then how far they have looked; that is a day ago, too.
        earlier = ScheduleInstigatorData(data.cron_schedule, time.time() - A_DAY)
        instance.update_instigator_state(state.with_data(earlier))


def show(what: str, told: list[dict[str, Any]], run: dict[str, Any]) -> None:
    print(f"\n{what}")
    for tick in told:
        at = time.strftime("%H:%M:%S", time.gmtime(float(tick["timestamp"])))
        print(f"  tick {at} UTC {tick['status']}: {tick['skipReason'] or tick['runIds']}")
    span = [run["tags"].get(f"dagster/asset_partition_range_{end}") for end in ("start", "end")]
    print(
        f"  launched job {run['jobName']}, {len(run['assets'])} assets, countries {span}: "
        f"{run['status']} in {run['endTime'] - run['startTime']:.1f} s"
    )


def test_nightly_and_inputs_changed_work_by_themselves(tmp_path: Path) -> None:
    root, home = tmp_path / "root", tmp_path / "home"
    small_world(root)
    keep_listed(root)
    with live_dagster(home, root) as live:
        switch_on(live, "schedule", "nightly")
    as_of_yesterday(home, "nightly")
    with live_dagster(home, root) as live:
        tick = launched(live, "schedule", "nightly")
        run = run_of(live, tick)
        show("nightly", ticks(live, "schedule", "nightly"), run)
        assert time.strftime("%H:%M", time.gmtime(float(tick["timestamp"]))) == "01:30"
        assert run["status"] == "SUCCESS"
        assert run["tags"]["dagster/schedule_name"] == "nightly"
        assert run["assets"] == set(ALL_ASSETS)
        for asset in BY_COUNTRY:
            assert live.partitions(asset) == {"materialised": FIVE, "failed": []}, asset
        before = pass_flag(root).flag_sha256_hex

        switch_on(live, "sensor", "inputs_changed")
        wait_for("its first look", lambda: looked(live, "inputs_changed") or None)
        halve(root, BAD)
        change = launched(live, "sensor", "inputs_changed")
        run = run_of(live, change)
        seen = ticks(live, "sensor", "inputs_changed")
        show("inputs_changed", seen, run)
        told = [t["skipReason"] for t in looked(live, "inputs_changed")]
        assert told[0] == "watching from now on"
        assert any("world_countries" in t and "waiting for a second tick" in t for t in told)
        assert run["status"] == "SUCCESS"
        assert run["tags"]["dagster/sensor_name"] == "inputs_changed"
        assert run["assets"] == set(ALL_ASSETS)
    inputs = Segment1B(root=str(root)).open()
    for country in FIVE:
        assert inputs.files("tile_index", country), country
    assert pass_flag(root).flag_sha256_hex != before
