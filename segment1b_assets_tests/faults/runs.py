"""Runs of the whole segment in processes of their own, which may be killed at any moment.

The processes are forked from a server that has imported everything and started no thread, so that
a run begins at once instead of after some seconds of imports.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from segment1b_assets.storage.publish import STAGING

COUNTRIES = ("FI", "FJ", "FK")
STATES = tuple(f"S{n}" for n in range(9))
#: Every run's clock, so that receipts and logs are the same bytes.
EPOCH = "1700000000"
#: Long enough for a run on a busy machine; a run that takes longer hangs.
PATIENCE = 120.0
_HISTORY = """\
telemetry: {enabled: false}
event_log_storage:
  module: segment1b_assets.automation.event_log_storage
  class: WarmSqliteEventLogStorage
  config: {}
"""


def server() -> ForkServerContext:
    """Where runs are forked from."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["segment1b_assets.automation.command_run", "segment1b_assets_tests.faults.runs"]
    )
    return context


@dataclass
class Run:
    """A started run.

    Attributes:
        process: has exit status 0 (all done), 1 (something failed), or minus the signal.
        told: where the run writes what it has to say, at its end.
    """

    process: ForkServerProcess
    told: Path

    def end(self) -> int:
        """Wait for its end; the exit status."""
        self.process.join(PATIENCE)
        if self.process.exitcode is None:
            self.process.kill()
            self.process.join()
            raise AssertionError(f"the run did not end within {PATIENCE:.0f} s")
        return self.process.exitcode

    def text(self) -> str:
        """All that the run told: failures and messages; empty if it never got so far."""
        return self.told.read_text("utf-8") if self.told.exists() else ""


def start(
    root: Path,
    home: Path,
    states: Sequence[str] = STATES,
    countries: Sequence[str] = COUNTRIES,
    environment: Mapping[str, str] | None = None,
    workers: int = 2,
) -> Run:
    """Start a run; returns when it is about to begin its work."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "dagster.yaml").write_text(_HISTORY, "utf-8")
    told = home / f"told-{len(list(home.glob('told-*')))}.json"
    context = server()
    ready = context.Event()
    given = {"SOURCE_DATE_EPOCH": EPOCH, **(environment or {}), "DAGSTER_HOME": str(home)}
    process = context.Process(
        target=_main,
        args=(str(root), list(states), list(countries), given, workers, str(told), ready),
        daemon=True,
    )
    process.start()
    if not ready.wait(PATIENCE):
        raise AssertionError("the run did not start")
    return Run(process, told)


def _main(
    root: str,
    states: list[str],
    countries: list[str],
    environment: dict[str, str],
    workers: int,
    told: str,
    ready: Any,
) -> None:
    os.environ.update(environment)
    from segment1b_assets.automation.command_run import run_states
    from segment1b_assets.storage.segment import SegmentOptions, open_segment

    segment = open_segment(SegmentOptions(Path(root)))
    ready.set()
    outcome = run_states(states, countries, {"root": root, "workers": workers}, segment)
    lines = [*outcome.failures.values(), *outcome.messages]
    Path(told).write_text(json.dumps(lines, indent=1), "utf-8")
    sys.stdout.flush()
    os._exit(0 if outcome.success else 1)


def wait_for_files(run: Run, root: Path, count: int) -> None:
    """Until that many files are published, or the run has ended."""
    until = time.monotonic() + PATIENCE
    while run.process.is_alive() and len(_published(root)) < count:
        if time.monotonic() > until:
            raise AssertionError(f"{count} files were not published in {PATIENCE:.0f} s")
        time.sleep(0.005)


def _published(root: Path) -> list[Path]:
    tops = (root / "layer1/1B", root / "logs")
    return [p for top in tops for p in top.rglob("*.*") if p.is_file()]


def copy(of: Path, to: Path) -> Path:
    """A copy of a data root's inputs."""
    shutil.copytree(of, to, dirs_exist_ok=True)
    return to


def tree(root: Path) -> dict[str, str]:
    """Every file of layer1/1B and of the logs: relative path -> SHA-256."""
    return {
        p.relative_to(root).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for top in ("layer1/1B", "logs")
        for p in sorted((root / top).rglob("*"))
        if p.is_file() and "rng/audit" not in p.as_posix()
    }


def require_nothing_partial(root: Path, whole: Mapping[str, str]) -> int:
    """Every file that a reader can see is the one of an undisturbed run; how many there are."""
    seen = tree(root)
    for name, digest in seen.items():
        assert whole.get(name) == digest, f"{name} is not what an undisturbed run publishes"
        if name.endswith(".parquet"):
            pq.ParquetFile(root / name).read()
    for folder in (root / "layer1/1B").rglob("country=*"):
        assert any(folder.iterdir()), f"{folder} is an empty partition"
    for report in (root / "reports").rglob("*.json"):
        json.loads(report.read_bytes())
    return len(seen)


def left_over(root: Path) -> list[str]:
    """What lies in the staging area."""
    return sorted(p.name for p in (root / STAGING).glob("*"))


def age_the_newest(root: Path) -> None:
    """Let ten minutes pass for areas killed without their lock, and for unfinished reports."""
    for young in (root / STAGING).glob("*"):
        if young.name.startswith(("new-", "loose-")) or not (young / "held.lock").exists():
            os.utime(young, (1_000_000_000, 1_000_000_000))
