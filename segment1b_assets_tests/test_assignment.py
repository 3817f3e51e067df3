"""S5 against a scalar recomputation, in every way of cutting the work."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.schemas import TABLES
from segment1b_assets.core.assignment import site_tile_assignment
from segment1b_assets_tests.hypothesis_profiles import examples
from segment1b_assets_tests.oracle import sites as oracle
from segment1b_assets_tests.site_support import (
    COUNTRY,
    IDENTITY,
    TS,
    Plan,
    cut,
    drained,
    oracle_run,
    parsed,
    plan_batch,
)

ALL = (1 << 64) - 1
PAIR = st.dictionaries(st.integers(0, 1 << 40), st.integers(1, 6), min_size=1, max_size=6).map(
    lambda tiles: sorted(tiles.items())
)
PLANS = st.dictionaries(st.integers(0, ALL), PAIR, min_size=1, max_size=6)


@examples(60)
@given(PLANS, st.lists(st.integers(0, 40), max_size=4), st.integers(1, 30))
def test_equals_the_law_site_by_site(plan: Plan, cuts: list[int], batch_rows: int) -> None:
    batches = cut(plan_batch(plan), cuts)
    stream = site_tile_assignment(COUNTRY, IDENTITY, TS, batches, batch_rows)
    table, logs = drained(stream)

    rows, events = [], []
    for merchant in sorted(plan):
        assigned, drawn = oracle.assign(oracle_run(), COUNTRY, merchant, plan[merchant])
        rows += [(merchant, COUNTRY, order, tile) for order, tile in assigned]
        events += drawn
    columns = (table.column(name).to_pylist() for name in table.column_names)
    assert list(zip(*columns, strict=True)) == rows
    assert table.schema.equals(TABLES["s5_site_tile_assignment"].wire)
    assert parsed(logs["rng_events_site_tile_assign"]) == events
    assert parsed(logs["rng_trace_site_tile_assign"]) == oracle.trace(events)
    assert stream.facts == {"pairs": len(plan), "sites": len(rows), "rng_events": len(rows)}


def test_chunks_are_bounded_and_bytes_do_not_depend_on_them() -> None:
    plan: Plan = {5: [(t, 3) for t in range(50)], 6: [(1, 1)], 9: [(2, 400), (7, 1)]}
    batch = plan_batch(plan)
    wholes = []
    for batch_rows in (1, 7, 100, 1000):
        stream = site_tile_assignment(COUNTRY, IDENTITY, TS, [batch], batch_rows)
        chunks = list(stream.chunks)
        assert max(c.rows.num_rows for c in chunks) <= batch_rows
        assert all(
            c.logs["rng_events_site_tile_assign"].count(b"\n") == c.rows.num_rows for c in chunks
        )
        table, logs = drained(site_tile_assignment(COUNTRY, IDENTITY, TS, [batch], batch_rows))
        wholes.append((table.combine_chunks(), logs))
    assert all(whole == wholes[0] for whole in wholes[1:])


def test_equal_uniforms_go_by_site_order(monkeypatch: pytest.MonkeyPatch) -> None:
    # No seed gives equal uniforms within reach: coarsen the real ones to four values.
    from segment1b_assets.core import assignment

    def coarse(word: np.ndarray) -> np.ndarray:
        return (np.floor(word.astype(np.float64) * 2.0**-62) + 0.5) / 4

    monkeypatch.setattr(assignment, "uniform", coarse)
    plan: Plan = {1: [(t, 5) for t in range(8)], 2: [(t, 3) for t in range(9)]}
    table, logs = drained(site_tile_assignment(COUNTRY, IDENTITY, TS, [plan_batch(plan)]))
    tiles = {
        (m, o): t
        for m, o, t in zip(
            *(table.column(c).to_pylist() for c in ("merchant_id", "site_order", "tile_id")),
            strict=True,
        )
    }
    events = parsed(logs["rng_events_site_tile_assign"])
    assert len({e["u"] for e in events}) <= 4
    for merchant in plan:
        ranked = sorted((e["u"], e["site_order"]) for e in events if e["merchant_id"] == merchant)
        by_rank = [tiles[merchant, order] for _, order in ranked]
        assert by_rank == [t for t, n in plan[merchant] for _ in range(n)]


def test_no_plan_no_chunks() -> None:
    stream = site_tile_assignment(COUNTRY, IDENTITY, TS, [plan_batch({})])
    assert list(stream.chunks) == []
    assert stream.facts == {"pairs": 0, "sites": 0, "rng_events": 0}


@pytest.mark.parametrize(
    "rows",
    [
        [(2, 1, 1), (1, 1, 1)],
        [(1, 4, 1), (1, 3, 1)],
        [(1, 4, 1), (1, 4, 1)],
        [(2, 9, 1), (2, 10, 1), (1, 11, 1)],
    ],
)
@pytest.mark.parametrize("cuts", [[], [1], [1, 2]])
def test_an_unsorted_plan_is_refused(rows: list[tuple[int, int, int]], cuts: list[int]) -> None:
    import pyarrow as pa

    merchant, tile, quota = zip(*rows, strict=True)
    batch = pa.RecordBatch.from_arrays(
        [pa.array(merchant, pa.uint64()), pa.array(tile, pa.uint64()), pa.array(quota, pa.int64())],
        names=["merchant_id", "tile_id", "n_sites_tile"],
    )
    stream = site_tile_assignment(COUNTRY, IDENTITY, TS, cut(batch, cuts))
    with pytest.raises(Segment1BError) as caught:
        list(stream.chunks)
    assert caught.value.code == "E408_UNSORTED"
    assert caught.value.country == COUNTRY
