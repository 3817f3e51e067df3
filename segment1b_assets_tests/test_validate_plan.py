"""judge_alloc_plan passes what S4 makes and fails every change of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment1b_assets.core.allocation import alloc_plan
from segment1b_assets.validation.heaviest_first import HeaviestFirst, heaviest_first
from segment1b_assets.validation.judges.s4_alloc_plan import judge_alloc_plan
from segment1b_assets.validation.plan_remainders import PlanRows, excess_of, wrong_pairs
from segment1b_assets.validation.plan_rows import CODES
from segment1b_assets.validation.verdict import Verdict
from segment1b_assets_tests.hypothesis_profiles import examples
from segment1b_assets_tests.partition_support import (
    Columns,
    columns_of,
    failed,
    published,
    written,
)

PAIRS = {3: 1, 7: 2, 9: 40, 12: 1, 2**64 - 1: 300}
WEIGHTS = [0, 30, 30, 30, 5, 5, 400, 100, 100, 100, 0, 50, 50, 25, 25, 10, 10, 10, 10, 10]
TILES = [100 + 3 * i for i in range(len(WEIGHTS))]


@dataclass
class Country:
    folder: Path
    requirements: list[Path]
    weights: list[Path]
    plan: list[Path]
    dp: int

    def judge(self, columns: Columns | None = None, **options: Any) -> list[Verdict]:
        files = self.plan
        if columns is not None:
            files = written(self.folder / "tampered", "s4_alloc_plan", columns)
        options = {"weights_files": self.weights, **options}
        return judge_alloc_plan("FR", files, self.requirements, dp=self.dp, **options)


def weights_files(folder: Path, weights: list[int], dp: int) -> list[Path]:
    columns: Columns = {
        "country_iso": ["FR"] * len(weights),
        "tile_id": TILES[: len(weights)],
        "weight_fp": weights,
        "dp": [dp] * len(weights),
        "basis": ["population"] * len(weights),
    }
    return written(folder, "tile_weights", columns)


def country(
    folder: Path, pairs: dict[int, int] = PAIRS, weights: list[int] = WEIGHTS, dp: int = 3
) -> Country:
    merchants, sites = sorted(pairs), [pairs[m] for m in sorted(pairs)]
    requirements = written(
        folder / "r",
        "s3_requirements",
        {"merchant_id": merchants, "legal_country_iso": ["FR"] * len(pairs), "n_sites": sites},
    )
    stream = alloc_plan(
        "FR",
        np.array(merchants, np.uint64),
        np.array(sites, np.int64),
        [(np.array(TILES[: len(weights)], np.uint64), np.array(weights, np.int64))],
        dp,
    )
    plan = published(folder / "p", "s4_alloc_plan", stream)
    return Country(folder, requirements, weights_files(folder / "w", weights, dp), plan, dp)


def test_what_s4_makes_passes(tmp_path: Path) -> None:
    verdicts = country(tmp_path).judge()
    assert [v.code for v in verdicts] == list(CODES)
    assert failed(verdicts) == []
    assert verdicts[0].facts["pairs"] == 5


def test_no_pairs_need_no_weights(tmp_path: Path) -> None:
    assert failed(country(tmp_path, {}).judge(weights_files=[])) == []


def test_no_pairs_need_no_tile_index(tmp_path: Path) -> None:
    """Reading it costs its tiles, and a country may have a thousand million."""
    absent = [tmp_path / "tile_index" / "part-00000.parquet"]
    assert failed(country(tmp_path / "none", {}).judge(tile_index_files=absent)) == []
    assert failed(country(tmp_path / "some").judge(tile_index_files=absent)) != []


@examples(200)
@given(
    st.sampled_from(["merchant_id", "legal_country_iso", "tile_id", "n_sites_tile"]),
    st.integers(0, 200),
    st.one_of(st.integers(-4, 4), st.integers(-(2**62), 2**62)).filter(bool),
)
def test_any_single_change_is_caught(name: str, row: int, change: int) -> None:
    with TemporaryDirectory() as folder:
        made = country(Path(folder))
        columns = columns_of(made.plan)
        row %= len(columns[name])
        value = columns[name][row]
        if isinstance(value, str):
            columns[name][row] = "DE"
        elif name == "n_sites_tile":
            columns[name][row] = value + change
        else:
            columns[name][row] = (value + change) % 2**64
        assert failed(made.judge(columns))


def from_dict(plan: dict[tuple[int, int], int]) -> Columns:
    keys = sorted(key for key, sites in plan.items() if sites)
    return {
        "merchant_id": [m for m, _ in keys],
        "legal_country_iso": ["FR"] * len(keys),
        "tile_id": [t for _, t in keys],
        "n_sites_tile": [plan[key] for key in keys],
    }


@examples(250)
@given(
    st.sampled_from(sorted(PAIRS)), st.integers(0, 200), st.sampled_from(TILES), st.integers(1, 3)
)
def test_any_site_put_in_another_tile_is_caught(
    merchant: int, giver: int, taker: int, sites: int
) -> None:
    """Sums, keys and order stay right: only the largest remainder is broken."""
    with TemporaryDirectory() as folder:
        made = country(Path(folder))
        columns = columns_of(made.plan)
        keys = zip(columns["merchant_id"], columns["tile_id"], strict=True)
        plan = dict(zip(keys, columns["n_sites_tile"], strict=True))
        own = [key for key in sorted(plan) if key[0] == merchant]
        source = own[giver % len(own)]
        sites = min(sites, plan[source])
        plan[source] -= sites
        plan[merchant, taker] = plan.get((merchant, taker), 0) + sites
        expected = [] if source[1] == taker else ["E411_TIE_RULE_VIOLATION"]
        assert failed(made.judge(from_dict(plan))) == expected


def test_a_tie_given_to_a_later_tile_is_caught_though_the_first_has_no_row(tmp_path: Path) -> None:
    # n = 5 of K = 100: tiles 100, 103, 106 and 109 all leave a residue of 25, for one site.
    made = country(tmp_path, {8: 5}, [5, 25, 25, 5, 40], 2)
    right = columns_of(made.plan)
    assert (right["tile_id"], right["n_sites_tile"]) == ([100, 103, 106, 112], [1, 1, 1, 2])
    wrong = {(8, 103): 2, (8, 106): 1, (8, 112): 2}
    assert failed(made.judge(from_dict(wrong))) == ["E411_TIE_RULE_VIOLATION"]


@pytest.mark.parametrize("name", ["weight_fp", "tile_id"])
def test_a_weight_changed_after_the_plan_is_caught(tmp_path: Path, name: str) -> None:
    made = country(tmp_path)
    columns = columns_of(made.weights)
    columns[name][6] += 1
    changed = written(tmp_path / "w2", "tile_weights", columns)
    expected = "E414_WEIGHT_TAMPER" if name == "weight_fp" else "E413_TILE_NOT_IN_INDEX"
    assert expected in failed(made.judge(weights_files=changed))


def test_each_rule_names_its_fault(tmp_path: Path) -> None:
    made = country(tmp_path)
    good = columns_of(made.plan)

    def after(change: Any) -> dict[str, str]:
        columns = {name: list(values) for name, values in good.items()}
        change(columns)
        return {v.code: v.detail for v in made.judge(columns) if not v.passed}

    def zero_row(c: Columns) -> None:
        for name, value in zip(c, [3, "FR", 100, 0], strict=True):
            c[name].insert(0, value)

    found = after(zero_row)
    assert "merchant 3 tile_id 100 has 0 sites" in found["E412_ZERO_ROW_EMITTED"]

    def exchange(c: Columns) -> None:
        for values in c.values():
            values[3], values[4] = values[4], values[3]

    found = after(exchange)
    assert "stands after" in found["E408_UNSORTED"]
    assert "not judged" in found["E411_TIE_RULE_VIOLATION"]

    def repeat_far_away(c: Columns) -> None:
        for values in c.values():
            values.append(values[0])

    found = after(repeat_far_away)
    assert "merchant 3 tile_id" in found["E407_PK_DUPLICATE"]
    assert "merchant 3 requires 1 sites and has 2" in found["E404_ALLOCATION_MISMATCH"]

    def stranger(c: Columns) -> None:
        c["tile_id"][0] = 101

    found = after(stranger)
    assert "tile_id 101 is not in tile_weights" in found["E413_TILE_NOT_IN_INDEX"]

    def unknown_merchant(c: Columns) -> None:
        c["merchant_id"][0] = 2

    found = after(unknown_merchant)
    assert "merchant 2 has sites but requires none" in found["E404_ALLOCATION_MISMATCH"]


def test_tiles_are_looked_up_in_the_index_too(tmp_path: Path) -> None:
    made = country(tmp_path)
    assert failed(made.judge(tile_index_files=made.weights)) == []
    columns = columns_of(made.weights)
    short = {name: values[:6] + values[7:] for name, values in columns.items()}
    index = written(tmp_path / "i", "tile_weights", short)
    verdicts = made.judge(tile_index_files=index)
    assert failed(verdicts) == ["E413_TILE_NOT_IN_INDEX"]
    assert "tile_id 118 is not in tile_index" in verdicts[6].detail


def test_broken_and_foreign_files(tmp_path: Path) -> None:
    made = country(tmp_path)
    missing = made.judge(weights_files=[tmp_path / "none.parquet"])
    assert failed(missing) == ["E_INPUT_MISSING", *CODES]
    assert [v.result for v in missing] == ["broken", *["not judged"] * len(CODES)]
    made.plan = made.weights
    assert failed(made.judge()) == list(CODES)
    made.plan = []
    assert failed(made.judge()) == list(CODES)


@given(
    st.lists(st.sampled_from([0, 1, 1, 2, 7]), min_size=1, max_size=20),
    st.integers(1, 25),
    st.integers(1, 7),
)
def test_the_heaviest_come_first(weights: list[int], most: int, rows: int) -> None:
    with TemporaryDirectory() as folder:
        sought = np.array([0, 100, 101, 103, 160, 2**63], np.uint64)
        found = heaviest_first(weights_files(Path(folder), weights, 0), most, sought)
    order = sorted(range(len(weights)), key=lambda i: (-weights[i], i))[:most]
    assert found.tile_id.tolist() == [TILES[i] for i in order]
    assert found.weight.tolist() == [weights[i] for i in order]
    assert (found.total, found.tiles) == (sum(weights), len(weights))
    assert found.found.tolist() == [t in TILES[: len(weights)] for t in sought.tolist()]
    ranks = found.rank_of(np.array([1, *TILES], np.uint64)).tolist()
    places = {TILES[i]: place for place, i in enumerate(order)}
    assert ranks == [-1, *(places.get(t, -1) for t in TILES)]


def test_many_tied_weights_beyond_one_block(tmp_path: Path) -> None:
    tiles = 150_000
    weight = np.ones(tiles, np.int64)
    weight[[70_000, 140_000]] = 5
    columns: dict[str, Any] = {
        "country_iso": ["FR"] * tiles,
        "tile_id": np.arange(tiles),
        "weight_fp": weight,
        "dp": np.zeros(tiles),
        "basis": ["uniform"] * tiles,
    }
    found = heaviest_first(
        written(tmp_path, "tile_weights", columns, 50_000), 4, np.empty(0, np.uint64)
    )
    assert found.tile_id.tolist() == [70_000, 140_000, 0, 1]


@examples(300)
@given(
    st.lists(
        st.tuples(st.integers(0, 2**62), st.integers(0, 10**18), st.integers(1, 2**50 - 1)),
        min_size=1,
    ),
    st.integers(0, 18),
)
def test_excess_is_exact_near_zero_and_far_elsewhere(
    rows: list[tuple[int, int, int]], dp: int
) -> None:
    scale = 10**dp
    # Half of the rows get the sites that are nearest to their quota.
    rows = [(a, min(w, scale), n) for a, w, n in rows]
    rows = [(w * n // scale if i % 2 else a, w, n) for i, (a, w, n) in enumerate(rows)]
    sites, weight, n = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    for (a, w, k), found in zip(rows, excess_of(sites, weight, n, scale).tolist(), strict=True):
        exact = a * scale - w * k
        assert found == exact or (abs(exact) > scale and abs(found) == 3 * 10**18)
        assert (found > 0) == (exact > 0)


@examples(300)
@given(st.integers(1, 60), st.lists(st.sampled_from([1, 1, 2, 3, 30]), min_size=1, max_size=30))
def test_every_plan_but_the_largest_remainders_is_a_misfit(n: int, parts: list[int]) -> None:
    scale, dp = 10**6, 6
    weight = np.array([p * scale // sum(parts) for p in parts], np.int64)
    weight[0] += scale - weight.sum()
    ids = np.arange(weight.size, dtype=np.uint64)
    by_weight = np.lexsort((ids, -weight))
    order = HeaviestFirst(ids[by_weight], weight[by_weight], scale, ids.size, 0, ids == 0)
    stream = alloc_plan("FR", ids[:1], np.array([n]), [(ids, weight)], dp)
    rows = next(iter(stream.chunks)).rows
    tile = rows.column("tile_id").to_numpy()
    sites = rows.column("n_sites_tile").to_numpy()

    def wrong(tile: Any, sites: Any) -> list[int]:
        pair = np.full(tile.size, 4, np.intp)
        found = wrong_pairs(PlanRows(pair, tile, sites, np.full(tile.size, n)), order, scale)
        return [int(p) for p in found]

    assert wrong(tile, sites) == []
    for giver in range(tile.size):
        for taker in ids:
            moved = dict(zip(tile.tolist(), sites.tolist(), strict=True))
            moved[int(tile[giver])] -= 1
            moved[int(taker)] = moved.get(int(taker), 0) + 1
            kept = sorted(t for t, s in moved.items() if s)
            if taker != tile[giver]:
                assert wrong(
                    np.array(kept, np.uint64), np.array([moved[t] for t in kept], np.int64)
                ) == [4]
