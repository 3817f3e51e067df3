"""A real webserver and daemon on loopback, in a home of their own, over a world of their own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segment1b_assets_tests.child_processes import end, free_port, start
from segment1b_assets_tests.waiting import PATIENCE, wait_for

#: The daemon's own program with a shorter pause between looks at its backfills (Dagster's is 30 s,
#: and cannot be configured). Nothing else of it is touched.
_BRISK_DAEMON = """
from dagster._daemon import controller
controller.DEFAULT_DAEMON_INTERVAL_SECONDS = 2
from dagster._daemon.cli import main
main()
"""
REPOSITORY = Path(__file__).resolve().parents[1]
ASSET_GRAPH = {"repositoryLocationName": "segment1b", "repositoryName": "__repository__"}


@dataclass
class LiveDagster:
    """A running webserver and daemon."""

    home: Path
    url: str

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """One GraphQL request; fails on errors of the query itself."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(
            f"{self.url}/graphql", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as response:
            document = json.loads(response.read())
        assert "errors" not in document, document["errors"]
        data: dict[str, Any] = document["data"]
        return data

    def runs(self) -> list[dict[str, Any]]:
        """Every run, the newest first; its tags as a dict."""
        found: list[dict[str, Any]] = self.ask(
            "{ runsOrError { ... on Runs { results { runId jobName status parentRunId "
            "creationTime startTime endTime tags { key value } } } } }"
        )["runsOrError"]["results"]
        for run in found:
            run["tags"] = {t["key"]: t["value"] for t in run["tags"]}
        return found

    def backfill(self, assets: list[str], countries: list[str]) -> str:
        """Launch a backfill as the web UI does; returns its id."""
        answer = self.ask(
            """mutation($p: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $p) {
            __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message }
            } }""",
            p={"assetSelection": [{"path": [a]} for a in assets], "partitionNames": countries},
        )["launchPartitionBackfill"]
        assert answer["__typename"] == "LaunchBackfillSuccess", answer
        return str(answer["backfillId"])

    def job_backfill(self, job: str, countries: list[str]) -> str:
        """Launch a backfill from a job's page; returns its id."""
        selector = {"partitionSetName": f"{job}_partition_set", "repositorySelector": ASSET_GRAPH}
        answer = self.ask(
            """mutation($p: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $p) {
            __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message }
            } }""",
            p={"selector": selector, "partitionNames": countries},
        )["launchPartitionBackfill"]
        assert answer["__typename"] == "LaunchBackfillSuccess", answer
        return str(answer["backfillId"])

    def reexecute_failed(self, backfill: str) -> str:
        """Launch the failed partitions of a backfill again, as its page does; returns the id."""
        answer = self.ask(
            """mutation($p: ReexecutionParams!) {
            reexecutePartitionBackfill(reexecutionParams: $p) { __typename
            ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }""",
            p={"parentRunId": backfill, "strategy": "FROM_FAILURE"},
        )["reexecutePartitionBackfill"]
        assert answer["__typename"] == "LaunchBackfillSuccess", answer
        return str(answer["backfillId"])

    def ended(self, backfill: str, patience: float = 1200) -> dict[str, Any]:
        """Wait for a backfill's end; its status, its runs and the partitions by status."""
        query = """query($id: String!) { partitionBackfillOrError(backfillId: $id) {
            ... on PartitionBackfill { status error { message }
              runs { id status tags { key value } }
              assetBackfillData { assetBackfillStatuses {
                ... on AssetPartitionsStatusCounts { assetKey { path }
                  numPartitionsMaterialized numPartitionsFailed } } } }
            ... on PythonError { message } } }"""

        def probe() -> dict[str, Any] | None:
            found: dict[str, Any] = self.ask(query, id=backfill)["partitionBackfillOrError"]
            over = ("COMPLETED", "COMPLETED_SUCCESS", "COMPLETED_FAILED", "FAILED", "CANCELED")
            return found if found.get("status") in over else None

        return wait_for(f"the end of backfill {backfill}", probe, patience)

    def partitions(self, asset: str) -> dict[str, list[str]]:
        """ "materialised" and "failed" -> countries, as the asset's page shows them."""
        answer = self.ask(
            """query($k: AssetKeyInput!) { assetNodeOrError(assetKey: $k) { ... on AssetNode {
            assetPartitionStatuses { ... on DefaultPartitionStatuses {
            materializedPartitions failedPartitions } } } } }""",
            k={"path": [asset]},
        )["assetNodeOrError"]["assetPartitionStatuses"]
        return {
            "materialised": sorted(answer["materializedPartitions"]),
            "failed": sorted(answer["failedPartitions"]),
        }

    def checks(self, asset: str, check: str) -> dict[str | None, str]:
        """Country -> status of the check's newest execution, as the check's page shows it."""
        answer = self.ask(
            """query($k: AssetKeyInput!, $c: String!) { assetCheckExecutions(
            assetKey: $k, checkName: $c, limit: 100) { status partition } }""",
            k={"path": [asset]},
            c=check,
        )["assetCheckExecutions"]
        newest: dict[str | None, str] = {}
        for execution in answer:
            newest.setdefault(execution["partition"], execution["status"])
        return newest


