"""kill -9 at random moments: nothing half-written is ever seen, and a plain re-run completes.

``SEGMENT1B_KILLS`` says how many (20 unless told otherwise, 200 by night), ``SEGMENT1B_KILL_SEED``
where the moments come from.
"""

from __future__ import annotations

import json
import os
import random
import signal
import time
from pathlib import Path

import pytest

from segment1b_assets_tests.faults import runs
from segment1b_assets_tests.faults.conftest import LONG, Undisturbed

KILLS = int(os.environ.get("SEGMENT1B_KILLS", "10"))
SEED = int(os.environ.get("SEGMENT1B_KILL_SEED", "6"))
#: Kills in a row that one world suffers before it may complete.
IN_A_ROW = 10
LAUNCHER = """\
run_coordinator:
  module: dagster._core.run_coordinator
  class: DefaultRunCoordinator
run_launcher:
  module: segment1b_assets.automation.run_launcher
  class: WatchedRunLauncher
  config: {}
"""
WORLDS = -(-KILLS // IN_A_ROW)


@pytest.mark.timeout(LONG)
@pytest.mark.parametrize("world", range(WORLDS))
def test_a_killed_run_leaves_nothing_partial_and_the_next_completes(
    world: int, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    moments = random.Random(f"{SEED} {world}")
    root = runs.copy(undisturbed.inputs, tmp_path / "root")
    seen = 0
    # Each strikes a random while after a random file has come to light, so none is in vain.
    targets = sorted(moments.randrange(len(undisturbed.whole)) for _ in range(IN_A_ROW))
    for number, target in enumerate(targets):
        run = runs.start(root, tmp_path / "home")
        runs.wait_for_files(run, root, target)
        wait = moments.uniform(0, 0.25)
        time.sleep(wait)
        run.process.kill_group()
        ended = run.end()
        assert ended in (-signal.SIGKILL, 0)
        now = runs.require_nothing_partial(root, undisturbed.whole)
        assert now >= seen
        seen = now
        print(
            f"world {world} kill {number}, {wait:.3f} s after file {target}: {now} files whole, "
            f"{len(runs.left_over(root))} left-overs"
        )
    runs.finish(root, tmp_path / "home", undisturbed.whole)


@pytest.mark.timeout(LONG)
@pytest.mark.parametrize("target", [12])
def test_a_terminated_run_ends_and_leaves_nothing_partial(
    target: int, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    """SIGTERM, which is what the web UI's cancel sends."""
    root = runs.copy(undisturbed.inputs, tmp_path / "root")
    run = runs.start(root, tmp_path / "home", die_at=("layer1/1B/", target), die_by=signal.SIGTERM)
    assert run.end() != 0
    runs.require_nothing_partial(root, undisturbed.whole)
    runs.finish(root, tmp_path / "home", undisturbed.whole)


@pytest.mark.timeout(LONG)
@pytest.mark.parametrize("files", [1, pytest.param(9, marks=pytest.mark.nightly)])
def test_the_web_uis_cancel_ends_a_run_and_leaves_nothing_partial(
    files: int, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    """GraphQL's terminateRun, our run launcher, a code server, SIGTERM to the run's process."""
    root, home = runs.copy(undisturbed.inputs, tmp_path / "root"), tmp_path / "home"
    gate = runs.start(root, home, ("S0",))
    assert gate.end() == 0, gate.text()
    with (home / "dagster.yaml").open("a", encoding="utf-8") as config:
        config.write(LAUNCHER)
    told = tmp_path / "told.json"
    child = runs.nursery().bear(
        "segment1b_assets_tests.faults.cancelling:cancel_after",
        {
            "root": str(root), "files": files, "countries": list(runs.COUNTRIES),
            "told": str(told),
        },
        tmp_path / "output",
        SOURCE_DATE_EPOCH=runs.EPOCH,
        DAGSTER_HOME=str(home),
    )  # fmt: skip
    assert child.end() == 0, child.output.read_text("utf-8")
    assert json.loads(told.read_text("utf-8")) == ["TerminateRunSuccess", "CANCELED"]
    now = runs.require_nothing_partial(root, undisturbed.whole)
    assert 2 + files <= now < len(undisturbed.whole)
    runs.finish(root, tmp_path / "home2", undisturbed.whole)


@pytest.mark.timeout(LONG)
def test_a_killed_worker_process_fails_its_step_and_a_re_run_completes(
    undisturbed: Undisturbed, tmp_path: Path
) -> None:
    """With a process a step (dagster-celery and the like): one step's process is killed."""
    root = runs.copy(undisturbed.inputs, tmp_path / "root")
    run = runs.start(
        root, tmp_path / "home", ("S1", "S2"), die_at=("/tile_index/", 2), run="in_many_processes"
    )
    assert run.end() == 1
    assert json.loads(run.text())
    assert runs.require_nothing_partial(root, undisturbed.whole) <= 1
    runs.finish(root, tmp_path / "home", undisturbed.whole)
