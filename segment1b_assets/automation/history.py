"""Deletes old runs from Dagster's history, and keeps those that say how things are now.

On SQLite a deleted run takes its events with it, also its materialisations in the index. So a run
stays, however old, that holds the newest word on some partition: its last materialisation, its last
observation, its last check evaluation, or that it failed and was not made since. Everything goes
through Dagster's interface; no statement touches its tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg

ENDED = [
    dg.DagsterRunStatus.SUCCESS,
    dg.DagsterRunStatus.FAILURE,
    dg.DagsterRunStatus.CANCELED,
]


@dataclass(frozen=True)
class OldRuns:
    """The runs of a history by what pruning does with them.

    Attributes:
        to_delete: ids of runs that ended before the time and hold no newest word.
        current: how many ended before it and hold one.
        younger: how many ended later, or have not ended.
    """

    to_delete: Sequence[str]
    current: int
    younger: int

    @property
    def kept(self) -> int:
        """Runs that stay."""
        return self.current + self.younger


def old_runs(
    instance: dg.DagsterInstance, checks: Iterable[dg.AssetCheckKey], days: float
) -> OldRuns:
    """The runs that ended more than `days` days ago, and how many stay.

    Args:
        checks: the asset checks of the code location.
    """
    before = datetime.now(UTC) - timedelta(days=days)
    ended = dg.RunsFilter(statuses=ENDED, updated_before=before)
    old = [record.dagster_run.run_id for record in instance.get_run_records(ended)]
    needed = set(_runs_in_force(instance, checks)) if old else set()
    to_delete = [run for run in old if run not in needed]
    return OldRuns(to_delete, len(old) - len(to_delete), instance.get_runs_count() - len(old))


def delete_runs(instance: dg.DagsterInstance, runs: Iterable[str]) -> None:
    """Delete runs with their events and their captured output."""
    for run in runs:
        instance.delete_run(run)
        instance.compute_log_manager.delete_logs(prefix=[run])


def _runs_in_force(
    instance: dg.DagsterInstance, checks: Iterable[dg.AssetCheckKey]
) -> Iterator[str]:
    """The runs whose events are the newest about some asset, partition or check."""
    log = instance.event_log_storage
    for key in instance.get_asset_keys():
        for kind, fetch in (
            (dg.DagsterEventType.ASSET_MATERIALIZATION, instance.fetch_materializations),
            (dg.DagsterEventType.ASSET_OBSERVATION, instance.fetch_observations),
        ):
            ids = list(log.get_latest_storage_id_by_partition(key, kind).values())
            if ids:
                newest = dg.AssetRecordsFilter(asset_key=key, storage_ids=ids)
                yield from (record.run_id for record in fetch(newest, limit=len(ids)).records)
            yield from (record.run_id for record in fetch(key, limit=1).records)
        failed = log.get_latest_asset_partition_materialization_attempts_without_materializations(
            key
        )
        yield from (run for run, _ in failed.values())
    for info in log.get_asset_check_partition_info(list(checks)):
        yield info.latest_planned_run_id
