"""The run launcher of deploy/celery: Dagster's celery launcher that also detects a dead machine.

A run is one celery task. When its machine dies, the task stays "started" in the result store, and
Dagster's launcher relies on that. This launcher queries the worker itself. Celery delivers a task
once and never repeats it: Dagster repeats a lost run (run monitoring marks it failed, run retries
launch it again), because Dagster keeps the history that people read.
"""

from __future__ import annotations

from typing import Any

from dagster import DagsterRun
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG

from segment1b_assets.dagster_internals import CheckRunHealthResult, WorkerStatus

#: How often a worker is queried, and how long it has to answer each time. A worker's main process
#: only communicates, so a worker that is silent for so long has ended or cannot be reached.
_TRIES = 3
_PATIENCE_SECONDS = 10.0
_OVER = frozenset({"SUCCESS", "FAILURE", "REVOKED"})


class WatchedCeleryRunLauncher(CeleryRunLauncher):
    """Runs are tasks of celery workers; health checks query the workers.

    A worker wrongly declared dead (a cut cable) does no harm: its run continues beside the retry,
    and publishing the same bytes of a country twice is a no-op.
    """

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether the task of a run that has not ended is still being worked on.

        Raises:
            OperationalError: the broker or the result store does not answer. The state
                of the run is unknown; the monitor logs it and checks again in its next round.
        """
        task = run.tags.get(DAGSTER_CELERY_TASK_ID_TAG)
        if task is None:
            # Not launched by celery: `segment1b run` works in its own process.
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        task_meta = self.celery.AsyncResult(task)._get_task_meta()
        if task_meta["status"] in _OVER:
            # The monitor reads the run's status again before it acts on this.
            return CheckRunHealthResult(
                WorkerStatus.FAILED,
                f"its celery task is over ({task_meta['status']}), the run is not",
            )
        worker = _worker(task_meta)
        for _ in range(_TRIES):
            answers = self.celery.control.inspect(
                destination=None if worker is None else [worker], timeout=_PATIENCE_SECONDS
            ).query_task(task)
            if any(task in known for known in (answers or {}).values()):
                return CheckRunHealthResult(WorkerStatus.RUNNING)
            if answers and worker is not None:
                # It does not know the task: it is a new worker with the same name.
                break
        return CheckRunHealthResult(
            WorkerStatus.NOT_FOUND,
            f"its celery worker {worker or ''} has ended, or does not know the task",
        )

    def terminate(self, run_id: str) -> bool:
        """Cancel a run: its process gets SIGTERM, on which Dagster ends it as canceled."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished or DAGSTER_CELERY_TASK_ID_TAG not in run.tags:
            return False
        # Reported first: otherwise the monitor would treat the task's end as a crash and retry.
        self._instance.report_run_canceling(run)
        return bool(super().terminate(run_id))


def _worker(task_meta: dict[str, Any]) -> str | None:
    """The name of the worker that took a task; None where the store has no record of it."""
    result = task_meta.get("result")
    return result.get("hostname") if isinstance(result, dict) else None
