"""population_arc_v1 against its law in plain Python, in every way of cutting the work."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.schemas import TABLES
from segment1b_assets.core.arc_draw import ReachStep, draw_arcs, site_offsets, sites_below
from segment1b_assets.core.arc_plan import arc_plan
from segment1b_assets_tests.hypothesis_profiles import examples
from segment1b_assets_tests.oracle import arc as oracle
from segment1b_assets_tests.site_support import COUNTRY, IDENTITY, TS, drained, oracle_run, parsed

ALL = (1 << 64) - 1
MOST = (1 << 31) - 1
Weights = dict[int, int]


@st.composite
def countries(draw: st.DrawFn) -> tuple[int, int, int, Weights]:
    """Rows and columns of a raster, dp, and weights of some of its tiles, zeros among them."""
    nrows, ncols = draw(st.integers(1, 13)), draw(st.integers(1, 13))
    tiles = draw(st.sets(st.integers(0, nrows * ncols - 1), min_size=1, max_size=40))
    dp = draw(st.sampled_from([0, 1, 2, 6, 18]))
    parts = {t: draw(st.sampled_from([0, 0, 1, 1, 2, 7, 1000])) for t in sorted(tiles)}
    total = sum(parts.values()) or 1
    weights = {t: part * 10**dp // total for t, part in parts.items()}
    heaviest = max(weights, key=lambda t: parts[t])
    weights[heaviest] += 10**dp - sum(weights.values())
    return nrows, ncols, dp, weights


REACHES = st.lists(
    st.tuples(
        st.integers(2, 40), st.integers(1, 8), st.sampled_from([0, 0, 1, 20_000, 999_999, 10**6])
    ),
    max_size=4,
    unique_by=lambda step: step[0],
).map(sorted)
PAIRS = st.dictionaries(
    st.integers(0, ALL), st.one_of(st.integers(1, 4), st.integers(1, 60)), min_size=1, max_size=7
)


def reader(weights: Weights, piece: int = 5) -> Any:
    tiles = np.array(sorted(weights), np.uint64)
    values = np.array([weights[t] for t in sorted(weights)], np.int64)

    def read() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for start in range(0, tiles.size, piece):
            yield tiles[start : start + piece], values[start : start + piece]

    return read


def stream_of(
    pairs: dict[int, int], country: tuple[int, int, int, Weights], reach: Any = (), **options: Any
) -> Any:
    nrows, ncols, dp, weights = country
    return arc_plan(
        COUNTRY, IDENTITY, TS,
        np.array(sorted(pairs), np.uint64),
        np.array([pairs[m] for m in sorted(pairs)], np.int64),
        reader(weights), dp, (nrows, ncols), [ReachStep(*step) for step in reach], **options,
    )  # fmt: skip


@examples(100)
@given(
    PAIRS, countries(), REACHES, st.integers(1, 30), st.sampled_from([1, 5, 40, 1 << 22]),
    st.sampled_from([1, 2, 7, 1 << 21]),
)  # fmt: skip
@example({9: 60, ALL: 1}, (1, 1, 0, {0: 1}), [], 4, 5, 1)
@example(dict.fromkeys(range(50), 2), (4, 4, 18, {3: 0, 6: 10**18}), [(2, 8, 10**6)], 4, 7, 2)
def test_rows_and_events_are_the_law(
    pairs: dict[int, int],
    country: tuple[int, int, int, Weights],
    reach: list[tuple[int, int, int]],
    batch_rows: int,
    most_sites: int,
    most_squares: int,
) -> None:
    nrows, ncols, dp, weights = country
    stream = stream_of(
        pairs, country, reach, batch_rows=batch_rows, most_sites=most_sites,
        most_squares=most_squares,
    )  # fmt: skip
    table, logs = drained(stream)
    rows, drawn = [], []
    ends = oracle.along_the_curve(weights, nrows, ncols)
    for merchant, n in sorted(pairs.items()):
        arc = oracle.draw(oracle_run(), COUNTRY, merchant, n, reach, 10**dp)
        drawn.append((merchant, n, arc))
        rows += [(merchant, COUNTRY, *row) for row in oracle.place(arc, n, ends)]
    assert table.schema.equals(TABLES["s4_alloc_plan"].wire)
    columns = (table.column(name).to_pylist() for name in table.column_names)
    assert list(zip(*columns, strict=True)) == rows
    events = parsed(logs["rng_events_site_tile_plan"])
    assert [(e["merchant_id"], e["n_sites"], e["home"], e["reach"]) for e in events] == [
        (merchant, n, str(arc.home), str(arc.length)) for merchant, n, arc in drawn
    ]
    for event, (_, _, arc) in zip(events, drawn, strict=True):
        assert (event["module"], event["substream_label"]) == ("1B.S4.planner", "site_tile_plan")
        assert (event["blocks"], event["draws"]) == (1, "2")
        assert "site_order" not in event
        before = event["rng_counter_before_hi"] << 64 | event["rng_counter_before_lo"]
        after = event["rng_counter_after_hi"] << 64 | event["rng_counter_after_lo"]
        assert (before, after) == (arc.stream.before(0), arc.stream.before(1))
    last = parsed(logs["rng_trace_site_tile_plan"])[-1]
    totals = (last["events_total"], last["blocks_total"], last["draws_total"])
    assert totals == (len(pairs), len(pairs), 2 * len(pairs))
    assert stream.facts["rows"] == len(rows)
    assert stream.facts["rng_events"] == stream.facts["pairs"] == len(pairs)


def test_bytes_do_not_depend_on_the_cut_of_the_work() -> None:
    rng = np.random.default_rng(4)
    parts = rng.integers(0, 1000, 200)
    tiles = np.sort(rng.choice(64 * 50, 200, replace=False))
    parts[3] += 10**9 - parts.sum()
    country = (50, 64, 9, dict(zip(tiles.tolist(), parts.tolist(), strict=True)))
    pairs = {int(m): int(n) for m, n in enumerate(rng.integers(1, 300, 40))}
    reach = [(2, 3, 0), (9, 2, 0), (200, 1, 20_000)]
    wholes = []
    for batch_rows, most_sites, most_squares in (
        (8192, 1 << 22, 1 << 21), (7, 1000, 16), (100, 1, 64), (1, 150, 1), (8192, 250, 4),
    ):  # fmt: skip
        table, logs = drained(
            stream_of(
                pairs, country, reach, batch_rows=batch_rows, most_sites=most_sites,
                most_squares=most_squares,
            )
        )  # fmt: skip
        wholes.append((table.combine_chunks(), logs))
    assert all(whole == wholes[0] for whole in wholes[1:])


def test_a_pair_of_the_most_sites_is_counted_not_listed() -> None:
    weights = {0: 1, 5: 10**18 // 3, 6: 0, 9: 10**18 - 10**18 // 3 - 2, 15: 1}
    table, _ = drained(stream_of({ALL: MOST}, (4, 4, 18, weights)))
    columns = (table.column(name).to_pylist() for name in ("tile_id", "n_sites_tile"))
    sites = dict(zip(*columns, strict=True))
    assert sum(sites.values()) == MOST
    assert 6 not in sites
    for tile, weight in weights.items():
        assert abs(sites.get(tile, 0) * 10**18 - weight * MOST) < 10**18


@pytest.mark.parametrize(("n", "entry"), [(2, 0), (3, 1), (9, 1), (10, None), (1, None)])
def test_a_pair_takes_the_first_entry_that_holds_it(n: int, entry: int | None) -> None:
    reach = [ReachStep(2, 8, 0), ReachStep(9, 1, 999_999)]
    merchants = np.arange(64, dtype=np.uint64)
    arcs = draw_arcs(IDENTITY, COUNTRY, merchants, np.full(64, n), reach, 12)
    if entry is None:
        assert (arcs.length == 10**12).all()
    elif entry == 1:
        assert (arcs.length >= 999_999 * 10**6).all()
    else:
        # The median of u^8 is 2^-8.
        assert np.median(arcs.length) < 10**12 // 64


@examples(200)
@given(
    st.integers(1, 10**18), st.one_of(st.integers(1, 40), st.integers(1, MOST), st.just(MOST)),
    st.lists(st.integers(0, 10**18), min_size=1, max_size=5), st.integers(-2, 2),
)  # fmt: skip
@example(10**18, MOST, [10**18, 10**18 - 1, 0], 0)
@example(63893432581415292, MOST, [63893432551662594], 0)
@example(1, MOST, [0, 1], 1)
def test_offsets_and_counts_are_exact(length: int, n: int, picks: list[int], near: int) -> None:
    k = [pick % (n + 1) for pick in picks]
    offsets = site_offsets(np.array(k), np.int64(length), np.int64(n))
    assert offsets.tolist() == [i * length // n for i in k]
    # Bounds next to a site decide which side it is on.
    bounds = picks + [max(0, i * length // n + near) for i in k]
    counted = sites_below(np.array(bounds), length, n)
    assert counted.tolist() == [min(n, -(-bound * n // length)) for bound in bounds]


def test_no_pairs_read_nothing() -> None:
    def read() -> Any:
        raise AssertionError("read")

    stream = arc_plan(
        COUNTRY, IDENTITY, TS, np.zeros(0, np.uint64), np.zeros(0, np.int64), read, 3, (2, 2), []
    )
    assert list(stream.chunks) == []
    assert stream.facts["rng_events"] == 0


@pytest.mark.parametrize(
    ("weights", "code"),
    [
        ({}, "E403_ZERO_TILE_UNIVERSE"),
        ({1: 5, 2: 4}, "E414_WEIGHT_TAMPER"),
        ({1: 11, 2: -1}, "E414_WEIGHT_TAMPER"),
        ({1: 5, 99: 5}, "E414_WEIGHT_TAMPER"),
        ({1: 2**62, 2: 2**62, 3: 2**62, 4: 2**62 + 10}, "E414_WEIGHT_TAMPER"),
    ],
)
def test_weights_that_are_not_lawful_are_refused(weights: Weights, code: str) -> None:
    with pytest.raises(Segment1BError) as caught:
        list(stream_of({1: 3}, (4, 4, 1, weights)).chunks)
    assert (caught.value.code, caught.value.country) == (code, COUNTRY)


def test_weights_that_change_between_readings_are_refused() -> None:
    readings = iter([{1: 6, 9: 4}, {1: 5, 9: 5}])
    stream = arc_plan(
        COUNTRY, IDENTITY, TS, np.array([1], np.uint64), np.array([40]),
        lambda: reader(next(readings))(), 1, (4, 4), [], most_squares=4,
    )  # fmt: skip
    with pytest.raises(Segment1BError) as caught:
        list(stream.chunks)
    assert caught.value.code == "E414_WEIGHT_TAMPER"


@pytest.mark.parametrize(
    ("pairs", "dp", "code"),
    [
        ([(2, 1), (1, 1)], 1, "E310_UNSORTED"),
        ([(1, 1), (1, 1)], 1, "E310_UNSORTED"),
        ([(1, 0)], 1, "E308_COUNTS_MISMATCH"),
        ([(1, MOST + 1)], 1, "E416_NUMERIC_OVERFLOW"),
        ([(1, 1)], 19, "E416_NUMERIC_OVERFLOW"),
    ],
)
def test_pairs_that_are_not_lawful_are_refused(
    pairs: list[tuple[int, int]], dp: int, code: str
) -> None:
    merchants, sites = zip(*pairs, strict=True)
    with pytest.raises(Segment1BError) as caught:
        arc_plan(
            COUNTRY, IDENTITY, TS, np.array(merchants, np.uint64), np.array(sites),
            reader({1: 10}), dp, (2, 2), [],
        )  # fmt: skip
    assert caught.value.code == code


def test_homes_follow_weight() -> None:
    """One-site pairs spread as the weights do: no tile is more than five deviations off."""
    weights = dict(enumerate([400, 300, 0, 200, 50, 50]))
    table, _ = drained(stream_of(dict.fromkeys(range(20000), 1), (2, 3, 3, weights)))
    tiles, counts = np.unique(table.column("tile_id").to_numpy(), return_counts=True)
    found = dict(zip(tiles.tolist(), counts.tolist(), strict=True))
    for tile, weight in weights.items():
        share = weight / 1000
        spread = (20_000 * share * (1 - share)) ** 0.5
        assert abs(found.get(tile, 0) - 20_000 * share) <= 5 * spread
