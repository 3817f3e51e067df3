"""A run started from the command line: assets, IO manager, checks and event log are the UI's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import dagster as dg
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run
from dagster._core.execution.job_execution_result import JobExecutionResult

from segment1b_assets.automation.jobs import STATE_ASSETS
from segment1b_assets.automation.run_coordinator import EVENTS_PER_COUNTRY
from segment1b_assets.automation.run_requests import partition_tags
from segment1b_assets.checks.every_country_done import NAME
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.definitions import definitions
from segment1b_assets.storage.progress import Watcher, progress
from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.storage.run_ledger import RunLedger

#: The job whose assets a command runs, all or some.
JOB = "segment1b"
_CODED = Segment1BError.__name__


@dataclass
class Outcome:
    """How a command's run ended.

    Attributes:
        failures: (state, country) -> the error's text, for countries that are not done.
        messages: what else is to be said, such as a step that Dagster did not start.
    """

    run_id: str
    success: bool
    failures: dict[tuple[str, str], str] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)


def run_states(
    states: Sequence[str],
    countries: Sequence[str],
    resources: Mapping[str, object],
    inputs: RunInputs,
    watcher: Watcher | None = None,
) -> Outcome:
    """Materialise states with their checks, for some countries, in one run of this process.

    Args:
        resources: config of the ``segment1b`` resource.
        inputs: the same root, to read the run's ledger.
        watcher: is told of the progress.
    """
    keys = {dg.AssetKey(a) for s in states for a in STATE_ASSETS[s]}
    progress.watcher = watcher
    try:
        with dg.DagsterInstance.get() as instance:
            job = definitions.resolve_job_def(JOB).get_subset(asset_selection=keys)
            run = instance.create_run_for_job(
                job,
                run_config={
                    "resources": {"segment1b": {"config": dict(resources)}},
                    "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
                },
                tags={**partition_tags(countries), **EVENTS_PER_COUNTRY, "segment1b/by": "command"},
                asset_selection=keys,
            )
            result = execute_run(InMemoryJob(job), run, instance, raise_on_error=False)
            return _outcome(run.run_id, result, states, inputs)
    finally:
        progress.watcher = None


def _outcome(
    run_id: str, result: JobExecutionResult, states: Sequence[str], inputs: RunInputs
) -> Outcome:
    ledger = RunLedger(inputs.root, run_id)
    failures = {
        (state, country): str(error)
        for state in states
        for country, error in ledger.failures(state).items()
    }
    messages = []
    for event in result.all_events:
        if event.is_step_failure and not (event.step_key or "").endswith(NAME):
            error = event.step_failure_data.error
            user = event.step_failure_data.user_failure_data
            # Down to what happened, but no deeper than an error that has a code.
            while error is not None and error.cause is not None and error.cls_name != _CODED:
                error = error.cause
            told = user.description if user else error and error.message.strip()
            messages.append(f"{event.step_key}: {told}")
        elif event.is_step_skipped:
            messages.append(
                f"{event.step_key} was not started: a state before it failed as a whole"
            )
    return Outcome(run_id, result.success, failures, messages)
