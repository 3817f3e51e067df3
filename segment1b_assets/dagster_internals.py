"""Dagster's private names that we use; no other module imports them.

Dagster's version is pinned. ``test_dagster_internals.py`` fails where an upgrade changes one of
these names. Each name has the reason why the public interface is not enough.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator

import dagster as dg

# The materialisation that a verdict is about. Dagster fills it in for a check of one partition;
# for a run over many countries it must be given, and `AssetCheckEvaluation` takes only this class.
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData as TargetMaterialization,
)

# The types of a launcher's answer to run monitoring: whether a run's worker is alive.
from dagster._core.errors import DagsterUserCodeUnreachableError

# Marks one country as failed in the partition status (`mark_failed`).
from dagster._core.events import AssetMaterializationPlannedData

# The celery worker builds its launcher from dagster.yaml without opening the history.
from dagster._core.instance.ref import InstanceRef
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus

# The SQLite event log whose connections stay open (`automation.event_log_storage`).
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS

# The gRPC request whether a code server still knows a run's process.
from dagster._grpc.types import CanCancelExecutionRequest, CanCancelExecutionResult
from dagster_shared.serdes import deserialize_value

__all__ = [
    "SQLITE_BUSY_TIMEOUT_SECONDS",
    "CanCancelExecutionRequest",
    "CanCancelExecutionResult",
    "CheckRunHealthResult",
    "DagsterUserCodeUnreachableError",
    "InstanceRef",
    "SqliteEventLogStorage",
    "TargetMaterialization",
    "WorkerStatus",
    "accept_preview_apis",
    "deserialize_value",
    "report_planned",
]


def report_planned(
    instance: dg.DagsterInstance, run: dg.DagsterRun, step_key: str, asset: dg.AssetKey,
    partition: str | None,
) -> None:  # fmt: skip
    """Record that a run planned to materialise a partition.

    Dagster's partition status calls a partition failed where it was planned in a run that failed,
    and was not materialised since. There is no public event that says so for one partition.
    """
    event = dg.DagsterEvent.build_asset_materialization_planned_event(
        run.job_name, step_key, AssetMaterializationPlannedData(asset, partition, None)
    )
    instance.report_dagster_event(event, run.run_id)


@contextlib.contextmanager
def accept_preview_apis() -> Iterator[None]:
    """Silence the warnings of beta and preview interfaces; their version is pinned and tested.

    Checks by partition are a preview in 1.13, observable source assets a beta.
    """
    with warnings.catch_warnings():
        for stage in (dg.BetaWarning, dg.PreviewWarning):
            warnings.filterwarnings("ignore", category=stage)
        yield
