"""The world that the faults befall, and what an undisturbed run makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from segment1b_assets_tests.faults import runs
from segment1b_assets_tests.hostile.laboratory import build_world


@dataclass(frozen=True)
class Undisturbed:
    """Inputs alone, and the outcome of a run that nobody disturbed.

    Attributes:
        inputs: a data root to copy.
        done: a data root after the run.
        whole: relative path -> SHA-256 of every published file and log.
    """

    inputs: Path
    done: Path
    whole: dict[str, str]


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    folder = tmp_path_factory.mktemp("undisturbed")
    build_world(folder / "inputs")
    root = runs.copy(folder / "inputs", folder / "root")
    run = runs.start(root, folder / "home")
    assert run.end() == 0, run.text()
    whole = runs.tree(root)
    assert sum(name.endswith(".parquet") for name in whole) == 9 * len(runs.COUNTRIES)
    return Undisturbed(folder / "inputs", root, whole)
