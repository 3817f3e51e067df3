"""What operating costs: a direct run of one country, and backfills of all in one run or in tens.

    python -m benchmarks.backfills            # everything, some minutes
    python -m benchmarks.backfills all 25     # chosen sizes of a backfill's runs only

Works on a temporary copy of the embedded world's inputs, with a temporary DAGSTER_HOME, through a
real webserver and daemon on loopback.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from segment1b_assets.contracts.countries import COUNTRY_CODES
from segment1b_assets.partitions import BACKFILL_VARIABLE
from segment1b_assets_tests.live_dagster import REPOSITORY, LiveDagster, live_dagster, wait_for

STATES = [
    "tile_index", "tile_bounds", "tile_weights", "s3_requirements", "s4_alloc_plan",
    "s5_site_tile_assignment", "s6_site_jitter", "s7_site_synthesis", "site_locations",
]  # fmt: skip
GATE = ["s0_gate_receipt_1B"]
ONE = "LU"


def world(folder: Path) -> Path:
    """A root with the embedded world's inputs and nothing published."""
    for part in ("reference", "config", "layer1/1A"):
        shutil.copytree(REPOSITORY / "data" / part, folder / part)
    return folder


def launch(live: LiveDagster, assets: list[str], tags: dict[str, str]) -> str:
    """One run, as a click on Materialize launches it; returns its id."""
    answer = live.ask(
        """mutation($p: ExecutionParams!) { launchPipelineExecution(executionParams: $p) {
        __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }""",
        p={
            "selector": {
                "repositoryLocationName": "segment1b",
                "repositoryName": "__repository__",
                "pipelineName": "segment1b",
                "assetSelection": [{"path": [a]} for a in assets],
            },
            "executionMetadata": {"tags": [{"key": k, "value": v} for k, v in tags.items()]},
        },
    )["launchPipelineExecution"]
    assert answer["__typename"] == "LaunchRunSuccess", answer
    return str(answer["run"]["runId"])


def ended(live: LiveDagster, run: str) -> float:
    """Wait for a run to succeed; the seconds from its start to its end."""

    def probe() -> float | None:
        found = live.ask(
            "query($r: ID!) { runOrError(runId: $r) { ... on Run { status startTime endTime } } }",
            r=run,
        )["runOrError"]
        assert found["status"] not in ("FAILURE", "CANCELED"), found
        if found["status"] != "SUCCESS":
            return None
        return float(found["endTime"]) - float(found["startTime"])

    return wait_for(f"run {run}", probe, 1200)


def timed_run(live: LiveDagster, what: str, assets: list[str], tags: dict[str, str]) -> None:
    began = time.perf_counter()
    inside = ended(live, launch(live, assets, tags))
    wall = time.perf_counter() - began
    print(f"{what}: {wall:.1f} s from click to done, {inside:.1f} s of them in the run", flush=True)


def timed_backfill(size: str) -> None:
    """All countries by S1 to S8, `size` countries a run."""
    with tempfile.TemporaryDirectory(prefix="segment1b_backfills_") as folder:
        root, home = world(Path(folder) / "root"), Path(folder) / "home"
        with live_dagster(home, root, {BACKFILL_VARIABLE: size}, brisk=False) as live:
            timed_run(live, "S0", GATE, {})
            if size == "all":
                timed_run(live, f"{ONE}, S1 to S8", STATES, {"dagster/partition": ONE})
                timed_run(live, f"{ONE} again, nothing new", STATES, {"dagster/partition": ONE})
            began = time.perf_counter()
            outcome = live.ended(live.backfill(STATES, list(COUNTRY_CODES)))
            wall = time.perf_counter() - began
            runs = [ended(live, r["id"]) for r in outcome["runs"]]
            done = {a: len(live.partitions(a)["materialised"]) for a in STATES}
    print(
        f"backfill, {size} a run: {outcome['status']}, {wall:.1f} s, {len(runs)} runs, "
        f"{sum(runs):.1f} s in runs, {wall / len(COUNTRY_CODES):.3f} s a country, "
        f"countries done {sorted(set(done.values()))}",
        flush=True,
    )


def main() -> None:
    print(f"cores {len(os.sched_getaffinity(0))}, load {os.getloadavg()}", flush=True)
    for size in sys.argv[1:] or ("all", "63", "25"):
        timed_backfill(size)


if __name__ == "__main__":
    main()
