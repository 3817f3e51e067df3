"""The world that the faults befall, and what an undisturbed run makes of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from segment1b_assets_tests.faults import runs
from segment1b_assets_tests.hostile.laboratory import build_world

#: Seconds for one test: only a hang takes that long, however busy the machine.
LONG = 2400


@dataclass(frozen=True)
class Undisturbed:
    """Inputs alone, and the outcome of a run that nobody disturbed.

    Attributes:
        inputs: a data root to copy.
        done: a data root after the run.
        whole: relative path -> SHA-256 of every published file and log.
        before_s5: a data root after S4.
    """

    inputs: Path
    done: Path
    whole: dict[str, str]
    before_s5: Path


@pytest.fixture(scope="session", autouse=True)
def _nursery() -> Iterator[None]:
    yield
    runs.close_nursery()


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    folder = tmp_path_factory.mktemp("undisturbed")
    build_world(folder / "inputs")
    root = runs.copy(folder / "inputs", folder / "root")
    for states, then in ((runs.STATES[:5], "before_s5"), (runs.STATES[5:], None)):
        run = runs.start(root, folder / "home", states)
        assert run.end() == 0, run.text()
        if then:
            runs.copy(root, folder / then)
    whole = runs.tree(root)
    assert sum(name.endswith(".parquet") for name in whole) == 9 * len(runs.COUNTRIES)
    return Undisturbed(folder / "inputs", root, whole, folder / "before_s5")