@contextlib.contextmanager
def live_dagster(
    home: Path,
    root: Path,
    environment: Mapping[str, str] | None = None,
    config: Path = REPOSITORY / "dagster.yaml",
    brisk: bool = True,
) -> Iterator[LiveDagster]:
    """Start both on the repository's workspace; ends only the processes that it started.

    Args:
        environment: variables beside DAGSTER_HOME and SEGMENT1B_ROOT.
        brisk: the daemon looks at its backfills every 2 seconds, not every 30.
    """
    home.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(config, home / "dagster.yaml")
    shutil.copyfile(REPOSITORY / "workspace.yaml", home / "workspace.yaml")
    env = {
        **os.environ,
        "DAGSTER_HOME": str(home),
        "SEGMENT1B_ROOT": str(root),
        "PYTHONPATH": str(REPOSITORY),
        **(environment or {}),
    }
    bin_folder = Path(sys.executable).parent
    # A fresh home: one process makes the tables before two look for them.
    subprocess.run(
        [bin_folder / "dagster", "instance", "info"],
        env=env, cwd=home, check=True, capture_output=True, timeout=PATIENCE,
    )  # fmt: skip
    port = free_port()
    commands = {
        "webserver": ["dagster-webserver", "-h", "127.0.0.1", "-p", str(port)],
        "daemon": ["python", "-c", _BRISK_DAEMON, "run"] if brisk else ["dagster-daemon", "run"],
    }
    processes = []
    try:
        for name, command in commands.items():
            words = [bin_folder / command[0], *command[1:], "-w", home / "workspace.yaml"]
            processes.append(start(*words, log=home / f"{name}.log", env=env, cwd=home))
        live = LiveDagster(home, f"http://127.0.0.1:{port}")
        wait_for("the webserver and the daemon", lambda: _is_up(live))
        yield live
    finally:
        end(*processes)


def _is_up(live: LiveDagster) -> bool | None:
    try:
        answer = live.ask(
            "{ version workspaceOrError { ... on Workspace { locationEntries { name loadStatus "
            "locationOrLoadError { __typename ... on PythonError { message } } } } } "
            "instance { daemonHealth { allDaemonStatuses { daemonType healthy required } } } }"
        )
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return None
    (location,) = answer["workspaceOrError"]["locationEntries"]
    error = location["locationOrLoadError"]
    assert not (error and error["__typename"] == "PythonError"), error
    statuses = answer["instance"]["daemonHealth"]["allDaemonStatuses"]
    healthy = all(s["healthy"] for s in statuses if s["required"])
    return True if location["loadStatus"] == "LOADED" and healthy else None
