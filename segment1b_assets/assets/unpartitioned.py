"""The results of S0 and S9, which are not partitioned by country.

Under the tag that makes only our events count (docs/architecture.md) Dagster records no
materialisation itself, not even of unpartitioned assets. Without the events of this module the web
UI would show S0 and S9 as never materialised, and a backfill over everything would stop after S0.
"""

from __future__ import annotations

from typing import Any

import dagster as dg

from segment1b_assets.assets.versions import InputVersions, observed_versions
from segment1b_assets.checks.failure import country_failure
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.dagster_internals import report_planned
from segment1b_assets.run_tags import events_are_deferred
from segment1b_assets.storage.reports import write_failure
from segment1b_assets.storage.run_inputs import RunInputs


def made_result(
    context: dg.AssetExecutionContext,
    inputs: RunInputs,
    metadata: dict[str, Any],
    data_version: str,
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """The result of a step that made its one asset; its materialisation is recorded in any run."""
    if events_are_deferred(context.run.tags):
        asset = context.assets_def
        deps = asset.asset_deps[context.asset_key]
        # Partitioned or not: Dagster does not follow an edge to more than 100 partitions.
        versions = InputVersions(
            context.instance,
            inputs,
            dict.fromkeys(deps, False),
            [],
            observed_versions(inputs, deps),
        )
        code_version = asset.code_versions_by_key[context.asset_key] or ""
        context.log_event(
            dg.AssetMaterialization(
                asset_key=context.asset_key,
                metadata=metadata,
                tags=versions.tags("", data_version, code_version),
            )
        )
    return dg.MaterializeResult(metadata=metadata, data_version=dg.DataVersion(data_version))


def state_failure(
    context: dg.AssetExecutionContext, inputs: RunInputs, state: str, error: Segment1BError
) -> dg.Failure:
    """Record a failure event and the asset's failure; returns what the step must raise."""
    write_failure(inputs, state, error, context.run.run_id)
    mark_failed(context)
    return country_failure(context.asset_key.path[-1], {state: error})


def mark_failed(context: dg.AssetExecutionContext) -> None:
    """Make the web UI show the asset as failed: planned in a run that fails, and not made."""
    if events_are_deferred(context.run.tags):
        step = context.op_execution_context.get_step_execution_context().step.key
        report_planned(context.instance, context.run, step, context.asset_key, None)
