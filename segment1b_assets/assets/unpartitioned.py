"""S0 and S9 have no countries, and tell their own events where a run leaves events to us.

Under the tag that makes each country's own event the truth (docs/architecture.md) Dagster tells
none of its own, for assets without partitions too: without what is told here the web UI would call
S0 and S9 never materialised, and a backfill over everything would give up after S0.
"""

from __future__ import annotations

from typing import Any

import dagster as dg
from dagster._core.events import AssetMaterializationPlannedData, DagsterEvent
from dagster._core.storage.dagster_run import assets_are_externally_managed

from segment1b_assets.assets.references import INPUT_DATASETS
from segment1b_assets.assets.versions import InputVersions
from segment1b_assets.storage.input_versions import input_version
from segment1b_assets.storage.run_inputs import RunInputs


def made_result(
    context: dg.AssetExecutionContext,
    inputs: RunInputs,
    metadata: dict[str, Any],
    data_version: str,
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """The result of a step that made its one asset; its materialisation is on record either way."""
    if assets_are_externally_managed(context.run):
        asset = context.assets_def
        deps = asset.asset_deps[context.asset_key]
        observed = {
            key: version
            for key in deps
            if (dataset := INPUT_DATASETS.get(key)) and (version := input_version(inputs, dataset))
        }
        # By country or not: Dagster does not follow an edge to more than 100 partitions.
        versions = InputVersions(context.instance, dict.fromkeys(deps, False), [], observed)
        code_version = asset.code_versions_by_key[context.asset_key] or ""
        context.log_event(
            dg.AssetMaterialization(
                asset_key=context.asset_key,
                metadata=metadata,
                tags=versions.tags("", data_version, code_version),
            )
        )
    return dg.MaterializeResult(metadata=metadata, data_version=dg.DataVersion(data_version))


def mark_failed(context: dg.AssetExecutionContext) -> None:
    """Have the web UI show the asset as failed: planned in a run that fails, and not made."""
    if assets_are_externally_managed(context.run):
        step = context.op_execution_context.get_step_execution_context()
        planned = AssetMaterializationPlannedData(context.asset_key, None, None)
        context.instance.report_dagster_event(
            DagsterEvent.build_asset_materialization_planned_event(
                step.job_name, step.step.key, planned
            ),
            context.run.run_id,
        )
