"""Whole runs against the independent referee, bit for bit, on worlds made to be awkward."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
import shapely

from segment1b_assets_tests.dagster_support import FIVE, country_shape, small_world
from segment1b_assets_tests.oracle.compare import compare_world
from segment1b_assets_tests.oracle.world import make_world
from segment1b_assets_tests.run_support import run, use_history

REACH = [{"n_max": 2, "power": 3}, {"n_max": 4, "power": 8, "min_ppm": 20_000}]
WORLDS: list[tuple[int, dict[str, Any]]] = [
    (1, {"inclusion_rule": "center", "basis": "population", "dtype": "float32", "masses": "wild"}),
    (2, {"inclusion_rule": "any_overlap", "basis": "area_m2", "dp": 18, "feasible": True}),
    (3, {"inclusion_rule": "center", "basis": "population", "dtype": "int16", "masses": "ties"}),
    (4, {"inclusion_rule": "any_overlap", "basis": "uniform", "dp": 0, "feasible": True}),
    (5, {"inclusion_rule": "center", "basis": "population", "dtype": "float64", "masses": "zero"}),
    (7, {"inclusion_rule": "center", "dp": 18, "masses": "wild", "reach": REACH}),
    (6, {"inclusion_rule": "center", "denylist": ["first"], "dp": 7}),
    (7, {"inclusion_rule": "any_overlap", "jitter_mode": "uniform_v2", "feasible": True}),
    (8, {"inclusion_rule": "center", "jitter_mode": "uniform_v2", "max_attempts": 64}),
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


def upright_edges(shape: shapely.Geometry) -> set[float]:
    """The longitudes of a polygon's north-south edges."""
    rings = shapely.get_rings(shapely.get_parts(shape))
    corners = [shapely.get_coordinates(ring) for ring in rings]
    return {float(a[0]) for c in corners for a, b in itertools.pairwise(c) if a[0] == b[0]}


def test_an_edge_past_180_through_a_column_of_centres(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its longitude has another name in the raster, and every centre of the column is on it."""
    use_history(monkeypatch, tmp_path / "home")
    root = tmp_path / "world"
    grid = small_world(root, seed=7).grid
    centres = {grid.c + (k + 0.5) * grid.a for k in range(grid.ncols)}
    assert -180.25 in upright_edges(country_shape(root, "FI"))
    assert 180.25 in upright_edges(country_shape(root, "FM"))
    assert {179.75, 180.25} <= centres

    outcome = run(root, FIVE, ["S0", "S1"])  # S1's own validators judge what it has published
    assert outcome.success, (outcome.failures, outcome.messages)
    assert compare_world(root, ["s1"], FIVE) == []


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
