"""A run started from the command line: assets, IO manager, checks and event log are the UI's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import dagster as dg

from segment1b_assets.automation.signal_handlers import preserved_signal_handlers
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.states import STATES
from segment1b_assets.dagster_internals import execute_in_location
from segment1b_assets.definitions import definitions
from segment1b_assets.run_tags import (
    BY_TAG,
    EVENTS_PER_COUNTRY,
    RETRY_FROM_START,
    ROOT_TAG,
    partition_tags,
)
from segment1b_assets.storage.open_root import root_uri
from segment1b_assets.storage.progress import Watcher, progress
from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.storage.run_ledger import RunLedger

#: The job whose assets a command runs, all or some.
JOB = "everything"
#: The code location of ``workspace.yaml``, and Dagster's name for the repository of `Definitions`.
LOCATION = ("segment1b", "__repository__")
_CODED = Segment1BError.__name__


@dataclass
class Outcome:
    """How a command's run ended.

    Attributes:
        failures: (state, country) -> the error's text, for countries that are not done.
        messages: failures of a step as a whole, and steps that Dagster did not start.
        errors: the same failures as errors.
    """

    run_id: str
    success: bool
    failures: dict[tuple[str, str], str] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)
    errors: dict[tuple[str, str], Segment1BError] = field(default_factory=dict)


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
        watcher: gets the progress.
    """
    keys = [dg.AssetKey(dataset) for s in states for dataset in STATES[s].datasets]
    progress.watcher = watcher
    try:
        with preserved_signal_handlers(), dg.DagsterInstance.get() as instance:
            result = execute_in_location(
                definitions.resolve_job_def(JOB),
                instance,
                LOCATION,
                run_config={
                    "resources": {"segment1b": {"config": dict(resources)}},
                    "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
                },
                tags={
                    **partition_tags(countries),
                    **EVENTS_PER_COUNTRY,
                    **RETRY_FROM_START,
                    BY_TAG: "command",
                    ROOT_TAG: root_uri(inputs.root.uri),
                },
                assets=keys,
            )
            return _outcome(result, states, inputs)
    finally:
        progress.watcher = None


def _outcome(result: dg.JobExecutionResult, states: Sequence[str], inputs: RunInputs) -> Outcome:
    ledger = RunLedger(inputs.root, result.run_id)
    errors = {
        (state, country): error
        for state in states
        for country, error in ledger.failures(state).items()
    }
    messages = []
    a_step_failed = any(event.is_step_failure for event in result.all_events)
    for event in result.all_events:
        if event.is_step_failure and not (event.step_key or "").endswith("_checks"):
            messages.append(f"{event.step_key}: {_reason(event)}")
        elif event.is_step_skipped and not (event.step_key or "").endswith("_checks"):
            messages.append(
                f"{event.step_key} was not started: a state before it failed as a whole"
            )
        elif event.is_job_failure and not a_step_failed and event.job_failure_data.error:
            # Outside of any step: the history or a setting of the instance.
            messages.append(f"the run: {event.job_failure_data.error.message.strip()}")
    failures = {key: str(error) for key, error in errors.items()}
    return Outcome(result.run_id, result.success, failures, messages, errors)


def _reason(event: dg.DagsterEvent) -> str:
    data = event.step_failure_data
    if data.user_failure_data:
        return str(data.user_failure_data.description)
    error = data.error
    # Down to the cause, but no deeper than an error that has a code.
    while error is not None and error.cause is not None and error.cls_name != _CODED:
        error = error.cause
    return error.message.strip() if error else "it failed"
