"""Failure events of runs that could not write their own."""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.states import STATE_OF
from segment1b_assets.storage.reports import write_failure
from segment1b_assets.storage.run_inputs import RunInputs


def record_dead_run(
    instance: dg.DagsterInstance, inputs: RunInputs, run: dg.DagsterRun, message: str
) -> list[Path]:
    """Write one failure event for each state of a failed run that has recorded none.

    A state has recorded its failure if its step failed with the `dagster.Failure` that it raises
    itself. The others are steps that began and never ended, steps that failed in another way, and,
    where no step began, the first state of the run.

    Returns:
        The events written; none where every state recorded its own.
    """
    began: dict[str, None] = {}
    ended: dict[str, str | None] = {}
    for record in instance.all_logs(run.run_id):
        event = record.dagster_event
        if event is None or event.step_key is None:
            continue
        if event.is_step_start:
            began[event.step_key] = None
        elif event.is_step_success or event.is_step_skipped:
            ended[event.step_key] = None
        elif event.is_step_failure:
            data = event.step_failure_data
            recorded = data.user_failure_data is not None
            cause = data.error
            while cause is not None and cause.cause is not None:
                cause = cause.cause
            ended[event.step_key] = None if recorded else (cause.message if cause else "it failed")
    left = {step: f"it began and never ended ({message})" for step in began if step not in ended}
    left |= {step: reason for step, reason in ended.items() if reason is not None}
    if not began:
        left = {"": f"no step of the run began ({message})"}
    return [
        write_failure(inputs, state, _error(run, reason), run.run_id)
        for state, reason in sorted({_state(step, run): r for step, r in left.items()}.items())
    ]


def _state(step: str, run: dg.DagsterRun) -> str:
    """The state of a step: the step's name holds the asset's, for a check, too."""
    found = [state for asset, state in STATE_OF.items() if asset in step]
    if found:
        return found[0]
    chosen = {k.path[-1] for k in run.asset_selection or ()}
    return next((s for a, s in STATE_OF.items() if not chosen or a in chosen), "S0")


def _error(run: dg.DagsterRun, reason: str) -> Segment1BError:
    tags = run.tags
    first = tags.get("dagster/partition") or tags.get("dagster/asset_partition_range_start")
    last = tags.get("dagster/partition") or tags.get("dagster/asset_partition_range_end")
    reason = " ".join(reason.split())[:400]
    return Segment1BError(
        "E_UNEXPECTED",
        f"the run over {first or 'no country'} to {last or 'none'} died: {reason}",
        value=run.run_id,
        next_step="read the run's log; published partitions are complete and stay, so run it again "
        "(with fewer workers if it ran out of memory)",
    )
