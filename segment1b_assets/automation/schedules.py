"""Schedules: the nightly update and the weekly verification; off by default.

The times are those of the machine that the daemon runs on, in UTC.
"""

from __future__ import annotations

import dagster as dg

from segment1b_assets.automation.jobs import everything, verification
from segment1b_assets.automation.stale_partitions import (
    missing_inputs,
    observe_inputs,
)
from segment1b_assets.automation.stale_request import stale_request
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.resources import Segment1B
from segment1b_assets.run_tags import countries_of
from segment1b_assets.storage.input_versions import input_versions
from segment1b_assets.storage.pass_flag import pass_flag
from segment1b_assets.storage.run_inputs import RunInputs

#: Runs of the job that are not over yet.
UNDER_WAY = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


@dg.schedule(
    job=everything,
    name="nightly",
    cron_schedule="30 1 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="Updates everything that is stale or missing, in one run: countries whose inputs, "
    "code or earlier states changed, and countries that are not published at the path of "
    "the current inputs. Launches nothing when nothing is stale or missing.",
)
def nightly(
    context: dg.ScheduleEvaluationContext, segment1b: Segment1B
) -> dg.RunRequest | dg.SkipReason:
    try:
        return catch_up(context.instance, segment1b.open())
    except Segment1BError as err:
        return dg.SkipReason(str(err))


def catch_up(instance: dg.DagsterInstance, inputs: RunInputs) -> dg.RunRequest | dg.SkipReason:
    """One run over what is stale or missing, or why there is none."""
    versions = input_versions(inputs)
    if missing := missing_inputs(versions):
        return dg.SkipReason(f"missing or unreadable: {', '.join(missing)}")
    if busy := run_under_way(instance):
        return dg.SkipReason(f"run {busy} of the job {everything.name} is still under way")
    observe_inputs(instance, inputs, versions)
    request = stale_request(instance, inputs, "nightly")
    if not countries_of(request.tags) and _flag_holds(inputs):
        return dg.SkipReason("nothing is stale or missing, and the flag holds")
    return request


def run_under_way(instance: dg.DagsterInstance) -> str | None:
    """The id of a run of the job that has not ended, or None."""
    wanted = dg.RunsFilter(job_name=everything.name, statuses=UNDER_WAY)
    runs = instance.get_runs(wanted, limit=1)
    return runs[0].run_id if runs else None


def _flag_holds(inputs: RunInputs) -> bool:
    seed, fingerprint = inputs.outlet_run
    try:
        pass_flag(inputs.root.uri, seed, fingerprint)
    except Segment1BError:
        return False
    return True


weekly_verification = dg.ScheduleDefinition(
    name="weekly_verification",
    job=verification,
    cron_schedule="0 4 * * 0",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    tags={"segment1b/by": "weekly_verification"},
    description="Judges every published country by every rule, and the flag. Publishes nothing.",
)

schedules = [nightly, weekly_verification]
