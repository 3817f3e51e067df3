"""The celery app of a worker: ``celery -A segment1b_assets.automation.celery_worker worker``.

Broker, result store and settings are those of the run launcher in ``$DAGSTER_HOME/dagster.yaml``.
So there is no second configuration file, and no password is written to one, as
``dagster-celery worker start`` does.
"""

from __future__ import annotations

import os
from typing import Any

from celery import Celery, Task
from dagster_celery.tasks import create_execute_job_task, create_resume_job_task

from segment1b_assets.automation.celery_run_launcher import WatchedCeleryRunLauncher
from segment1b_assets.automation.signal_handlers import preserved_signal_handlers
from segment1b_assets.dagster_internals import InstanceRef


class RunTask(Task):  # type: ignore[misc]
    """A Dagster run as a task of a process that takes more tasks afterwards.

    Celery's pool ignores SIGINT, so Dagster would leave SIGTERM ignored (`signal_handlers`).
    """

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with preserved_signal_handlers():
            return super().__call__(*args, **kwargs)


def make_app() -> Celery:
    """The launcher's app with the tasks that the launcher sends.

    Raises:
        RuntimeError: ``$DAGSTER_HOME`` is not set, or its dagster.yaml has another run launcher.
    """
    home = os.environ.get("DAGSTER_HOME")
    if not home:
        raise RuntimeError("DAGSTER_HOME is not set: set it to the folder of the dagster.yaml")
    # Only the launcher: an instance would open the history, and workers fork from this process.
    launcher = InstanceRef.from_dir(home).run_launcher
    if not isinstance(launcher, WatchedCeleryRunLauncher):
        raise RuntimeError(
            f"{home}/dagster.yaml launches runs with {type(launcher).__name__}, not with celery: "
            "take deploy/celery/dagster.yaml"
        )
    # Options of `Celery.task`; Dagster's annotation calls each of them a dict.
    create_execute_job_task(launcher.celery, base=RunTask)  # type: ignore[arg-type]
    create_resume_job_task(launcher.celery, base=RunTask)  # type: ignore[arg-type]
    return launcher.celery


app = make_app()
