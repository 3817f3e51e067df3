"""Which materialisation a verdict is about.

Dagster counts a country's verdict as standing only while it names the country's latest
materialisation; without that name the check's page calls every country missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData as Target,
)


def with_target_materialization(
    evaluations: Iterable[dg.AssetCheckEvaluation],
    instance: dg.DagsterInstance,
    countries: Sequence[str],
) -> Iterator[dg.AssetCheckEvaluation]:
    """The same evaluations; those of a country name its latest materialisation, if it has one.

    Args:
        countries: all that the evaluations may be about: they are asked for at once, an asset.
    """
    targets: dict[dg.AssetKey, Mapping[str, Target]] = {}
    for told in evaluations:
        if told.partition is None:
            yield told
            continue
        if told.asset_key not in targets:
            targets[told.asset_key] = _latest(instance, told.asset_key, countries)
        yield dg.AssetCheckEvaluation(
            asset_key=told.asset_key,
            check_name=told.check_name,
            passed=told.passed,
            metadata=told.metadata,
            target_materialization_data=targets[told.asset_key].get(told.partition),
            severity=told.severity,
            description=told.description,
            blocking=told.blocking,
            partition=told.partition,
        )


def _latest(
    instance: dg.DagsterInstance, key: dg.AssetKey, countries: Sequence[str]
) -> dict[str, Target]:
    """Country -> its latest materialisation, in two queries."""
    ids = instance.event_log_storage.get_latest_storage_id_by_partition(
        key, dg.DagsterEventType.ASSET_MATERIALIZATION, set(countries)
    )
    if not ids:
        return {}
    found = instance.fetch_materializations(
        dg.AssetRecordsFilter(key, storage_ids=sorted(ids.values())), limit=len(ids)
    )
    return {
        record.partition_key: Target(
            storage_id=record.storage_id, run_id=record.run_id, timestamp=record.timestamp
        )
        for record in found.records
        if record.partition_key is not None
    }
