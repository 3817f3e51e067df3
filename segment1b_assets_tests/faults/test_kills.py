"""kill -9 at random moments: nothing half-written is ever seen, and a plain re-run completes.

``SEGMENT1B_KILLS`` says how many (20 unless told otherwise, 200 by night), ``SEGMENT1B_KILL_SEED``
where the moments come from.
"""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from segment1b_assets_tests.faults import runs
from segment1b_assets_tests.faults.conftest import Undisturbed

KILLS = int(os.environ.get("SEGMENT1B_KILLS", "20"))
SEED = int(os.environ.get("SEGMENT1B_KILL_SEED", "6"))
#: Kills in a row that one world suffers before it may complete.
IN_A_ROW = 10
WORLDS = -(-KILLS // IN_A_ROW)


@pytest.mark.timeout(600)
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
        run.process.kill()
        ended = run.end()
        assert ended in (-signal.SIGKILL, 0)
        now = runs.require_nothing_partial(root, undisturbed.whole)
        assert now >= seen
        seen = now
        print(
            f"world {world} kill {number}, {wait:.3f} s after file {target}: {now} files whole, "
            f"{len(runs.left_over(root))} left-overs"
        )
    runs.age_the_newest(root)

    last = runs.start(root, tmp_path / "home")

    assert last.end() == 0, last.text()
    assert runs.tree(root) == undisturbed.whole
    assert runs.left_over(root) == []


@pytest.mark.timeout(300)
@pytest.mark.parametrize("target", [12])
def test_a_terminated_run_ends_and_leaves_nothing_partial(
    target: int, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    """SIGTERM, which is what the web UI's cancel sends."""
    root = runs.copy(undisturbed.inputs, tmp_path / "root")
    run = runs.start(root, tmp_path / "home")
    runs.wait_for_files(run, root, target)
    run.process.terminate()

    assert run.end() != 0
    runs.require_nothing_partial(root, undisturbed.whole)
    runs.age_the_newest(root)
    again = runs.start(root, tmp_path / "home")
    assert again.end() == 0, again.text()
    assert runs.tree(root) == undisturbed.whole
    assert runs.left_over(root) == []
