"""Two runs at once: the same partition is published once, whole, and both are content."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.storage.data_root import DataRoot
from segment1b_assets.storage.publish import publish_file, publish_folder
from segment1b_assets.storage.staging import STAGING
from segment1b_assets_tests.faults import runs
from segment1b_assets_tests.faults.conftest import LONG, Undisturbed
from segment1b_assets_tests.faults.nursery import PATIENCE

ROUNDS = 60
MARKS = ("first", "second")


@pytest.mark.timeout(LONG)
def test_two_runs_over_the_same_countries(undisturbed: Undisturbed, tmp_path: Path) -> None:
    root = runs.copy(undisturbed.inputs, tmp_path / "root")
    first = runs.start(root, tmp_path / "home1")
    second = runs.start(root, tmp_path / "home2")
    assert first.end() == 0, first.text()
    assert second.end() == 0, second.text()
    assert runs.tree(root) == undisturbed.whole
    assert runs.left_over(root) == []


def publish_rounds(root: str, mark: str, as_folder: bool, told: str) -> int:
    """Publish the same names with this process's own bytes, each when both are there."""
    data = DataRoot(Path(root))
    wins: list[int] = []
    codes: set[str] = set()
    for number in range(ROUNDS):
        target = data.path / "layer1/1B/x" / f"country={number}"
        with data.staging_area() as work:
            staged = work / "folder"
            staged.mkdir()
            for part in range(3):
                (staged / f"part-{part:05d}.parquet").write_text(mark * 2000)
            _meet(data.path, number, mark)
            try:
                publish: Callable[..., Any] = publish_folder if as_folder else publish_file
                chosen = staged if as_folder else staged / "part-00000.parquet"
                if publish(chosen, target, dataset="x", country="FR").status == "published":
                    wins.append(number)
            except Segment1BError as err:
                codes.add(err.code)
    Path(told).write_text(json.dumps([wins, sorted(codes)]), "utf-8")
    return 0


def _meet(root: Path, number: int, mark: str) -> None:
    """Wait until the other process has come as far."""
    (root / f"{mark}-{number}").touch()
    until = time.monotonic() + PATIENCE
    while not all((root / f"{m}-{number}").exists() for m in MARKS):
        if time.monotonic() > until:
            raise AssertionError("the other process did not come")


@pytest.mark.timeout(LONG)
@pytest.mark.parametrize("as_folder", [True, False], ids=["folder", "file"])
def test_of_two_that_publish_other_bytes_one_wins_and_the_other_is_told(
    as_folder: bool, tmp_path: Path
) -> None:
    children = [
        runs.nursery().bear(
            "segment1b_assets_tests.faults.test_two_runs:publish_rounds",
            {
                "root": str(tmp_path), "mark": mark, "as_folder": as_folder,
                "told": str(tmp_path / f"told-{mark}"),
            },
            tmp_path / f"output-{mark}",
        )
        for mark in MARKS
    ]  # fmt: skip
    for child in children:
        assert child.end() == 0, child.output.read_text()
    results = {m: json.loads((tmp_path / f"told-{m}").read_text("utf-8")) for m in MARKS}
    winners = {n: mark for mark, (wins, _) in results.items() for n in wins}
    assert sorted(winners) == list(range(ROUNDS))
    assert sum(len(wins) for wins, _ in results.values()) == ROUNDS
    for _, codes in results.values():
        assert set(codes) <= {"E_IMMUTABLE_PARTITION_EXISTS_NONIDENTICAL"}
    for number, mark in winners.items():
        target = tmp_path / "layer1/1B/x" / f"country={number}"
        files = sorted(target.iterdir()) if as_folder else [target]
        assert len(files) == (3 if as_folder else 1)
        assert {f.read_text() for f in files} == {mark * 2000}
    assert runs.left_over(tmp_path) == []


def count_alone(root: str, mark: str, counter: str) -> int:
    """Add to a counter's file twice, each time when the other process is about to do so, too.

    Whoever has just let go comes again while the other still waits at the lock's old file.
    """
    told = Path(counter)
    for number in range(ROUNDS):
        _meet(told.parent, number, mark)
        for _ in range(2):
            with DataRoot(Path(root)).exclusive_lock("counting"):
                count = int(told.read_text("utf-8"))
                time.sleep(0.005)  # nobody else may come between reading and writing
                told.write_text(str(count + 1), "utf-8")
    return 0


@pytest.mark.timeout(LONG)
def test_what_is_done_alone_is_done_by_one_at_a_time_and_leaves_no_lock(tmp_path: Path) -> None:
    (root := tmp_path / "root").mkdir()
    (counter := tmp_path / "counter").write_text("0", "utf-8")
    children = [
        runs.nursery().bear(
            "segment1b_assets_tests.faults.test_two_runs:count_alone",
            {"root": str(root), "mark": mark, "counter": str(counter)},
            tmp_path / f"output-{mark}",
        )
        for mark in MARKS
    ]
    for child in children:
        assert child.end() == 0, child.output.read_text()
    assert int(counter.read_text("utf-8")) == len(MARKS) * ROUNDS * 2
    assert runs.left_over(root) == []


def test_a_killed_process_s_lock_is_swept_and_a_held_one_stays(tmp_path: Path) -> None:
    data = DataRoot(tmp_path)
    with data.exclusive_lock("retiring"):
        (tmp_path / STAGING / "forgotten.lock").touch()
        assert data.sweep_staging() == 1
        assert runs.left_over(tmp_path) == ["retiring.lock"]
    assert runs.left_over(tmp_path) == []
