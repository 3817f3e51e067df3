"""What docs/proofs.md claims of population_arc_v1, held against the rows and events of S4.

Intervals come from the oracle's sort of all tiles; home and reach from the events. Nothing is
placed a second time: these are the claims, where test_arc_plan.py has the law.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from segment1b_assets.core.arc_draw import ReachStep
from segment1b_assets.core.arc_plan import arc_plan
from segment1b_assets_tests.hypothesis_profiles import examples
from segment1b_assets_tests.oracle import arc as oracle
from segment1b_assets_tests.site_support import COUNTRY, IDENTITY, TS, drained, parsed

NROWS, NCOLS = 5, 6
Sites = dict[int, int]
Reach = list[tuple[int, int, int]]


def plans(
    weights: Sites, dp: int, pairs: Sites, reach: Reach, raster: tuple[int, int] = (NROWS, NCOLS)
) -> list[tuple[int, int, int, Sites]]:
    """By merchant: n, A, L and the sites of each tile."""
    batch = (
        np.array(sorted(weights), np.uint64),
        np.array([weights[t] for t in sorted(weights)], np.int64),
    )
    stream = arc_plan(
        COUNTRY, IDENTITY, TS, np.array(sorted(pairs), np.uint64),
        np.array([pairs[m] for m in sorted(pairs)], np.int64),
        lambda: iter([batch]), dp, raster, [ReachStep(*step) for step in reach],
    )  # fmt: skip
    table, logs = drained(stream)
    sites: dict[int, Sites] = defaultdict(dict)
    names = ("merchant_id", "tile_id", "n_sites_tile")
    for merchant, tile, count in zip(
        *(table.column(name).to_pylist() for name in names), strict=True
    ):
        assert tile not in sites[merchant]
        sites[merchant][tile] = count
    events = parsed(logs["rng_events_site_tile_plan"])
    return [
        (e["n_sites"], int(e["home"]), int(e["reach"]), sites[e["merchant_id"]]) for e in events
    ]


def intervals(
    weights: Sites, raster: tuple[int, int] = (NROWS, NCOLS)
) -> dict[int, tuple[int, int]]:
    """Where each tile lies on cumulative weight."""
    ends = oracle.along_the_curve(weights, *raster)
    return {tile: (end - weights[tile], end) for end, tile in ends}


@st.composite
def weighed(draw: st.DrawFn, most_dp: int = 2) -> tuple[int, Sites]:
    """dp and weights of some tiles that sum to 10^dp, many of them zero."""
    dp = draw(st.integers(0, most_dp))
    tiles = draw(st.sets(st.integers(0, NROWS * NCOLS - 1), min_size=1, max_size=20))
    cuts = draw(st.lists(st.integers(0, 10**dp), min_size=len(tiles) - 1, max_size=len(tiles) - 1))
    ends = [0, *sorted(cuts), 10**dp]
    return dp, dict(zip(sorted(tiles), np.diff(ends).tolist(), strict=True))


COUNTS = st.one_of(st.integers(1, 6), st.integers(1, 250))
ENTRIES = st.tuples(st.integers(2, 120), st.integers(1, 8), st.integers(0, 10**6))


@examples(100)
@given(
    weighed(), st.dictionaries(st.integers(0, 2**64 - 1), COUNTS, min_size=1, max_size=9),
    st.lists(ENTRIES, max_size=3, unique_by=lambda entry: entry[0]).map(sorted),
)  # fmt: skip
@example((2, {0: 0, 7: 100, 9: 0}), {5: 250, 2**64 - 1: 1}, [(250, 8, 0)])
@example((1, {3: 1, 4: 8, 17: 1}), dict.fromkeys(range(40), 7), [(7, 1, 999_999)])
def test_a_tile_has_its_share_of_the_arc_to_within_one(
    country: tuple[int, Sites], pairs: Sites, reach: Reach
) -> None:
    dp, weights = country
    places = intervals(weights)
    for n, home, length, sites in plans(weights, dp, pairs, reach):
        assert sum(sites.values()) == n
        arc = {(home + step) % 10**dp for step in range(length)}
        assert len(arc) == length  # no place twice, past K too
        for tile, (before, end) in places.items():
            covered = len(arc.intersection(range(before, end)))
            assert abs(sites.get(tile, 0) * length - n * covered) < length
            if covered == 0:
                assert tile not in sites


@pytest.mark.parametrize("n", [1, 2, 7, 33])
@pytest.mark.parametrize("power", [1, 2])
def test_over_all_homes_a_tile_expects_its_share_exactly(n: int, power: int) -> None:
    """K = 10: with enough merchants every home occurs with every reach."""
    weights = {1: 3, 4: 0, 8: 1, 14: 2, 20: 0, 27: 4}
    found: dict[int, dict[int, Sites]] = defaultdict(dict)
    pairs = dict.fromkeys(range(1500), n)
    for _, home, length, sites in plans(weights, 1, pairs, [(40, power, 0)]):
        # The same home and reach give the same sites, whoever draws them.
        assert found[length].setdefault(home, sites) == sites
    assert set(found) == ({10} if n == 1 else set(range(1, 11)))
    for by_home in found.values():
        assert set(by_home) == set(range(10))
        total: Counter[int] = Counter()
        for sites in by_home.values():
            total.update(sites)
        assert total == Counter({tile: n * weight for tile, weight in weights.items() if weight})


@examples(100)
@given(
    st.integers(0, 18), COUNTS, st.integers(0, 2**64 - 20), st.integers(0, 10**6),
    st.integers(0, 5),
)  # fmt: skip
def test_reach_lies_between_its_least_and_the_whole(
    dp: int, n: int, first: int, min_ppm: int, above: int
) -> None:
    """By power: never longer as it grows, but for one unit of rounding; the home never moves."""
    whole, weights = 10**dp, {3: 10**dp}
    pairs = dict.fromkeys(range(first, first + 20), n)
    least = max(1, -(-whole * min_ppm // 10**6))
    free = plans(weights, dp, pairs, [])
    homes = [home for _, home, _, _ in free]
    assert all(length == whole for _, _, length, _ in free)
    assert all(0 <= home < whole for home in homes)
    longest = [whole] * len(free)
    for power in range(1, 9):
        drawn = plans(weights, dp, pairs, [(n + above, power, min_ppm)] if n + above > 1 else [])
        lengths = [length for _, _, length, _ in drawn]
        assert [home for _, home, _, _ in drawn] == homes
        if n == 1:
            assert set(lengths) == {whole}
        else:
            assert all(
                least <= length <= most for length, most in zip(lengths, longest, strict=True)
            )
            longest = lengths
    if n > 2:
        # An entry for fewer sites than the pair has is none.
        beyond = plans(weights, dp, pairs, [(n - 1, 8, 0)])
        assert {length for _, _, length, _ in beyond} == {whole}


@examples(60)
@given(weighed(), st.integers(1, 60), st.integers(0, 2**64 - 60))
def test_an_arc_round_the_end_goes_on_at_the_beginning(
    country: tuple[int, Sites], n: int, first: int
) -> None:
    """Whole arcs: as many sites before the home as the law counts from the line's beginning."""
    dp, weights = country
    whole = 10**dp
    places = intervals(weights)
    for _, home, _, sites in plans(weights, dp, dict.fromkeys(range(first, first + 30), n), []):
        tile_at = next(t for t, (before, end) in places.items() if before <= home < end)
        assert sites[tile_at] >= 1
        round_end = sum(home + k * whole // n >= whole for k in range(n))
        behind = sum(c for tile, c in sites.items() if places[tile][1] <= home)
        assert behind <= round_end <= behind + sites[tile_at]


def test_a_home_at_the_end_of_a_tile_belongs_to_the_next() -> None:
    """C_before <= q < C: with weights of one unit each home has a tile to itself."""
    weights: dict[int, Any] = dict.fromkeys(range(10), 1)
    places = {before: tile for tile, (before, _) in intervals(weights).items()}
    homes = set()
    for _, home, _, sites in plans(weights, 1, dict.fromkeys(range(200), 1), []):
        assert sites == {places[home]: 1}
        homes.add(home)
    assert homes == set(range(10))
