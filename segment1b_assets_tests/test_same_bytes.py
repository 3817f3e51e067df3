"""The same bytes whatever the workers, the batches, the order of runs (contract section 2)."""

from __future__ import annotations

from pathlib import Path

import pytest

from segment1b_assets_tests.oracle.world import make_world
from segment1b_assets_tests.run_support import copy_world, published, run, use_history


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    root = tmp_path_factory.mktemp("same") / "world"
    made = make_world(
        root, 31, rows=30, cols=40, countries=4, merchants=25, inclusion_rule="center",
        basis="population", dp=12, feasible=True,
    )  # fmt: skip
    return root, sorted({*made.countries, *made.outlet_countries})


def test_workers_batches_and_halves_publish_identical_trees(
    world: tuple[Path, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, countries = world
    use_history(monkeypatch, tmp_path / "home")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1790000000")
    trees = []
    for name, workers, batch_rows in (("one", 1, 1 << 20), ("two", 2, 1024)):
        root = copy_world(source, tmp_path / name)
        assert run(root, countries, workers=workers, batch_rows=batch_rows).success
        trees.append(published(root))
    root = copy_world(source, tmp_path / "halves")
    states = [f"S{n}" for n in range(9)]
    assert run(root, countries[1::2], states).success
    assert run(root, countries[::2], states).success
    assert run(root, countries, ["S9"]).success
    trees.append(published(root))
    assert any(path.endswith("_passed.flag") for path in trees[0])
    assert any("rng/events" in path for path in trees[0])
    assert trees[0] == trees[1] == trees[2]


def test_a_second_run_changes_nothing(
    world: tuple[Path, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, countries = world
    use_history(monkeypatch, tmp_path / "home")
    root = copy_world(source, tmp_path / "again")
    assert run(root, countries).success
    before = {p: (root / p).stat().st_mtime_ns for p in published(root)}
    assert run(root, countries).success
    assert {p: (root / p).stat().st_mtime_ns for p in published(root)} == before
    assert not [p for p in (root / ".staging").rglob("*") if p.is_file()]
