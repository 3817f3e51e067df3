"""Which materialisation a verdict is about.

Dagster counts a country's verdict as current only while it names the country's latest
materialisation. Without that name the check's page calls every country missing.
"""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from segment1b_assets.dagster_internals import TargetMaterialization


def latest_materializations(
    instance: dg.DagsterInstance, key: dg.AssetKey, countries: Sequence[str]
) -> dict[str, TargetMaterialization]:
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
        record.partition_key: TargetMaterialization(
            storage_id=record.storage_id, run_id=record.run_id, timestamp=record.timestamp
        )
        for record in found.records
        if record.partition_key is not None
    }
