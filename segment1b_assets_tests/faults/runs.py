"""Runs of the whole inputs in processes of their own, which may be killed at any moment.

How they are forked: ``nursery.py``.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from segment1b_assets.storage.staging import STAGING
from segment1b_assets_tests.faults.nursery import PATIENCE, Child, Nursery

COUNTRIES = ("FI", "FJ", "FK")
STATES = tuple(f"S{n}" for n in range(9))
#: Every run's clock, so that receipts and logs are the same bytes.
EPOCH = "1700000000"
_HISTORY = """\
telemetry: {enabled: false}
event_log_storage:
  module: segment1b_assets.automation.event_log_storage
  class: WarmSqliteEventLogStorage
  config: {}
"""
_nurseries: list[Nursery] = []


def nursery() -> Nursery:
    """The session's one nursery."""
    if not _nurseries:
        _nurseries.append(Nursery.open())
    return _nurseries[0]


def close_nursery() -> None:
    while _nurseries:
        _nurseries.pop().close()


@dataclass
class Run:
    """A started run.

    Attributes:
        process: has exit status 0 (all done), 1 (something failed), or minus the signal.
        told: where the run writes what it has to say, at its end.
    """

    process: Child
    told: Path

    def end(self) -> int:
        """Wait for its end; the exit status."""
        return self.process.end()

    def text(self) -> str:
        """All that the run told: failures and messages, else what Python had to say."""
        told = self.told if self.told.exists() else self.process.output
        return told.read_text("utf-8")


def start(
    root: Path,
    home: Path,
    states: Sequence[str] = STATES,
    countries: Sequence[str] = COUNTRIES,
    environment: Mapping[str, str] | None = None,
    workers: int = 2,
    refuse: Mapping[str, int] | None = None,
    die_at: tuple[str, int] | None = None,
    die_by: int = signal.SIGKILL,
    run: str = "in_one_process",
) -> Run:
    """Start a run; returns when it is about to begin its work.

    Args:
        refuse: system call -> the errno with which the kernel refuses it to this run.
        die_at: part of a path, number: a signal right before this run's so-many-th rename, link or
            removal of a path that has this part.
        die_by: the signal: kill -9, or SIGTERM.
        run: which function of this module or of `many_processes` the child calls.
    """
    home.mkdir(parents=True, exist_ok=True)
    if not (home / "dagster.yaml").exists():
        (home / "dagster.yaml").write_text(_HISTORY, "utf-8")
    number = len(list(home.glob("output-*")))
    told, ready = home / f"told-{number}.json", home / f"ready-{number}"
    module = "many_processes" if run == "in_many_processes" else "runs"
    child = nursery().bear(
        f"{__package__}.{module}:{run}",
        {
            "root": str(root), "states": list(states), "countries": list(countries),
            "workers": workers, "told": str(told), "ready": str(ready),
            "refuse": dict(refuse or {}), "die_at": die_at and [*die_at, die_by],
        },
        home / f"output-{number}",
        **{"SOURCE_DATE_EPOCH": EPOCH, **(environment or {}), "DAGSTER_HOME": str(home)},
    )  # fmt: skip
    until = time.monotonic() + PATIENCE
    while not ready.exists() and child.status() is None:
        if time.monotonic() > until:
            raise AssertionError("the run did not start")
        time.sleep(0.002)
    return Run(child, told)


def in_one_process(
    root: str,
    states: list[str],
    countries: list[str],
    workers: int,
    told: str,
    ready: str,
    refuse: dict[str, int],
    die_at: list[Any] | None,
) -> int:
    """What the command ``segment1b run`` does."""
    from segment1b_assets.command_line.dagster_run import run_states
    from segment1b_assets.storage.run_inputs import RunOptions, open_run_inputs

    inputs = open_run_inputs(RunOptions(Path(root)))
    Path(ready).touch()
    if refuse:
        from segment1b_assets_tests.faults.refusing_kernel import refuse_calls

        refuse_calls(refuse)
    if die_at:
        die_before(*die_at)
    outcome = run_states(states, countries, {"root": root, "workers": workers}, inputs)
    lines = [*outcome.failures.values(), *outcome.messages]
    Path(told).write_text(json.dumps(lines, indent=1), "utf-8")
    return 0 if outcome.success else 1


def die_before(part: str, number: int, by: int) -> None:
    """Python announces every move before it makes it; the one that is meant gets the signal."""
    left = number

    def told(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        if event in ("os.rename", "os.link", "os.remove") and any(
            part in os.fspath(a) for a in arguments if isinstance(a, str | os.PathLike)
        ):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), by)

    sys.addaudithook(told)


def wait_for_files(run: Run, root: Path, count: int) -> None:
    """Until that many files are published, or the run has ended."""
    until = time.monotonic() + PATIENCE
    while run.process.status() is None and len(published(root)) < count:
        if time.monotonic() > until:
            raise AssertionError(f"{count} files were not published in {PATIENCE:.0f} s")
        time.sleep(0.005)


def published(root: Path) -> list[Path]:
    """Every file that is published, logs included."""
    tops = (root / "layer1/1B", root / "logs")
    return [p for top in tops for p in top.rglob("*.*") if p.is_file()]


def copy(of: Path, to: Path) -> Path:
    """A copy of a data root's inputs."""
    shutil.copytree(of, to, dirs_exist_ok=True)
    return to


def finish(
    root: Path, home: Path, whole: Mapping[str, str], states: Sequence[str] = STATES
) -> None:
    """A plain re-run completes, with the bytes of an undisturbed run, and cleans up."""
    age_the_newest(root)
    again = start(root, home, states)
    assert again.end() == 0, again.text()
    assert tree(root) == whole
    assert left_over(root) == []


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
        if young.name.startswith(("new-", "temporary-")) or not (young / "held.lock").exists():
            os.utime(young, (1_000_000_000, 1_000_000_000))
