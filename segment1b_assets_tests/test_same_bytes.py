"""The same bytes whatever the workers, the batches, the order of runs (contract §2)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from segment1b_assets_tests.oracle.world import make_world
from segment1b_assets_tests.run_support import (
    HISTORY,
    PLAIN_PROCESSOR,
    copy_world,
    published,
    run,
    use_history,
)

CLOCK = "1790000000"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, list[str]]:
    """A world's inputs, a root that one worker made of them in one run, and the countries."""
    base = tmp_path_factory.mktemp("same")
    world = make_world(
        base / "world", 31, rows=30, cols=40, countries=4, merchants=25, inclusion_rule="center",
        basis="population", dp=12, feasible=True,
    )  # fmt: skip
    countries = sorted({*world.countries, *world.outlet_countries})
    with pytest.MonkeyPatch.context() as patch:
        use_history(patch, base / "home")
        patch.setenv("SOURCE_DATE_EPOCH", CLOCK)
        root = copy_world(base / "world", base / "one")
        assert run(root, countries, workers=1).success
    return base / "world", root, countries


def test_workers_batches_and_halves_publish_identical_trees(
    made: tuple[Path, Path, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, one, countries = made
    use_history(monkeypatch, tmp_path / "home")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", CLOCK)
    two = copy_world(source, tmp_path / "two")
    assert run(two, countries, workers=2, batch_rows=1024).success
    halves = copy_world(source, tmp_path / "halves")
    states = [f"S{n}" for n in range(9)]
    assert run(halves, countries[1::2], states).success
    assert run(halves, countries[::2], states).success
    assert run(halves, countries, ["S9"]).success
    tree = published(one)
    assert any(path.endswith("_passed.flag") for path in tree)
    assert any("rng/events" in path for path in tree)
    assert tree == published(two) == published(halves)


def test_a_second_run_changes_nothing(
    made: tuple[Path, Path, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, root, countries = made
    use_history(monkeypatch, tmp_path / "home")
    before = {p: (root / p).stat().st_mtime_ns for p in published(root)}
    assert run(root, countries).success
    assert {p: (root / p).stat().st_mtime_ns for p in published(root)} == before
    assert not [p for p in (root / ".staging").rglob("*") if p.is_file()]


def test_a_processor_without_vector_extensions_publishes_the_same_tree(tmp_path: Path) -> None:
    world = make_world(
        tmp_path / "world", 32, rows=300, cols=12, countries=3, merchants=20,
        inclusion_rule="center", basis="area_m2", dp=18, feasible=True,
    )  # fmt: skip
    countries = ",".join(sorted({*world.countries, *world.outlet_countries}))
    trees = []
    for name, processor in (("as_it_is", {}), ("plain", PLAIN_PROCESSOR)):
        root = copy_world(tmp_path / "world", tmp_path / name)
        (home := tmp_path / f"home-{name}").mkdir()
        (home / "dagster.yaml").write_text(HISTORY)
        ended = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "segment1b_assets.cli", "run",
             "--root", str(root), "--countries", countries],
            env={**os.environ, **processor, "DAGSTER_HOME": str(home), "SOURCE_DATE_EPOCH": CLOCK},
            capture_output=True, text=True,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stdout + ended.stderr
        trees.append(published(root))
    assert sum("site_locations" in path for path in trees[0]) == len(countries.split(","))
    assert trees[0] == trees[1]
