"""Two runs at once: the same partition is published once, whole, and both are content."""

from __future__ import annotations

from collections.abc import Callable
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any

import pytest

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.storage.data_root import DataRoot
from segment1b_assets.storage.publish import publish_file, publish_folder, staging_area
from segment1b_assets_tests.faults import runs
from segment1b_assets_tests.faults.conftest import Undisturbed

ROUNDS = 60


@pytest.mark.timeout(300)
def test_two_runs_over_the_same_countries(undisturbed: Undisturbed, tmp_path: Path) -> None:
    root = runs.copy(undisturbed.inputs, tmp_path / "root")
    first = runs.start(root, tmp_path / "home1")
    second = runs.start(root, tmp_path / "home2")
    assert first.end() == 0, first.text()
    assert second.end() == 0, second.text()
    assert runs.tree(root) == undisturbed.whole
    assert runs.left_over(root) == []


def _publish_rounds(root: str, mark: str, as_folder: bool, start: Any, told: Any) -> None:
    """Publish the same names with this process's own bytes, as fast as it goes."""
    data = DataRoot(Path(root))
    wins: list[int] = []
    codes: set[str] = set()
    for number in range(ROUNDS):
        start.wait()
        target = data.path / "layer1/1B/x" / f"country={number}"
        with staging_area(data) as work:
            staged = work / "folder"
            staged.mkdir()
            for part in range(3):
                (staged / f"part-{part:05d}.parquet").write_text(mark * 2000)
            try:
                publish: Callable[..., Any] = publish_folder if as_folder else publish_file
                chosen = staged if as_folder else staged / "part-00000.parquet"
                if publish(chosen, target, dataset="x", country="FR").status == "published":
                    wins.append(number)
            except Segment1BError as err:
                codes.add(err.code)
    told.put((mark, wins, sorted(codes)))


@pytest.mark.timeout(120)
@pytest.mark.parametrize("as_folder", [True, False], ids=["folder", "file"])
def test_of_two_that_publish_other_bytes_one_wins_and_the_other_is_told(
    as_folder: bool, tmp_path: Path
) -> None:
    context = runs.server()
    start = context.Barrier(2)
    told: Queue[Any] = context.Queue()
    marks = ("first", "second")
    processes = [
        context.Process(target=_publish_rounds, args=(str(tmp_path), m, as_folder, start, told))
        for m in marks
    ]
    for process in processes:
        process.start()
    results = {mark: (wins, codes) for mark, wins, codes in (told.get(timeout=100) for _ in marks)}
    for process in processes:
        process.join()
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
