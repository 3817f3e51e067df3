"""The run launcher of deploy/celery: Dagster's own for celery, which also notices a dead machine.

A run is one celery task. When the machine under it dies, the task stays "started" in the result
store for ever, and Dagster's launcher believes it. Here the worker itself is asked. Celery delivers
a task once and repeats nothing: it is Dagster that runs again what was lost (run monitoring marks
it failed, run retries launch it anew), because Dagster keeps the history that people read.
"""

from __future__ import annotations

from typing import Any

from dagster import DagsterRun
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG

from segment1b_assets.dagster_internals import CheckRunHealthResult, WorkerStatus

#: How often a worker is asked, and how long it has to answer each time. A worker's main process
#: does nothing but talk, so one that is silent for so long has gone or cannot be reached.
_TRIES = 3
_PATIENCE_SECONDS = 10.0
_OVER = frozenset({"SUCCESS", "FAILURE", "REVOKED"})


class WatchedCeleryRunLauncher(CeleryRunLauncher):
    """Runs are tasks of celery workers; the workers are asked for them.

    A worker that is declared dead wrongly (a cut cable) does no harm: its run goes on beside the
    retry, and publishing the same country twice is the same bytes and a no-op.
    """

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether the task of a run that has not ended is still being worked on.

        Raises:
            OperationalError: the broker or the result store does not answer. That says nothing
                about the run; the monitor logs it and asks again in its next round.
        """
        task = run.tags.get(DAGSTER_CELERY_TASK_ID_TAG)
        if task is None:
            # Not launched by celery: `segment1b run` works in its own process.
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        told = self.celery.AsyncResult(task)._get_task_meta()
        if told["status"] in _OVER:
            # The monitor looks at the run once more before it believes this.
            return CheckRunHealthResult(
                WorkerStatus.FAILED, f"its celery task is over ({told['status']}), the run is not"
            )
        worker = _worker(told)
        for _ in range(_TRIES):
            answers = self.celery.control.inspect(
                destination=None if worker is None else [worker], timeout=_PATIENCE_SECONDS
            ).query_task(task)
            if any(task in known for known in (answers or {}).values()):
                return CheckRunHealthResult(WorkerStatus.RUNNING)
            if answers and worker is not None:
                # It lives and knows nothing of the task: it is another one under the same name.
                break
        return CheckRunHealthResult(
            WorkerStatus.NOT_FOUND,
            f"its celery worker {worker or ''} is gone, or knows no such task",
        )

    def terminate(self, run_id: str) -> bool:
        """Cancel a run: its process gets SIGTERM, on which Dagster ends it as canceled."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished or DAGSTER_CELERY_TASK_ID_TAG not in run.tags:
            return False
        # Said first, or the monitor would take the end of the task for an accident and retry.
        self._instance.report_run_canceling(run)
        return bool(super().terminate(run_id))


def _worker(told: dict[str, Any]) -> str | None:
    """The name of the worker that took a task; None where nothing is stored of it any more."""
    result = told.get("result")
    return result.get("hostname") if isinstance(result, dict) else None
