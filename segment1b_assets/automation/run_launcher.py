"""The run launcher of our dagster.yaml: Dagster's own, which can also tell whether a run lives.

Without that, run monitoring can only wait for a run's longest allowed time: one whose code server
was killed would stay "started" until then, and hold its place in the queue.
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
#: Dagster writes it on a run that a code server works on (test_dagster_internals.py).
_GRPC_INFO_TAG = ".dagster/grpc_info"


class WatchedRunLauncher(DefaultRunLauncher):
    """Runs are processes of a code server; it is asked for them."""

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
            WorkerStatus.NOT_FOUND, "its code server is gone, or knows no such process"
        )

    def _is_alive(self, run_id: str) -> bool:
        client = self._get_grpc_client_for_termination(run_id)  # type: ignore[no-untyped-call]
        if client is None:
            # Over since it was asked for; the monitor looks at its status again.
            return False
        try:
            answer = client.can_cancel_execution(
                CanCancelExecutionRequest(run_id=run_id), timeout=_PATIENCE_SECONDS
            )
        except DagsterUserCodeUnreachableError as err:
            # A server too busy to answer is no dead one.
            cause = err.__cause__
            return not (
                isinstance(cause, grpc.RpcError)
                and isinstance(cause, grpc.Call)
                and cause.code() is grpc.StatusCode.UNAVAILABLE
            )
        return deserialize_value(answer, CanCancelExecutionResult).can_cancel
