"""The web UI's cancel without the web: its GraphQL, the run launcher and a code server are real."""

import json
import os
import time
from pathlib import Path
from typing import Any

import dagster as dg

from segment1b_assets.contracts.states import STATES
from segment1b_assets.run_tags import EVENTS_PER_COUNTRY, partition_tags
from segment1b_assets_tests.faults import paused_definitions
from segment1b_assets_tests.faults.nursery import PATIENCE
from segment1b_assets_tests.faults.runs import published

LAUNCH = """mutation($p: ExecutionParams!) { launchRun(executionParams: $p) { __typename
  ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
TERMINATE = """mutation($r: String!) { terminateRun(runId: $r) { __typename
  ... on TerminateRunFailure { message } ... on PythonError { message } } }"""


def cancel_after(root: str, files: int, countries: list[str], told: str) -> int:
    """Launch S1 to S8 and cancel the run once it has published so many files.

    Writes [answer to the cancel, the run's status at its end] to `told`.
    """
    from dagster._core.workspace.context import WorkspaceProcessContext
    from dagster._core.workspace.load_target import ModuleTarget
    from dagster_graphql.cli import execute_query

    before = len(published(Path(root)))
    os.environ[paused_definitions.FILES] = str(files)
    target = ModuleTarget(paused_definitions.__name__, "definitions", None, "segment1b")
    with (
        dg.DagsterInstance.get() as instance,
        WorkspaceProcessContext(instance, target) as workspace,
    ):

        def ask(query: str, **variables: Any) -> dict[str, Any]:
            answer = execute_query(workspace, query, variables)
            assert "errors" not in answer, answer
            (found,) = answer["data"].values()
            return dict(found)

        tags = {**partition_tags(countries), **EVENTS_PER_COUNTRY}
        launched = ask(
            LAUNCH,
            p={
                "selector": {
                    "repositoryLocationName": "segment1b",
                    "repositoryName": "__repository__",
                    "jobName": "everything",
                    "assetSelection": [
                        {"path": [a]} for n in range(1, 9) for a in STATES[f"S{n}"].datasets
                    ],
                },
                "runConfigData": {"resources": {"segment1b": {"config": {"root": root}}}},
                "executionMetadata": {"tags": [{"key": k, "value": v} for k, v in tags.items()]},
            },
        )
        run_id = launched["run"]["runId"]
        _wait(lambda: len(published(Path(root))) >= before + files)
        answer = ask(TERMINATE, r=run_id)
        run = _wait(
            lambda: (found := instance.get_run_by_id(run_id)) and found.is_finished and found
        )
        Path(told).write_text(json.dumps([answer["__typename"], run.status.value]), "utf-8")
    return 0


def _wait(probe: Any) -> Any:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if answer := probe():
            return answer
        time.sleep(0.01)
    raise AssertionError("waited in vain")
