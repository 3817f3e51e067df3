"""s4_alloc_plan against the largest remainder over all tiles, in Python integers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.schemas import TABLES
from segment1b_assets.core.allocation import alloc_plan, floor_and_residue
from segment1b_assets_tests.hypothesis_profiles import examples

Row = tuple[int, int, int]


def weights_of(tiles: list[int], weights: list[int], piece: int = 3) -> Iterator[Any]:
    for start in range(0, len(tiles), piece):
        part = slice(start, start + piece)
        yield np.array(tiles[part], np.uint64), np.array(weights[part], np.int64)


def plan(pairs: dict[int, int], weights: list[int], dp: int, **options: Any) -> list[Row]:
    """Rows for pairs (merchant -> n) over tiles 10, 11, ... of the given weights."""
    tiles = [10 + i for i in range(len(weights))]
    stream = alloc_plan(
        "FR",
        np.array(sorted(pairs), np.uint64),
        np.array([pairs[m] for m in sorted(pairs)], np.int64),
        weights_of(tiles, weights),
        dp,
        **options,
    )
    rows = [row for chunk in stream.chunks for row in chunk.rows.to_pylist()]
    assert {row["legal_country_iso"] for row in rows} <= {"FR"}
    return [(row["merchant_id"], row["tile_id"], row["n_sites_tile"]) for row in rows]


def by_the_law(pairs: dict[int, int], weights: list[int], dp: int) -> list[Row]:
    rows = []
    for merchant in sorted(pairs):
        n, scale = pairs[merchant], 10**dp
        sites = [w * n // scale for w in weights]
        order = sorted(range(len(weights)), key=lambda i: (-(weights[i] * n % scale), i))
        for i in order[: n - sum(sites)]:
            sites[i] += 1
        rows += [(merchant, 10 + i, s) for i, s in enumerate(sites) if s]
    return rows


@st.composite
def shared_out(draw: st.DrawFn) -> tuple[list[int], int]:
    """Weights that sum to 10^dp: with ties, zeros, one that has almost all."""
    dp = draw(st.integers(0, 18))
    parts = draw(
        st.lists(st.sampled_from([0, 1, 1, 1, 2, 3, 5, 50, 10**6]), min_size=1, max_size=40)
    )
    total = sum(parts) or 1
    weights = [p * 10**dp // total for p in parts]
    rest = 10**dp - sum(weights)
    if draw(st.booleans()):
        weights[draw(st.integers(0, len(parts) - 1))] += rest
    else:
        each, more = divmod(rest, len(parts))
        weights = [w + each + (i < more) for i, w in enumerate(weights)]
    return weights, dp


PAIRS = st.dictionaries(
    st.integers(0, 2**64 - 1),
    st.one_of(st.integers(1, 6), st.integers(1, 300), st.integers(1, 2**50 - 1)),
    max_size=8,
)


@examples(400)
@given(PAIRS, shared_out(), st.integers(1, 9))
@example({5: 2**50 - 1}, ([10**18 - 2, 1, 1], 18), 4)
@example({5: 3, 2**64 - 1: 3}, ([2, 2, 2, 2, 2], 1), 2)
def test_plan_equals_the_law(
    pairs: dict[int, int], shared: tuple[list[int], int], batch_rows: int
) -> None:
    weights, dp = shared
    assert plan(pairs, weights, dp, batch_rows=batch_rows) == by_the_law(pairs, weights, dp)


@examples(300)
@given(
    st.integers(0, 18).flatmap(
        lambda dp: st.tuples(st.just(10**dp), st.lists(st.integers(0, 10**dp), min_size=1))
    ),
    st.one_of(st.integers(1, 2**50 - 1), st.integers(2**50 - 9, 2**50 - 1), st.integers(1, 9)),
)
@example((10**18, [10**18, 10**18 - 1, 1, 0]), 2**50 - 1)
def test_floors_and_residues_are_exact(scaled: tuple[int, list[int]], n: int) -> None:
    scale, weights = scaled
    floors, residues = floor_and_residue(np.array(weights, np.int64), n, scale)
    assert floors.tolist() == [w * n // scale for w in weights]
    assert residues.tolist() == [w * n % scale for w in weights]


@examples(50)
@given(PAIRS, shared_out(), st.integers(1, 2**63))
def test_a_merchants_rows_do_not_depend_on_the_others(
    pairs: dict[int, int], shared: tuple[list[int], int], newcomer: int
) -> None:
    weights, dp = shared
    without = {m: n for m, n in pairs.items() if m != newcomer}
    rows = plan({**without, newcomer: 4}, weights, dp)
    assert [row for row in rows if row[0] != newcomer] == plan(without, weights, dp)


def test_ten_thousand_tiles_of_which_many_tie() -> None:
    draw = np.random.default_rng(3)
    parts = draw.choice([0, 1, 1, 1, 7, 900], 10_000)
    weights = (parts * (10**12 // int(parts.sum()))).tolist()
    weights[4_000] += 10**12 - sum(weights)
    pairs = {m: int(n) for m, n in enumerate(draw.integers(1, 3_000, 12))}
    assert plan(pairs, weights, 12) == by_the_law(pairs, weights, 12)


def test_more_sites_than_tiles() -> None:
    assert plan({7: 10}, [5, 3, 2], 1) == [(7, 10, 5), (7, 11, 3), (7, 12, 2)]


def test_facts_and_columns() -> None:
    stream = alloc_plan(
        "FR",
        np.array([4, 9], np.uint64),
        np.array([1, 3], np.int64),
        weights_of([2, 3, 5], [3, 3, 4]),
        1,
    )
    batches = [chunk.rows for chunk in stream.chunks]
    assert all(b.schema.equals(TABLES["s4_alloc_plan"].wire) for b in batches)
    assert stream.facts == {
        "pairs": 2,
        "sites": 4,
        "rows": 4,
        "distinct_n_sites": 2,
        "tiles_read": 3,
        "tiles_ordered": 3,
        "residue_allocations": 3,
    }


def test_without_pairs_nothing_is_read() -> None:
    weights = weights_of([1, 2], [4, 6])
    stream = alloc_plan("FR", np.empty(0, np.uint64), np.empty(0, np.int64), weights, 1)
    assert list(stream.chunks) == []
    assert len(list(weights)) == 1
    assert stream.facts["rows"] == 0


@pytest.mark.parametrize(
    ("code", "merchants", "n_sites", "tiles", "weights", "dp"),
    [
        ("E403_ZERO_TILE_UNIVERSE", [1], [1], [], [], 0),
        ("E414_WEIGHT_TAMPER", [1], [1], [1, 2], [4, 5], 1),
        ("E414_WEIGHT_TAMPER", [1], [1], [1, 2], [11, -1], 1),
        ("E414_WEIGHT_TAMPER", [1], [1], [2, 1], [5, 5], 1),
        ("E414_WEIGHT_TAMPER", [1], [1], [1, 2, 3, 3], [5, 3, 1, 1], 1),
        ("E414_WEIGHT_TAMPER", [1], [1], [1, 2, 3, 4, 5], [2**62, 2**62, 2**62, 2**62, 10], 1),
        ("E416_NUMERIC_OVERFLOW", [1], [2**50], [1], [1], 0),
        ("E416_NUMERIC_OVERFLOW", [1], [1], [1], [1], 19),
        ("E310_UNSORTED", [2, 1], [1, 1], [1], [1], 0),
        ("E310_UNSORTED", [2, 2], [1, 1], [1], [1], 0),
        ("E308_COUNTS_MISMATCH", [1], [0], [1], [1], 0),
    ],
)
def test_bad_input_has_its_code(
    code: str,
    merchants: list[int],
    n_sites: list[int],
    tiles: list[int],
    weights: list[int],
    dp: int,
) -> None:
    pairs = np.array(merchants, np.uint64), np.array(n_sites, np.int64)
    with pytest.raises(Segment1BError) as caught:
        list(alloc_plan("FR", *pairs, weights_of(tiles, weights), dp).chunks)
    assert (caught.value.code, caught.value.country) == (code, "FR")
