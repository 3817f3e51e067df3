"""The country partitions of Dagster: their newest events, and how a backfill is cut into runs."""

from __future__ import annotations

import os
from collections.abc import Sequence

import dagster as dg

from segment1b_assets.contracts.countries import COUNTRY_CODES

countries = dg.StaticPartitionsDefinition(list(COUNTRY_CODES))

#: Countries of one run of a backfill; unset or "all" is all of them in one run.
BACKFILL_VARIABLE = "SEGMENT1B_BACKFILL_COUNTRIES"


def backfill_policy(value: str | None = None) -> dg.BackfillPolicy:
    """How Dagster cuts a backfill into runs.

    One run for all countries costs least; smaller runs limit what a killed process loses
    (docs/backfills.md has the figures).

    Args:
        value: countries a run, or "all"; ``$SEGMENT1B_BACKFILL_COUNTRIES`` if None.

    Raises:
        ValueError: `value` is neither "all" nor a whole number of at least 1.
    """
    text = (os.environ.get(BACKFILL_VARIABLE, "") if value is None else value).strip()
    if text.lower() in ("", "all"):
        return dg.BackfillPolicy.single_run()
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ValueError(
            f'{BACKFILL_VARIABLE}={text!r}: must be "all" or a whole number from 1 on; '
            "unset it or correct it, then reload the code location"
        )
    return dg.BackfillPolicy.multi_run(max_partitions_per_run=int(text))


def latest_materializations(
    instance: dg.DagsterInstance, key: dg.AssetKey, chosen: Sequence[str]
) -> dict[str, dg.EventLogRecord]:
    """Country -> the record of its newest materialisation, in two queries."""
    ids = instance.event_log_storage.get_latest_storage_id_by_partition(
        key, dg.DagsterEventType.ASSET_MATERIALIZATION, set(chosen)
    )
    if not ids:
        return {}
    wanted = dg.AssetRecordsFilter(key, storage_ids=sorted(ids.values()))
    found = instance.fetch_materializations(wanted, limit=len(ids))
    return {str(record.partition_key): record for record in found.records}
