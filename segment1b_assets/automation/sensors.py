"""What runs when something happens: an input changes, a run dies. All start switched off."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

import dagster as dg

from segment1b_assets.automation.dead_runs import record_dead_run
from segment1b_assets.automation.jobs import everything
from segment1b_assets.automation.run_requests import run_request
from segment1b_assets.automation.stale_partitions import missing_inputs, observe_inputs
from segment1b_assets.contracts.countries import COUNTRY_CODES
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.states import STATES
from segment1b_assets.resources import Segment1B
from segment1b_assets.storage.input_versions import RUN_IDENTITY, SEGMENT_1A, input_versions

Versions = Mapping[str, str | None]


@dg.sensor(
    job=everything,
    name="inputs_changed",
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Notices a changed raster, polygon file, ISO list, policy, outlet catalogue or 1A "
    "bundle, and launches what depends on it, for all countries in one run. A change must stand "
    "for two ticks, so that a file still being copied launches nothing. The first tick only "
    "looks: what is behind at that time is the nightly schedule's, or yours, to launch.",
)
def inputs_changed(
    context: dg.SensorEvaluationContext, segment1b: Segment1B
) -> dg.SensorResult | dg.SkipReason:
    try:
        inputs = segment1b.open()
        versions = input_versions(inputs)
        countries = [c for c in COUNTRY_CODES if c in inputs.iso_names]
    except Segment1BError as err:
        return dg.SkipReason(str(err))
    if missing := missing_inputs(versions):
        return dg.SkipReason(f"not there, or not to be had: {', '.join(missing)}")
    cursor: dict[str, Versions] = json.loads(context.cursor) if context.cursor else {}
    seen, served = cursor.get("seen"), cursor.get("served")
    if served is None:
        observe_inputs(context.instance, inputs, versions)
        return _wait("watching from now on", versions, versions)
    changed = [d for d, v in versions.items() if served.get(d) != v]
    if not changed:
        return _wait("nothing has changed", versions, versions)
    if seen != versions:
        return _wait(f"changed: {', '.join(changed)}; waiting until it stands", versions, served)
    observe_inputs(context.instance, inputs, versions)
    # A run key is launched once for ever; going back to old inputs must launch again.
    key = f"inputs-{_fingerprint(versions)}-after-{_fingerprint(served)}"
    return dg.SensorResult(
        run_requests=[run_request(dependent_assets(changed), countries, "inputs_changed", key)],
        cursor=json.dumps({"seen": versions, "served": versions}),
    )


def dependent_assets(changed: list[str]) -> list[str]:
    """The assets that inputs decide, in the states' order, S0 first.

    Every reference and policy is in the parameter_hash, which is in the address of everything
    from S1 on; what 1A hands over is first read in S3.
    """
    only_1a = set(changed) <= {*SEGMENT_1A, RUN_IDENTITY}
    left_out = ("S1", "S2") if only_1a else ()
    return [a for s in STATES.values() if s.id not in left_out for a in s.datasets]


def _wait(why: str, seen: Versions, served: Versions) -> dg.SensorResult:
    return dg.SensorResult(
        skip_reason=dg.SkipReason(why), cursor=json.dumps({"seen": seen, "served": served})
    )


def _fingerprint(versions: Versions) -> str:
    return hashlib.sha256(json.dumps(versions, sort_keys=True).encode()).hexdigest()[:32]


@dg.run_failure_sensor(
    name="dead_runs",
    default_status=dg.DefaultSensorStatus.STOPPED,
    minimum_interval_seconds=30,
    description="Writes a failure event for a run that died without telling: killed, out of "
    "memory, never started. States that fail in the ordinary way write their own.",
)
def dead_runs(context: dg.RunFailureSensorContext, segment1b: Segment1B) -> dg.SkipReason | None:
    try:
        inputs = segment1b.open()
    except Segment1BError as err:
        return dg.SkipReason(str(err))
    written = record_dead_run(
        context.instance, inputs, context.dagster_run, context.failure_event.message or ""
    )
    return None if written else dg.SkipReason("every state of this run told its own failure")


sensors = [inputs_changed, dead_runs]
