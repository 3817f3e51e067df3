"""judge_arc_plan passes what population_arc_v1 makes and fails every change of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment1b_assets.core.arc_draw import ReachStep
from segment1b_assets.core.arc_plan import arc_plan
from segment1b_assets.core.stream import Chunk, PartitionStream
from segment1b_assets.validation.arc_plan import ARC_CODES, judge_arc_plan
from segment1b_assets.validation.arc_replay import sites_in
from segment1b_assets.validation.curve_intervals import curve_intervals
from segment1b_assets.validation.curve_position import curve_position
from segment1b_assets.validation.rng_evidence import PLAN, country_evidence
from segment1b_assets.validation.verdict import Verdict
from segment1b_assets_tests.hypothesis_profiles import examples
from segment1b_assets_tests.oracle import arc as oracle
from segment1b_assets_tests.partition_support import (
    Columns,
    columns_of,
    failed,
    published,
    written,
)
from segment1b_assets_tests.site_support import COUNTRY, IDENTITY, TS

NROWS, NCOLS = 12, 9
PAIRS = {3: 1, 7: 2, 9: 40, 12: 1, 2**64 - 1: 300}
WEIGHTS = [0, 30, 30, 30, 5, 5, 400, 100, 100, 100, 0, 50, 50, 25, 25, 10, 10, 10, 10, 10]
TILES = [8 + 5 * i for i in range(len(WEIGHTS))]
REACH = [ReachStep(2, 3), ReachStep(40, 2, 300_000)]
EVENTS, TRACE = "rng_events_site_tile_plan", "rng_trace_site_tile_plan"


@dataclass
class Country:
    folder: Path
    requirements: list[Path]
    weights: list[Path]
    plan: list[Path]
    dp: int

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.jsonl"

    def judge(self, columns: Columns | None = None, **options: Any) -> list[Verdict]:
        files = self.plan
        if columns is not None:
            files = written(self.folder / "tampered", "s4_alloc_plan", columns)
        options = {
            "requirement_files": self.requirements, "weights_files": self.weights, "dp": self.dp,
            "identity": IDENTITY, "ts_utc": TS, "reach": REACH, "raster": (NROWS, NCOLS),
            "events": self.log(EVENTS), "trace": self.log(TRACE), **options,
        }  # fmt: skip
        return judge_arc_plan(COUNTRY, files, **options)

    def rewrite(self, name: str, change: Callable[[list[bytes]], list[bytes]]) -> None:
        lines = self.log(name).read_bytes().splitlines(keepends=True)
        self.log(name).write_bytes(b"".join(change(lines)))


def weights_files(
    folder: Path, weights: list[int], dp: int, tiles: list[int] = TILES
) -> list[Path]:
    columns: Columns = {
        "country_iso": [COUNTRY] * len(weights),
        "tile_id": tiles[: len(weights)],
        "weight_fp": weights,
        "dp": [dp] * len(weights),
        "basis": ["population"] * len(weights),
    }
    return written(folder, "tile_weights", columns)


def requirement_files(folder: Path, pairs: dict[int, int]) -> list[Path]:
    columns: Columns = {
        "merchant_id": sorted(pairs),
        "legal_country_iso": [COUNTRY] * len(pairs),
        "n_sites": [pairs[m] for m in sorted(pairs)],
    }
    return written(folder, "s3_requirements", columns)


def country(
    folder: Path, pairs: dict[int, int] = PAIRS, weights: list[int] = WEIGHTS, dp: int = 3
) -> Country:
    batch = np.array(TILES[: len(weights)], np.uint64), np.array(weights, np.int64)
    stream = arc_plan(
        COUNTRY, IDENTITY, TS, np.array(sorted(pairs), np.uint64),
        np.array([pairs[m] for m in sorted(pairs)], np.int64),
        lambda: iter([batch]), dp, (NROWS, NCOLS), REACH,
    )  # fmt: skip
    requirements = requirement_files(folder / "r", pairs)
    files = weights_files(folder / "w", weights, dp)
    made = Country(folder, requirements, files, [], dp)

    def logged(chunks: list[Chunk]) -> list[Chunk]:
        for chunk in chunks:
            for name, lines in chunk.logs.items():
                with made.log(name).open("ab") as log:
                    log.write(lines)
        return chunks

    chunks = logged(list(stream.chunks))
    made.plan = published(folder / "p", "s4_alloc_plan", PartitionStream(iter(chunks), {}))
    return made


def test_what_s4_makes_passes(tmp_path: Path) -> None:
    verdicts = country(tmp_path).judge(tile_index_files=[])
    assert [v.code for v in verdicts] == list(ARC_CODES)
    assert failed(verdicts) == ["E413_TILE_NOT_IN_INDEX"]  # an empty index has none of its tiles
    verdicts = country(tmp_path / "again").judge()
    assert failed(verdicts) == []
    assert (verdicts[0].facts["pairs"], verdicts[0].facts["rng_events"]) == (5, 5)


@examples(40)
@given(
    st.dictionaries(st.integers(0, 2**64 - 1), st.integers(1, 90), max_size=6), st.integers(1, 20)
)
def test_any_lawful_plan_passes(pairs: dict[int, int], tiles: int) -> None:
    weights = WEIGHTS[:tiles]
    weights[-1] += 10**3 - sum(weights)
    with TemporaryDirectory() as folder:
        assert failed(country(Path(folder), pairs, weights).judge()) == []


@examples(60)
@given(
    st.sets(st.sampled_from(TILES), min_size=1),
    st.sampled_from([1, 4, 20, 1 << 24]),
    st.sampled_from([1, 3, 1 << 18]),
)
def test_intervals_are_the_sorted_curves(sought: set[int], squares: int, at_once: int) -> None:
    tiles = np.array(sorted(sought), np.uint64)
    with TemporaryDirectory() as folder:
        files = weights_files(Path(folder), WEIGHTS, 3)
        found = curve_intervals(files, tiles, NROWS, NCOLS, squares, at_once)
    ends = oracle.along_the_curve(dict(zip(TILES, WEIGHTS, strict=True)), NROWS, NCOLS)
    upto = {tile: end for end, tile in ends}
    before = [upto[t] - WEIGHTS[TILES.index(t)] for t in sorted(sought)]
    assert found.upto.tolist() == [upto[t] for t in sorted(sought)]
    assert found.before.tolist() == before
    assert (found.total, found.negative, found.outside) == (1000, 0, 0)
    assert found.found.all()


def test_no_pairs_need_no_weights(tmp_path: Path) -> None:
    assert failed(country(tmp_path, {}).judge(weights_files=[])) == []


def test_no_pairs_need_no_tile_index(tmp_path: Path) -> None:
    """Reading it costs its tiles, and a country may have a thousand million."""
    absent = [tmp_path / "tile_index" / "part-00000.parquet"]
    assert failed(country(tmp_path / "none", {}).judge(tile_index_files=absent)) == []
    assert failed(country(tmp_path / "some").judge(tile_index_files=absent)) != []


@examples(100)
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


@examples(60)
@given(st.sampled_from(sorted(PAIRS)), st.integers(0, 200), st.sampled_from(TILES))
def test_a_site_put_in_another_tile_is_caught(merchant: int, giver: int, taker: int) -> None:
    """Sums, keys and order stay right: only the arc is broken."""
    with TemporaryDirectory() as folder:
        made = country(Path(folder))
        columns = columns_of(made.plan)
        keys = zip(columns["merchant_id"], columns["tile_id"], strict=True)
        plan = dict(zip(keys, columns["n_sites_tile"], strict=True))
        own = [key for key in sorted(plan) if key[0] == merchant]
        source = own[giver % len(own)]
        plan[source] -= 1
        plan[merchant, taker] = plan.get((merchant, taker), 0) + 1
        held = sorted(key for key, sites in plan.items() if sites)
        moved: Columns = {
            "merchant_id": [m for m, _ in held],
            "legal_country_iso": [COUNTRY] * len(held),
            "tile_id": [t for _, t in held],
            "n_sites_tile": [plan[key] for key in held],
        }
        expected = [] if source[1] == taker else ["E411_TIE_RULE_VIOLATION"]
        assert failed(made.judge(moved)) == expected


def with_row(columns: Columns, merchant: int, tile: int, sites: int) -> Columns:
    """The plan with one more row, in its place."""
    rows = [*zip(*columns.values(), strict=True), (merchant, COUNTRY, tile, sites)]
    assert list(columns) == ["merchant_id", "legal_country_iso", "tile_id", "n_sites_tile"]
    rows.sort(key=lambda row: (row[0], row[2]))
    return dict(zip(columns, map(list, zip(*rows, strict=True)), strict=True))


def free_tile(columns: Columns, merchant: int) -> int:
    """A tile of the country in which the merchant has no site."""
    keys = zip(columns["merchant_id"], columns["tile_id"], strict=True)
    own = {tile for owner, tile in keys if owner == merchant}
    return next(tile for tile in TILES if tile not in own)


def test_a_merchant_without_its_sites_or_with_more_is_caught(tmp_path: Path) -> None:
    made = country(tmp_path)
    columns = columns_of(made.plan)
    # The rows that are left are right, each by itself: only the sum tells.
    last = {name: values[:-1] for name, values in columns.items()}
    assert failed(made.judge(last)) == ["E404_ALLOCATION_MISMATCH"]
    more = with_row(columns, 3, free_tile(columns, 3), 1)
    assert failed(made.judge(more)) == ["E404_ALLOCATION_MISMATCH", "E411_TIE_RULE_VIOLATION"]


def test_a_row_without_a_site_is_caught(tmp_path: Path) -> None:
    made = country(tmp_path)
    columns = columns_of(made.plan)
    empty = with_row(columns, 3, free_tile(columns, 3), 0)
    assert failed(made.judge(empty)) == ["E412_ZERO_ROW_EMITTED"]


@pytest.mark.parametrize("tile", [1, NROWS * NCOLS, 2**64 - 1])
def test_a_tile_that_the_country_has_not_is_caught(tmp_path: Path, tile: int) -> None:
    """In no file of weights, beyond the raster, and beyond what int64 holds."""
    made = country(tmp_path)
    columns = columns_of(made.plan)
    at = columns["merchant_id"].index(3)
    columns["tile_id"][at] = tile
    assert "E413_TILE_NOT_IN_INDEX" in failed(made.judge(columns))


def test_other_lineage_and_another_schema_are_caught(tmp_path: Path) -> None:
    made = country(tmp_path)
    other = {
        "merchant_id": [3], "legal_country_iso": [COUNTRY], "site_order": [1], "tile_id": [13],
        "lon_deg": [0.0], "lat_deg": [0.0],
    }  # fmt: skip
    files = written(tmp_path / "x", "s7_site_synthesis", other)
    for found in (made.judge(lineage={"seed": "43"}), replace(made, plan=files).judge()):
        results = {v.code: v.result for v in found}
        assert results.pop("E405_SCHEMA_INVALID") == "broken"
        assert set(results.values()) == {"not judged"}


def test_rows_out_of_order_and_rows_twice_are_caught(tmp_path: Path) -> None:
    made = country(tmp_path)
    columns = columns_of(made.plan)
    swapped = {name: [*values[:-2], values[-1], values[-2]] for name, values in columns.items()}
    assert failed(made.judge(swapped)) == ["E408_UNSORTED"]
    twice = {name: [*values, values[-1]] for name, values in columns.items()}
    assert "E407_PK_DUPLICATE" in failed(made.judge(twice))


@pytest.mark.parametrize(
    ("weights", "tiles"),
    [
        ([0, 30, 30, 30, 5, 5, 400, 100, 100, 101], TILES),
        ([0, 30, 30, 30, 5, -5, 410, 400, 100, 0], TILES),
        ([500, 500], [8, NROWS * NCOLS]),
    ],
)
def test_weights_that_are_not_lawful_are_caught(
    tmp_path: Path, weights: list[int], tiles: list[int]
) -> None:
    made = country(tmp_path)
    found = made.judge(weights_files=weights_files(tmp_path / "x", weights, 3, tiles))
    assert "E414_WEIGHT_TAMPER" in failed(found)
    # Without lawful weights no tile has an interval: that is said, not passed over.
    (placed,) = (v for v in found if v.code == "E411_TIE_RULE_VIOLATION")
    assert placed.result == "not judged"


def test_weights_of_another_share_are_caught(tmp_path: Path) -> None:
    weights = list(WEIGHTS)
    weights[6], weights[7] = weights[7], weights[6]
    found = country(tmp_path).judge(weights_files=weights_files(tmp_path / "x", weights, 3))
    assert failed(found) == ["E411_TIE_RULE_VIOLATION"]


def test_another_reach_is_caught(tmp_path: Path) -> None:
    found = country(tmp_path).judge(reach=[ReachStep(2, 3), ReachStep(40, 1, 900_000)])
    assert failed(found) == ["E411_TIE_RULE_VIOLATION", "E415_RNG_EVENT_MISMATCH"]


def test_pairs_beyond_the_law_are_caught(tmp_path: Path) -> None:
    made = country(tmp_path)
    required = requirement_files(tmp_path / "x", {**PAIRS, 9: 2**31})
    found = {v.code: v for v in made.judge(requirement_files=required)}
    assert not found["E416_NUMERIC_OVERFLOW"].passed
    assert not found["E415_RNG_EVENT_MISMATCH"].judged


def spoiled(line: bytes, key: str) -> bytes:
    """The line with the last digit of a value changed, at its length."""
    value = json.loads(line)[key]
    start = line.index(b'"' + key.encode() + b'":')
    at = line.index(str(value).encode(), start + len(key) + 3) + len(str(value)) - 1
    return line[:at] + (b"1" if line[at : at + 1] != b"1" else b"2") + line[at + 1 :]


@pytest.mark.parametrize(
    "key",
    [
        "merchant_id", "n_sites", "home", "reach", "rng_counter_before_hi", "rng_counter_before_lo",
        "rng_counter_after_hi", "rng_counter_after_lo", "blocks", "draws", "run_id", "ts_utc",
    ],
)  # fmt: skip
@pytest.mark.parametrize("line", [0, 4])
def test_any_changed_value_of_an_event_is_caught(tmp_path: Path, key: str, line: int) -> None:
    made = country(tmp_path)

    def change(lines: list[bytes]) -> list[bytes]:
        lines[line] = spoiled(lines[line], key)
        return lines

    made.rewrite(EVENTS, change)
    assert failed(made.judge()) == ["E415_RNG_EVENT_MISMATCH"]


@pytest.mark.parametrize("name", [EVENTS, TRACE])
@pytest.mark.parametrize(
    "change",
    [
        lambda lines: lines[:-1],
        lambda lines: lines[1:],
        lambda lines: [*lines, lines[-1]],
        lambda lines: [lines[1], lines[0], *lines[2:]],
        lambda lines: [lines[0].replace(b'"1B.S4.planner"', b'"1B.S4.painter"'), *lines[1:]],
        lambda lines: [],
    ],
)
def test_events_and_traces_that_are_not_one_a_pair_are_caught(
    tmp_path: Path, name: str, change: Callable[[list[bytes]], list[bytes]]
) -> None:
    made = country(tmp_path)
    made.rewrite(name, change)
    assert failed(made.judge()) == ["E415_RNG_EVENT_MISMATCH"]


def test_evidence_covers_the_pairs(tmp_path: Path) -> None:
    made = country(tmp_path)

    def evidence() -> Any:
        return country_evidence(
            PLAN, COUNTRY, IDENTITY, TS, made.log(EVENTS), made.log(TRACE), made.requirements
        )

    found = evidence()
    assert (found.coverage_ok, found.trace_reconciled, found.faults) == (True, True, [])
    assert (found.events_total, found.blocks_total, found.draws_total) == (5, 5, 10)
    made.rewrite(EVENTS, lambda lines: lines[:-1])
    assert not evidence().coverage_ok


@examples(100)
@given(
    st.integers(0, 18).flatmap(
        lambda dp: st.tuples(
            st.just(dp), st.integers(0, 10**dp - 1), st.integers(1, 10**dp),
            st.lists(st.integers(0, 10**dp), min_size=2, max_size=2).map(sorted),
        )
    ),
    st.one_of(st.integers(1, 30), st.integers(1, 2**31 - 1)),
)  # fmt: skip
def test_sites_in_an_interval(drawn: tuple[int, int, int, list[int]], n: int) -> None:
    dp, home, length, (before, upto) = drawn
    scale = 10**dp

    def below(bound: int) -> int:
        return -(-min(bound, length) * n // length)

    start = (before - home) % scale
    stop = start + upto - before
    expected = below(min(stop, scale)) - below(start) + below(max(stop - scale, 0))
    if n <= 30:
        places = [(home + k * length // n) % scale for k in range(n)]
        expected = sum(before <= place < upto for place in places)
    columns = (np.array([value]) for value in (before, upto, home, length, n))
    assert sites_in(*columns, dp).tolist() == [expected]


@given(
    st.integers(0, 31).flatmap(
        lambda order: st.tuples(
            st.just(order), st.integers(0, 2**order - 1), st.integers(0, 2**order - 1)
        )
    )
)
def test_positions_are_the_law(cell: tuple[int, int, int]) -> None:
    order, col, row = cell
    found = curve_position(np.array([col], np.uint64), np.array([row], np.uint64), order)
    assert found.tolist() == [oracle.hilbert(col, row, order)]
