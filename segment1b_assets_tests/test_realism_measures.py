"""Each measure of the scorecard against numbers worked out by hand or by plain Python."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment1b_assets.contracts.realism import Band, realism_rules
from segment1b_assets.core.grid import Grid
from segment1b_assets.core.hilbert import curve_order, hilbert_index
from segment1b_assets.realism.chains import reaches, with_identical_tiles
from segment1b_assets.realism.distances import EARTH_KM, Neighbours, on_sphere
from segment1b_assets.realism.draws import Draws, generator, kept_rows
from segment1b_assets.realism.sites import tiles_at
from segment1b_assets.realism.statistics import (
    DistanceHistogram,
    correlation,
    crowded_first,
    gini,
    kolmogorov_smirnov,
    ranks,
)
from segment1b_assets.realism.tile_pass import half_degree_cells, pass_over_tiles, weight_sum
from segment1b_assets.storage.run_inputs import RunInputs, RunOptions
from segment1b_assets_tests.hypothesis_profiles import examples
from segment1b_assets_tests.realism_world import CELL, SIDE, arc_law, placed_world


def test_ranks_share_ties_and_correlate() -> None:
    assert ranks(np.array([10.0, 20.0, 10.0, 5.0])).tolist() == [2.5, 4.0, 2.5, 1.0]
    a, b = np.array([1.0, 2.0, 3.0, 4.0]), np.array([2.0, 1.0, 4.0, 3.0])
    assert correlation(a, b) == pytest.approx(0.6)
    assert correlation(a, -a) == pytest.approx(-1.0)
    assert correlation(a, np.ones(4)) is None


def test_kolmogorov_smirnov_against_tables() -> None:
    even = (np.arange(10) + 0.5) / 10
    assert kolmogorov_smirnov(even)[0] == pytest.approx(0.05)
    assert kolmogorov_smirnov(even)[1] == pytest.approx(1.0)
    d, p = kolmogorov_smirnov(np.array([0.9, 0.1, 0.8]))
    # Largest step: after 0.1 the empirical share is 1/3, and stays so until 0.8.
    assert d == pytest.approx(0.8 - 1 / 3)
    # Kolmogorov's limit is 0.05 at 1.3581 and 0.01 at 1.6276, where n is large.
    for value, wanted in ((1.3581, 0.05), (1.6276, 0.01)):
        n = 1_000_000
        shift = value / (math.sqrt(n) + 0.12 + 0.11 / math.sqrt(n))
        positions = np.clip((np.arange(n) + 1) / n - shift, 0, 1)
        assert kolmogorov_smirnov(positions)[1] == pytest.approx(wanted, rel=2e-3)
    assert p > 0.1


@examples(200)
@given(st.lists(st.integers(0, 30), min_size=2, max_size=40).filter(any))
def test_gini_is_the_mean_difference(held: list[int]) -> None:
    histogram = np.bincount(held)
    histogram[0] = 0
    n = len(held)
    wanted = sum(abs(a - b) for a in held for b in held) / (2 * n * sum(held))
    assert gini(histogram, n) == pytest.approx(wanted)
    tiles, sites = crowded_first(histogram)
    assert tiles[-1] == sum(k > 0 for k in held)
    assert sites[-1] == sum(held)
    assert sites.tolist() == sorted(sites)


def test_distance_quantiles_are_within_a_bin() -> None:
    source = np.random.Generator(np.random.Philox(key=3))
    km = source.lognormal(2.0, 1.5, 5001)
    histogram = DistanceHistogram(2)
    for part in np.array_split(km, 7):
        histogram.add(1, part)
    for q in (0.01, 0.5, 0.99):
        assert histogram.quantiles(q)[1] == pytest.approx(np.quantile(km, q), rel=0.01)
    assert math.isnan(histogram.quantiles(0.5)[0])
    histogram.add(0, np.array([0.0, 20_000.0]))
    assert histogram.quantiles(1.0)[0] == pytest.approx(20_000.0, rel=0.01)


def _haversine(a: tuple[float, float], b: tuple[float, float]) -> float:
    (lon1, lat1), (lon2, lat2) = (tuple(map(math.radians, p)) for p in (a, b))
    h = math.sin((lat2 - lat1) / 2) ** 2
    h += math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH_KM * math.asin(math.sqrt(min(1.0, h)))


#: Of country FR under the rules' key: four sites of the first draw, and the last place in a tile.
KNOWN_DRAW = [316185648468, 260411160874, 358394773019, 701161409461]
KNOWN_WITHIN = [0.08112997545889988, 0.1232491626808796]

PLACE = st.tuples(st.floats(-180, 180), st.floats(-90, 90)) | st.tuples(
    st.floats(179.5, 180) | st.floats(-180, -179.5), st.floats(-1, 1)
)


@examples(100)
@given(st.lists(PLACE, min_size=2, max_size=30))
def test_neighbours_and_pairs_are_great_circles(places: list[tuple[float, float]]) -> None:
    lon, lat = np.array(places).T
    found = Neighbours(on_sphere(lon, lat))
    km = [[_haversine(a, b) for b in places] for a in places]
    nearest = [min(d for j, d in enumerate(row) if j != i) for i, row in enumerate(km)]
    assert found.nearest_km() == pytest.approx(nearest, rel=1e-6, abs=1e-3)
    radii = [10.0, 100.0, 9000.0]
    apart = [km[i][j] for i in range(len(km)) for j in range(i)]
    if all(abs(d - r) > 1e-3 for d in apart for r in radii):
        wanted = [sum(d <= r for d in apart) for r in radii]
        assert found.pairs_within(radii).tolist() == wanted


def test_a_single_site_has_no_neighbour() -> None:
    assert Neighbours(on_sphere(np.zeros(1), np.zeros(1))).nearest_km().size == 0


@examples(200)
@given(
    st.lists(
        st.lists(st.sampled_from([0, 1, 2, 3, 2**63, 2**64 - 1]), min_size=1, max_size=5),
        max_size=12,
    )
)
def test_identical_tile_sets_are_those_of_sets(chains: list[list[int]]) -> None:
    pair = np.repeat(np.arange(len(chains)), [len(c) for c in chains])
    tile = np.array([t for c in chains for t in c], np.uint64)
    sets = [frozenset(c) for c in chains]
    count = Counter(sets)
    wanted = [i for i, s in enumerate(sets) if count[s] > 1]
    assert with_identical_tiles(pair, tile).tolist() == wanted


def test_reach_by_hand() -> None:
    chains = [
        [0.1, 0.3],  # two shops: both, 0.2 apart
        [0.95, 0.05],  # across the end of the curve
        [0.5],  # one shop: none
        [0.2, 0.2, 0.2],
        # Nine of ten are enough: the tenth lies far off.
        [0.4, 0.41, 0.42, 0.43, 0.44, 0.45, 0.46, 0.47, 0.48, 0.9],
    ]
    pair = np.repeat(np.arange(5), [len(c) for c in chains])
    found = reaches(pair, np.array([p for c in chains for p in c]), 5)
    assert math.isnan(found[2])
    assert found[[0, 1, 3, 4]] == pytest.approx([0.2, 0.1, 0.0, 0.08])


@examples(200)
@given(st.lists(st.floats(0, 0.999), min_size=2, max_size=25))
def test_reach_is_the_shortest_arc(places: list[float]) -> None:
    n = len(places)
    wanted = min(
        sorted((p - start) % 1.0 for p in places)[math.ceil(0.9 * n) - 1] for start in places
    )
    found = reaches(np.zeros(n, np.int64), np.array(places), 1)
    assert found[0] == pytest.approx(wanted, abs=1e-9)


def test_kept_rows_are_spread_evenly_and_fixed() -> None:
    assert kept_rows(5, 9, 1, "FR").tolist() == [0, 1, 2, 3, 4]
    rows = kept_rows(1_000_000_007, 1000, 1, "FR")
    assert np.array_equal(rows, kept_rows(1_000_000_007, 1000, 1, "FR"))
    # One row of each thousandth.
    assert np.array_equal((rows * 1000 + 999) // 1_000_000_007, np.arange(1000))
    assert not np.array_equal(rows, kept_rows(1_000_000_007, 1000, 1, "IT"))


def test_draws_are_known_numbers() -> None:
    """The same on every machine: whole numbers and 53-bit fractions of Philox."""
    draws = Draws.of(3, 4, 10**12, 20251123, "FR")
    assert (np.diff(draws.quantile) >= 0).all()
    assert sorted(draws.which.tolist()) == list(range(12))
    drawn = draws.by_draw(draws.quantile.astype(np.uint64))
    assert drawn.shape == (3, 4)
    assert drawn[0].tolist() == KNOWN_DRAW
    assert draws.within[2, 3].tolist() == KNOWN_WITHIN
    assert generator(1, "FR", "draw").random() != generator(1, "FR", "keep").random()


def test_one_pass_finds_what_plain_python_finds(tmp_path: Path) -> None:
    world = placed_world(tmp_path, arc_law, shops=[1, 2])
    inputs = RunInputs(RunOptions(tmp_path, batch_rows=97))
    tiles, weights = world.tiles["IT"].tolist(), world.weights["IT"].tolist()
    grid = inputs.grid
    asked = np.array(sorted([tiles[0], tiles[700], tiles[701], tiles[-1]]), np.uint64)
    quantile = np.array([0, weights[0] - 1, weights[0], sum(weights[:800]), 10**12 - 1])
    found = pass_over_tiles(inputs, "IT", quantile, asked)

    assert weight_sum(inputs, "IT") == 10**12
    assert found.drawn_tile.tolist() == [tiles[0], tiles[0], tiles[1], tiles[800], tiles[-1]]
    at = [tiles.index(t) for t in asked.tolist()]
    assert found.weight.tolist() == [weights[i] for i in at]
    assert found.before.tolist() == [sum(weights[:i]) for i in at]
    index = _on_curve(grid, tiles)
    assert found.before_on_curve.tolist() == [
        sum(w for w, h in zip(weights, index, strict=True) if h < index[i]) for i in at
    ]
    assert found.heaviest_weight == max(weights)
    assert found.heaviest_tile == tiles[weights.index(max(weights))]
    assert found.tiles == sum(w > 0 for w in weights)
    # Four quarter-degree tiles a half-degree cell; persons in proportion to the weights.
    held = np.flatnonzero(found.people)
    assert held.size == SIDE * SIDE // 4
    corner = (0, 1, SIDE, SIDE + 1)
    shares = sum(weights[i] for i in corner) / 1e12
    assert found.people[held[0]] / found.people.sum() == pytest.approx(shares, rel=2e-5)


def _on_curve(grid: Grid, tiles: list[int]) -> list[int]:
    row, col = np.divmod(np.array(tiles, np.uint64), np.uint64(grid.ncols))
    return [int(h) for h in hilbert_index(col, row, curve_order(grid.nrows, grid.ncols))]


def test_cells_and_tiles_of_places() -> None:
    grid = Grid(a=CELL, c=-180.0, e=-CELL, f=90.0, nrows=720, ncols=1440)
    lon, lat = np.array([-180.0, 179.99, 0.1]), np.array([90.0, -89.99, 0.1])
    assert tiles_at(grid, lon, lat).tolist() == [0, 720 * 1440 - 1, 359 * 1440 + 720]
    ids = np.array([0, 1, 2, 1439, 1440, 2880], np.uint64)
    assert half_degree_cells(grid, ids).tolist() == [0, 0, 1, 719, 0, 720]


def test_bands_include_their_ends() -> None:
    band = Band(title="t", unit="u", low=1.0, high=2.0)
    assert [band.holds(v) for v in (0.99, 1.0, 2.0, 2.01)] == [False, True, True, False]
    assert Band(title="t", unit="u").holds(1e9)
    assert realism_rules().draws == 99
    assert [g.published for g in realism_rules().reach] == [0.06, 0.21, 0.29, 0.47, 0.44, 0.44]
