"""Takes back the announcement of verdicts that a run does not come to record.

Dagster announces every rule of every country when a run is made. One that is announced and not
recorded shows as skipped, and as *failed* as soon as the run fails for whatever reason: one
broken polygon among 249 would paint every rule of every country red. Runs over many countries
record a country's rules under `all_rules` (`verdict_events`), so the rest is taken back. Of
a country that failed nobody comes to judge the other rules, in a run over few as well. So every
run takes all of it back before it starts, and what is judged is recorded as it comes.
"""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log import SqlEventLogStorage
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable

from segment1b_assets.checks.verdict_events import SUMMARY


def take_back_announcements(
    instance: dg.DagsterInstance, run_id: str, specs: Sequence[dg.AssetCheckSpec]
) -> None:
    """Forget what a run announced of rules by country; their summaries stay announced.

    SQLite and PostgreSQL keep the announcements in the same table; any other storage is left as
    it is.
    """
    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        return
    column = AssetCheckExecutionsTable.c
    rules = [s for s in specs if s.name != SUMMARY]
    with storage.index_connection() as connection:
        for asset in {s.asset_key for s in rules}:
            connection.execute(
                AssetCheckExecutionsTable.delete().where(
                    column.run_id == run_id,
                    column.asset_key == asset.to_string(),
                    column.check_name.in_([s.name for s in rules if s.asset_key == asset]),
                    column.execution_status == AssetCheckExecutionRecordStatus.PLANNED.value,
                    column.partition.is_not(None),
                )
            )
