"""Signals of processes that outlive a run, started as a shell script starts a background job."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from segment1b_assets.automation.signal_handlers import preserved_signal_handlers
from segment1b_assets_tests.child_processes import alive_in_group, end, running, start
from segment1b_assets_tests.dagster_support import FIVE, small_world
from segment1b_assets_tests.docs_text import REPOSITORY
from segment1b_assets_tests.run_support import HISTORY
from segment1b_assets_tests.waiting import wait_for

#: Writes which signals it ignores, then waits for its end.
_SHOW = """
import json, signal, sys, time
from pathlib import Path
numbers = (signal.SIGINT, signal.SIGTERM)
ignored = [signal.Signals(n).name for n in numbers if signal.getsignal(n) is signal.SIG_IGN]
Path(sys.argv[1]).write_text(json.dumps(ignored))
time.sleep(600)
"""
#: A service that runs S0 and S1 in its own process, and then waits for more work.
_SERVICE = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
from segment1b_assets.command_line.dagster_run import run_states
from segment1b_assets.storage.run_inputs import RunOptions, open_run_inputs
root, countries = sys.argv[1], sys.argv[2].split(",")
outcome = run_states(("S0", "S1"), countries, {"root": root}, open_run_inputs(RunOptions(root)))
assert outcome.success, outcome
print("done", flush=True)
time.sleep(600)
"""
#: Waits whatever it is asked, with a child in its group that does the same.
_STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if len(sys.argv) == 1:
    subprocess.Popen([sys.executable, "-c", open(__file__).read(), "child"])
print("up", flush=True)
time.sleep(600)
"""


@pytest.fixture
def ignored() -> Iterator[None]:
    """SIGINT and SIGTERM are ignored here, as after a run of Dagster's in a background job."""
    before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, signal.SIG_IGN)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_process_that_ignores_sigint_answers_sigterm_after_a_run(tmp_path: Path) -> None:
    small_world(tmp_path / "root")
    (tmp_path / "dagster.yaml").write_text(HISTORY)
    log = tmp_path / "log"
    with running(
        sys.executable, "-W", "ignore", "-c", _SERVICE, tmp_path / "root", ",".join(FIVE),
        log=log, cwd=REPOSITORY, env={**os.environ, "DAGSTER_HOME": str(tmp_path)},
    ) as service:  # fmt: skip

        def done() -> bool | None:
            assert service.poll() is None, log.read_text()
            return True if log.read_text().endswith("done\n") else None

        wait_for("the end of the run", done)
        service.terminate()
        assert service.wait(240) == -signal.SIGTERM


def test_handlers_are_restored_whatever_the_block_does() -> None:
    before = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]
    with contextlib.suppress(ZeroDivisionError), preserved_signal_handlers():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise ZeroDivisionError
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_run_in_another_thread_leaves_the_handlers_alone() -> None:
    entered: list[bool] = []

    def work() -> None:
        with preserved_signal_handlers():
            entered.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert entered == [True]


def test_children_get_default_signals(ignored: None, tmp_path: Path) -> None:
    shown = tmp_path / "shown"
    with running(sys.executable, "-c", _SHOW, shown) as child:
        wait_for("its signals", lambda: (shown.exists() and shown.read_text()) or None)
        assert json.loads(shown.read_text()) == []
    assert child.returncode == -signal.SIGTERM


def test_what_does_not_answer_is_killed_with_its_group(tmp_path: Path) -> None:
    program = tmp_path / "stubborn.py"
    program.write_text(_STUBBORN)
    log = tmp_path / "log"
    process = start(sys.executable, program, log=log)
    try:
        wait_for("both processes", lambda: True if log.read_text().count("up") == 2 else None)
        assert len(alive_in_group(process.pid)) == 2
    finally:
        end(process, grace=0.5)
    assert process.returncode == -signal.SIGKILL
    wait_for("an empty group", lambda: True if not alive_in_group(process.pid) else None)
    end(process)


def test_a_celery_task_leaves_sigterm_as_it_was() -> None:
    """Celery's pool ignores SIGINT, and runs one task after another in a process."""
    pytest.importorskip("celery", reason="needs the extra: uv sync --extra celery")
    code = """
import os, signal
from celery import Celery
from dagster._utils.interrupts import capture_interrupts
from segment1b_assets.automation.celery_worker import RunTask
app = Celery()
@app.task(base=RunTask)
def run():
    with capture_interrupts():
        return "ran"
signal.signal(signal.SIGINT, signal.SIG_IGN)
assert run() == "ran"
os.kill(os.getpid(), signal.SIGTERM)
"""
    home = REPOSITORY / "deploy" / "celery"
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], cwd=REPOSITORY, timeout=240,
        env={
            **os.environ, "DAGSTER_HOME": str(home),
            "SEGMENT1B_REDIS_URL": "redis://127.0.0.1:1/0",
        },
        capture_output=True,
    )  # fmt: skip
    assert ended.returncode == -signal.SIGTERM, ended.stderr.decode()
