"""The form of the logs: keys in order, numbers whole, lines of one length."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from segment1b_assets.core.rng_log import ASSIGN, JITTER, RngLog
from segment1b_assets_tests.site_support import COUNTRY, IDENTITY, TS, parsed

ALL = (1 << 64) - 1
U64S = st.integers(0, ALL)

COMMON = [
    "ts_utc", "run_id", "seed", "parameter_hash", "manifest_fingerprint", "module",
    "substream_label", "rng_counter_before_hi", "rng_counter_before_lo", "rng_counter_after_hi",
    "rng_counter_after_lo", "blocks", "draws", "merchant_id", "legal_country_iso", "site_order",
]  # fmt: skip
TRACE = [
    "ts_utc", "run_id", "seed", "module", "substream_label", "rng_counter_before_hi",
    "rng_counter_before_lo", "rng_counter_after_hi", "rng_counter_after_lo", "events_total",
    "blocks_total", "draws_total",
]  # fmt: skip
OWN = {
    ASSIGN: ["tile_id", "u"],
    JITTER: ["sigma_lat_deg", "sigma_lon_deg", "delta_lat_deg", "delta_lon_deg"],
}


def u64(*values: int) -> np.ndarray:
    return np.array(values, np.uint64)


@pytest.mark.parametrize("family", [ASSIGN, JITTER], ids=lambda f: f.name)
def test_keys_stand_in_the_contract_order(family: object) -> None:
    log = RngLog(family, IDENTITY, TS, COUNTRY)
    values = (
        {"tile_id": u64(3), "u": np.array([0.25])}
        if family is ASSIGN
        else {"delta_lat_deg": np.array([1e-9]), "delta_lon_deg": np.array([-0.5])}
    )
    lines = log.lines(u64(ALL), u64(7), u64(ALL), np.array([1], np.int32), **values)
    (event,) = parsed(lines[family.events_id])
    (trace,) = parsed(lines[family.trace_id])
    assert list(event) == COMMON + OWN[family]
    assert list(trace) == TRACE
    assert event["ts_utc"] == trace["ts_utc"] == TS
    assert event["seed"] == trace["seed"] == IDENTITY.seed == ALL
    assert event["parameter_hash"] == IDENTITY.parameter_hash
    assert event["manifest_fingerprint"] == IDENTITY.manifest_fingerprint
    assert event["run_id"] == trace["run_id"] == IDENTITY.run_id
    assert event["merchant_id"] == ALL
    assert event["legal_country_iso"] == COUNTRY
    # The counter's low half wraps and carries.
    assert [event[k] for k in TRACE[5:9]] == [trace[k] for k in TRACE[5:9]] == [7, ALL, 8, 0]
    assert event["blocks"] == 1
    assert event["draws"] == ("1" if family is ASSIGN else "2")
    assert (event["module"], event["substream_label"]) == (
        ("1B.S5.assigner", "site_tile_assign")
        if family is ASSIGN
        else ("1B.S6.jitter", "in_cell_jitter")
    )


@given(
    st.lists(
        st.tuples(
            U64S, U64S, U64S, st.integers(1, (1 << 31) - 1),
            st.floats(-180, 180), st.floats(-180, 180),
        ),
        min_size=1,
        max_size=9,
    ),
    st.integers(0, 9),
)  # fmt: skip
def test_numbers_come_back_whole_and_lines_align(
    rows: list[tuple[int, int, int, int, float, float]], at: int
) -> None:
    log = RngLog(JITTER, IDENTITY, TS, COUNTRY)
    events, traces = b"", b""
    # One log in two calls: the totals run on, and a shorter second call shows no stale bytes.
    for part in (rows[:at], rows[at:]):
        if not part:
            continue
        lo, hi, merchant, order, dlat, dlon = zip(*part, strict=True)
        lines = log.lines(
            u64(*lo), u64(*hi), u64(*merchant), np.array(order, np.int32),
            delta_lat_deg=np.array(dlat), delta_lon_deg=np.array(dlon),
        )  # fmt: skip
        events += lines["rng_events_in_cell_jitter"]
        traces += lines["rng_trace_in_cell_jitter"]
    assert len({len(line) for line in events.splitlines()}) == 1
    assert len({len(line) for line in traces.splitlines()}) == 1
    for number, (row, event, trace) in enumerate(
        zip(rows, parsed(events), parsed(traces), strict=True), start=1
    ):
        lo, hi, merchant, order, dlat, dlon = row
        assert (event["rng_counter_before_lo"], event["rng_counter_before_hi"]) == (lo, hi)
        assert (event["merchant_id"], event["site_order"]) == (merchant, order)
        assert event["delta_lat_deg"] == dlat
        assert event["delta_lon_deg"] == dlon
        assert [trace[k] for k in TRACE[9:]] == [number, number, 2 * number]


@example(1.2345678901234567e-06)
@example(2.2250738585072014e-308)
@example(5e-324)
@given(st.floats(0, 1, exclude_min=True, exclude_max=True))
def test_floats_are_the_same_binary64(u: float) -> None:
    log = RngLog(ASSIGN, IDENTITY, TS, COUNTRY)
    lines = log.lines(
        u64(1), u64(1), u64(1), np.array([1], np.int32), tile_id=u64(1), u=np.array([u])
    )
    event = json.loads(lines["rng_events_site_tile_assign"])
    assert struct.pack("d", event["u"]) == struct.pack("d", u)
