"""Dagster's private names that we use; no other module imports them.

Dagster's version is pinned. ``test_dagster_internals.py`` fails where an upgrade changes one of
these names. Each name has the reason why the public interface is not enough.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Mapping, Sequence

import dagster as dg

# The materialisation that a verdict is about. Dagster fills it in for a check of one partition;
# for a run over many countries it must be given, and `AssetCheckEvaluation` takes only this class.
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData as TargetMaterialization,
)

# The types of a launcher's answer to run monitoring: whether a run's worker is alive.
# The form of a job that `execute_run` takes, for one that no other process has to load.
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.errors import DagsterUserCodeUnreachableError

# Marks one country as failed in the partition status (`mark_failed`).
from dagster._core.events import AssetMaterializationPlannedData

# Runs a run that exists already; `execute_in_process` makes its own, without an origin.
from dagster._core.execution.api import execute_run

# The celery worker builds its launcher from dagster.yaml without opening the history.
from dagster._core.instance.ref import InstanceRef
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus

# The code location that a run belongs to. The web UI files runs under it.
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)

# The SQLite event log whose connections stay open (`automation.event_log_storage`).
from dagster._core.storage.event_log import SqliteEventLogStorage

# The store of captured output that draws maps (`automation.compute_logs`): marked public, exported
# nowhere.
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
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
    "LocalComputeLogManager",
    "SqliteEventLogStorage",
    "TargetMaterialization",
    "WorkerStatus",
    "accept_preview_apis",
    "deserialize_value",
    "execute_in_location",
    "report_planned",
]


def execute_in_location(
    job: dg.JobDefinition,
    instance: dg.DagsterInstance,
    location: tuple[str, str],
    run_config: Mapping[str, object],
    tags: Mapping[str, str],
    assets: Sequence[dg.AssetKey],
) -> dg.JobExecutionResult:
    """Run a job in this process, as a run of a code location.

    `JobDefinition.execute_in_process` gives its run no origin. The web UI leaves a run without one
    out of Overview, Jobs and Timeline.

    Args:
        location: names of the code location and of its repository.
        assets: those of the job to make, with their checks.
    """
    code_location, repository = location
    origin = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin(code_location), repository)
    run = instance.create_run_for_job(
        job.get_subset(asset_selection=frozenset(assets)),
        run_config=run_config,
        tags={**job.run_tags, **tags},
        asset_selection=frozenset(assets),
        remote_job_origin=RemoteJobOrigin(origin, job.name),
    )
    return execute_run(InMemoryJob(job), run, instance)


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
