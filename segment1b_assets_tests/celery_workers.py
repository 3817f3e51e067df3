"""Celery workers as three machines would run them: each with a Dagster home of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from segment1b_assets_tests.child_processes import end, kill_group, start
from segment1b_assets_tests.live_dagster import REPOSITORY
from segment1b_assets_tests.waiting import wait_for

CONFIG = REPOSITORY / "deploy" / "celery" / "dagster.yaml"
#: A worker's command, as docs/machines.md gives it.
APP = "segment1b_assets.automation.celery_worker"


@dataclass
class Worker:
    """A running worker: its main process and the process of the run that it works on."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def taken(self) -> int:
        """How many runs it has begun."""
        return len(self._lines("received"))

    def has(self, task: str | None) -> bool:
        """Whether it has begun this task."""
        return task is not None and any(task in line for line in self._lines("received"))

    def _lines(self, word: str) -> list[str]:
        lines = self.log.read_text("utf-8", "replace").splitlines()
        return [line for line in lines if "execute_job[" in line and word in line]

    def kill(self) -> list[int]:
        """SIGKILL to all of its processes at once, as when a machine loses power; their ids."""
        main = psutil.Process(self.process.pid)
        main.suspend()  # or it would report its child's death before its own
        doomed = [main, *main.children(recursive=True)]
        for process in doomed:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        kill_group(self.process)
        return [p.pid for p in doomed]


@contextlib.contextmanager
def celery_workers(
    names: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> Iterator[list[Worker]]:
    """Start workers and wait until each is ready; ends only what it started."""
    workers: list[Worker] = []
    celery = Path(sys.executable).parent / "celery"
    try:
        for name in names:
            home = folder / name
            home.mkdir(parents=True)
            shutil.copyfile(CONFIG, home / "dagster.yaml")
            log = home / "worker.log"
            process = start(
                celery, "-A", APP, "worker", "-l", "INFO", "-n", f"{name}@%h",
                log=log, cwd=home,
                env={
                    **os.environ, **environment,
                    "DAGSTER_HOME": str(home), "PYTHONPATH": str(REPOSITORY),
                },
            )  # fmt: skip
            workers.append(Worker(name, process, log))
        for worker in workers:
            wait_for(f"worker {worker.name}", lambda w=worker: _is_ready(w))  # type: ignore[misc]
        yield workers
    finally:
        end(*(worker.process for worker in workers))


def _is_ready(worker: Worker) -> bool | None:
    told = worker.log.read_text("utf-8", "replace")
    assert worker.process.poll() is None, told
    return True if " ready." in told else None
