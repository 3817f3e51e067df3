"""Whole runs against the independent referee, bit for bit, on worlds made to be awkward."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from segment1b_assets_tests.oracle.compare import compare_world
from segment1b_assets_tests.oracle.world import make_world
from segment1b_assets_tests.run_support import run, use_history

WORLDS: list[tuple[int, dict[str, Any]]] = [
    (1, {"inclusion_rule": "center", "basis": "population", "dtype": "float32", "masses": "wild"}),
    (2, {"inclusion_rule": "any_overlap", "basis": "area_m2", "dp": 18, "feasible": True}),
    (3, {"inclusion_rule": "center", "basis": "population", "dtype": "int16", "masses": "ties"}),
    (4, {"inclusion_rule": "any_overlap", "basis": "uniform", "dp": 0, "feasible": True}),
    (5, {"inclusion_rule": "center", "basis": "population", "dtype": "float64", "masses": "zero"}),
    (6, {"inclusion_rule": "center", "denylist": ["first"], "dp": 7}),
]


@pytest.mark.parametrize(("seed", "knobs"), WORLDS)
def test_every_published_byte_is_the_referees(
    seed: int, knobs: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_history(monkeypatch, tmp_path / "home")
    root = tmp_path / "world"
    world = make_world(root, seed, rows=24, cols=30, countries=4, merchants=12, **knobs)
    countries = sorted({*world.countries, *world.outlet_countries, "AQ"})
    outcome = run(root, countries)
    assert outcome.success, (outcome.failures, outcome.messages)
    assert compare_world(root, countries=countries) == []


@pytest.mark.parametrize(
    ("knobs", "state", "code"),
    [
        ({"stranded": True}, "S3", "E303_MISSING_WEIGHTS"),
        ({"bad_mass": True, "basis": "population", "dtype": "float32"}, "S2", "E105_NORMALIZATION"),
    ],
)
def test_a_country_that_must_fail_fails_alone(
    knobs: dict[str, Any],
    state: str,
    code: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    use_history(monkeypatch, tmp_path / "home")
    root = tmp_path / "world"
    world = make_world(root, 9, rows=20, cols=24, countries=4, merchants=10, feasible=True, **knobs)
    countries = sorted({*world.countries, *world.outlet_countries})
    outcome = run(root, countries)
    assert not outcome.success
    first = {c: text for (s, c), text in outcome.failures.items() if s == state}
    assert len(first) == 1, outcome.failures
    ((country, told),) = first.items()
    assert told.startswith(f"{code} [{country}]")
    assert "next step" in told
    assert compare_world(root, countries=countries) == []
