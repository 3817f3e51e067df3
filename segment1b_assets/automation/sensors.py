"""Sensors: an input changed, a run died. Both are off by default."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime

import dagster as dg

from segment1b_assets.automation.dead_runs import record_dead_run
from segment1b_assets.automation.jobs import everything
from segment1b_assets.automation.stale_partitions import missing_inputs, observe_inputs
from segment1b_assets.automation.stale_request import stale_request
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.resources import Segment1B
from segment1b_assets.storage.input_versions import input_versions

Versions = Mapping[str, str]
#: Digits of a version in the cursor: 64 bits tell versions apart, and a line is short enough.
_SHOWN = 16


@dg.sensor(
    job=everything,
    name="inputs_changed",
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Notices a changed raster, polygon file, ISO list, policy, outlet catalogue or 1A "
    "bundle, and launches one run over what is stale or missing. A change must last for two "
    "ticks, so that a file still being copied launches nothing. The first tick only records: what "
    "is stale at that time is left to the nightly schedule or to you.",
)
def inputs_changed(
    context: dg.SensorEvaluationContext, segment1b: Segment1B
) -> dg.SensorResult | dg.SkipReason:
    try:
        inputs = segment1b.open()
        versions = input_versions(inputs)
        if missing := missing_inputs(versions):
            return dg.SkipReason(f"missing or unreadable: {', '.join(missing)}")
        now = {d: v[:_SHOWN] for d, v in versions.items() if v is not None}
        cursor = json.loads(context.cursor) if context.cursor else {}
        served, seen = cursor.get("served"), cursor.get("changed_to")
        if served is None:
            observe_inputs(context.instance, inputs, versions)
            return _wait("watching from now on", now, now)
        changed = {d: v for d, v in now.items() if served.get(d) != v}
        if not changed:
            return _wait("nothing has changed", now, now)
        if seen != changed:
            return _wait(f"changed: {', '.join(changed)}; waiting for a second tick", now, served)
        observe_inputs(context.instance, inputs, versions)
        request = stale_request(context.instance, inputs, "inputs_changed")
    except Segment1BError as err:
        return dg.SkipReason(str(err))
    # Dagster launches a run key only once; the time of the change makes the key unique.
    key = f"{'+'.join(changed)} {cursor.get('last_tick', '')}"
    return dg.SensorResult(
        run_requests=[request.with_replaced_attrs(run_key=key)],
        cursor=_cursor(now, now),
    )


def _wait(why: str, seen: Versions, served: Versions) -> dg.SensorResult:
    return dg.SensorResult(skip_reason=dg.SkipReason(why), cursor=_cursor(seen, served))


def _cursor(seen: Versions, served: Versions) -> str:
    """What the web UI shows: when, each input as of the last launch, and what differs since."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    changed = {d: v for d, v in seen.items() if served.get(d) != v}
    return json.dumps({"last_tick": now, "changed_to": changed, "served": served}, indent=1)


@dg.run_failure_sensor(
    name="dead_runs",
    default_status=dg.DefaultSensorStatus.STOPPED,
    minimum_interval_seconds=30,
    description="Writes a failure event for a run that died without one: killed, out of "
    "memory, never started. States that fail in other ways write their own.",
)
def dead_runs(context: dg.RunFailureSensorContext, segment1b: Segment1B) -> dg.SkipReason | None:
    try:
        inputs = segment1b.open()
    except Segment1BError as err:
        return dg.SkipReason(str(err))
    written = record_dead_run(
        context.instance, inputs, context.dagster_run, context.failure_event.message or ""
    )
    return None if written else dg.SkipReason("every state of this run recorded its own failure")


sensors = [inputs_changed, dead_runs]
