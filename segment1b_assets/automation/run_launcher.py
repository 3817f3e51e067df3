"""The run launcher of our dagster.yaml: Dagster's own with a health check of runs.

Without the check, run monitoring only waits for a run's time limit: a run whose code server was
killed would stay "started" until then, and occupy its place in the queue.
"""

from __future__ import annotations

import grpc
from dagster import DagsterRun, DefaultRunLauncher

from segment1b_assets.dagster_internals import (
    CanCancelExecutionRequest,
    CanCancelExecutionResult,
    CheckRunHealthResult,
    DagsterUserCodeUnreachableError,
    WorkerStatus,
    deserialize_value,
)

_PATIENCE_SECONDS = 30
#: Dagster's tag on a run that a code server executes (test_dagster_internals.py).
_GRPC_INFO_TAG = ".dagster/grpc_info"


class WatchedRunLauncher(DefaultRunLauncher):
    """Runs are processes of a code server; health checks query the server."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        if _GRPC_INFO_TAG not in run.tags:
            # Not launched by a server: `segment1b run` works in its own process.
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        if self._is_alive(run.run_id):
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(
            WorkerStatus.NOT_FOUND, "its code server has ended, or does not know the process"
        )

    def _is_alive(self, run_id: str) -> bool:
        client = self._get_grpc_client_for_termination(run_id)  # type: ignore[no-untyped-call]
        if client is None:
            # The run ended meanwhile; the monitor reads its status again.
            return False
        try:
            answer = client.can_cancel_execution(
                CanCancelExecutionRequest(run_id=run_id), timeout=_PATIENCE_SECONDS
            )
        except DagsterUserCodeUnreachableError as err:
            # A server that is too busy to answer is not dead.
            cause = err.__cause__
            return not (
                isinstance(cause, grpc.RpcError)
                and isinstance(cause, grpc.Call)
                and cause.code() is grpc.StatusCode.UNAVAILABLE
            )
        return deserialize_value(answer, CanCancelExecutionResult).can_cancel
