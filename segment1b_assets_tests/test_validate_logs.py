"""The evidence of the random numbers: no line, value or byte of a log changes unnoticed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from segment1b_assets.validation import philox_replay as replay
from segment1b_assets.validation.rng_evidence import FAMILIES, country_evidence
from segment1b_assets_tests import site_files
from segment1b_assets_tests.hypothesis_profiles import examples
from segment1b_assets_tests.oracle import philox as oracle
from segment1b_assets_tests.oracle import tiles as oracle_tiles
from segment1b_assets_tests.site_files import (
    COUNTRY,
    GRID,
    IDENTITY,
    TS,
    SiteFiles,
    changed,
    failed,
    make_site_files,
    with_value,
)
from segment1b_assets_tests.site_support import parsed

LOGS = {
    "rng_events_site_tile_assign": "s5_site_tile_assignment",
    "rng_trace_site_tile_assign": "s5_site_tile_assignment",
    "rng_events_in_cell_jitter": "s6_site_jitter",
    "rng_trace_in_cell_jitter": "s6_site_jitter",
}


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> SiteFiles:
    return make_site_files(tmp_path_factory.mktemp("clean"))


@pytest.fixture
def spoiled(clean: SiteFiles, tmp_path: Path) -> SiteFiles:
    """A copy to spoil."""
    shutil.copytree(clean.root, tmp_path / "copy")
    return SiteFiles(tmp_path / "copy")


def log_keys(name: str) -> list[str]:
    events = [
        "ts_utc", "run_id", "seed", "parameter_hash", "manifest_fingerprint", "module",
        "substream_label", "rng_counter_before_hi", "rng_counter_before_lo",
        "rng_counter_after_hi", "rng_counter_after_lo", "blocks", "draws", "merchant_id",
        "legal_country_iso", "site_order",
    ]  # fmt: skip
    if name == "rng_events_site_tile_assign":
        return [*events, "tile_id", "u"]
    if name == "rng_events_in_cell_jitter":
        return [*events, "sigma_lat_deg", "sigma_lon_deg", "delta_lat_deg", "delta_lon_deg"]
    return [*events[:3], *events[5:11], "events_total", "blocks_total", "draws_total"]


def with_key_changed(key: str) -> Callable[[bytes], bytes]:
    def change(text: bytes) -> bytes:
        place = text.index(b'"%s":' % key.encode()) + len(key) + 3
        end = min(text.index(c, place) for c in (b",", b"}") if c in text[place:])
        value = json.loads(text[place:end])
        new = json.dumps(changed(value, key))
        return text[:place] + new.rjust(end - place).encode() + text[end:]

    return change


@pytest.mark.parametrize("line", [0, 13, -1])
@pytest.mark.parametrize(
    ("name", "key"), [(name, key) for name in LOGS for key in log_keys(name)], ids=lambda x: str(x)
)
def test_one_value_of_a_log_changed(spoiled: SiteFiles, name: str, key: str, line: int) -> None:
    spoiled.rewrite_line(name, line, with_key_changed(key))
    broken = failed(spoiled.judges()[LOGS[name]]())
    assert broken.keys() & {
        "E507_RNG_EVENT_MISMATCH", "E609_RNG_EVENT_COUNT", "E610_RNG_BUDGET_OR_COUNTERS"
    }  # fmt: skip


LINE_CHANGES: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "first removed": lambda lines: lines[1:],
    "middle removed": lambda lines: [*lines[:9], *lines[10:]],
    "last removed": lambda lines: lines[:-1],
    "middle doubled": lambda lines: [*lines[:9], *lines[8:]],
    "last doubled": lambda lines: [*lines, lines[-1]],
    "two exchanged": lambda lines: [*lines[:3], lines[4], lines[3], *lines[5:]],
    "cut short": lambda lines: [*lines[:-1], lines[-1][:-9]],
    "no line feed": lambda lines: [*lines[:-1], lines[-1][:-1]],
    "a blank line": lambda lines: [*lines, b"\n"],
    "empty": lambda lines: [],
    "a key doubled": lambda lines: [b'{"x":1,' + lines[0][1:], *lines[1:]],
    "windows lines": lambda lines: [line[:-1] + b"\r\n" for line in lines],
}


@pytest.mark.parametrize("how", LINE_CHANGES)
@pytest.mark.parametrize("name", LOGS)
def test_lines_of_a_log(spoiled: SiteFiles, name: str, how: str) -> None:
    path = spoiled.log(name)
    path.write_bytes(b"".join(LINE_CHANGES[how](path.read_bytes().splitlines(keepends=True))))
    assert failed(spoiled.judges()[LOGS[name]]())
    assert not all_well(spoiled, name)


@pytest.mark.parametrize("name", LOGS)
def test_a_log_is_not_there(spoiled: SiteFiles, name: str) -> None:
    spoiled.log(name).unlink()
    found = failed(spoiled.judges()[LOGS[name]]())
    assert f"{name}.jsonl is not there" in str(found)
    # Without the events no site has one, whatever the trace still says.
    assert ("E609_RNG_EVENT_COUNT" in found) == (name == "rng_events_in_cell_jitter")
    assert not all_well(spoiled, name)


def values_of(log: bytes) -> list[Any] | None:
    try:
        # Floats keep their bits and integers all digits; what JSON refuses is None.
        return [json.loads(line, parse_constant=None) for line in log.split(b"\n")[:-1]]
    except (ValueError, UnicodeDecodeError):
        return None


@pytest.mark.parametrize("name", LOGS)
@examples(150)
@given(data=st.data())
def test_any_byte_of_a_log(clean: SiteFiles, name: str, data: st.DataObject) -> None:
    path = clean.log(name)
    raw = path.read_bytes()
    at = data.draw(st.integers(0, len(raw) - 1))
    byte = data.draw(st.one_of(st.sampled_from(b"0123456789 .+-eE\"',}{\n"), st.integers(0, 255)))
    assume(raw[at] != byte)
    spoiled = raw[:at] + bytes([byte]) + raw[at + 1 :]
    same = values_of(spoiled) == values_of(raw)
    try:
        path.write_bytes(spoiled)
        broken = failed(clean.judges()[LOGS[name]]())
    finally:
        path.write_bytes(raw)
    assert broken or same


def test_a_good_attempt_was_passed_over(clean: SiteFiles, tmp_path: Path) -> None:
    # Whole forged logs, consistent in themselves: every site of the first pair tries once more.
    shutil.copytree(clean.root, tmp_path / "copy")
    forged = SiteFiles(tmp_path / "copy")
    table = pq.ParquetFile(forged.file("s6_site_jitter")).read()
    tile = oracle_tiles.Grid(GRID.a, GRID.c, GRID.e, GRID.f, 8, 8).tile(
        *divmod(table.column("tile_id")[0].as_py(), 8)
    )
    events = parsed(forged.log("rng_events_in_cell_jitter").read_bytes())
    last = max(i for i, e in enumerate(events) if (e["merchant_id"], e["site_order"]) == (7, 1))
    event = dict(events[last])
    start = oracle.jitter_substream(
        oracle.master_digest(IDENTITY.manifest_fingerprint, IDENTITY.seed),
        7, COUNTRY, 1, IDENTITY.parameter_hash,
    )  # fmt: skip
    number = last + 1
    first, second = start.words(number)
    lon = tile.min_lon + oracle.uniform(first) * (tile.max_lon - tile.min_lon)
    lat = tile.min_lat + oracle.uniform(second) * (tile.max_lat - tile.min_lat)
    event["delta_lon_deg"] = lon - tile.centroid_lon
    event["delta_lat_deg"] = lat - tile.centroid_lat
    for end, step in (("before", 0), ("after", 1)):
        counter = start.counter + number + step
        event[f"rng_counter_{end}_hi"], event[f"rng_counter_{end}_lo"] = divmod(counter, 2**64)
    events.insert(last + 1, event)
    write_aligned(forged.log("rng_events_in_cell_jitter"), events)
    traces = parsed(forged.log("rng_trace_in_cell_jitter").read_bytes())
    traces.insert(last + 1, dict(traces[last]))
    for total, (trace, event) in enumerate(zip(traces, events, strict=True), start=1):
        trace |= {k: event[k] for k in event if k.startswith("rng_counter")}
        trace |= {"events_total": total, "blocks_total": total, "draws_total": 2 * total}
    write_aligned(forged.log("rng_trace_in_cell_jitter"), traces)

    def move(table: pa.Table) -> pa.Table:
        for name in ("delta_lon_deg", "delta_lat_deg"):
            table = with_value(table, name, 0, events[last + 1][name])
        return table

    forged.respell("s6_site_jitter", move)
    broken = failed(forged.judge_s6())
    assert "a good attempt was passed over" in broken["E609_RNG_EVENT_COUNT"]
    assert "E610_RNG_BUDGET_OR_COUNTERS" not in broken


def write_aligned(path: Path, rows: list[dict[str, Any]]) -> None:
    def line(row: dict[str, Any]) -> str:
        parts = []
        for key, value in row.items():
            fixed = isinstance(value, str) or key in ("seed", "blocks") or key.startswith("sigma")
            parts.append(
                f'"{key}":' + (json.dumps(value) if fixed else json.dumps(value).rjust(30))
            )
        return "{" + ",".join(parts) + "}\n"

    path.write_text("".join(map(line, rows)))


def test_too_many_attempts(clean: SiteFiles) -> None:
    broken = failed(clean.judge_s6(max_attempts=1))
    assert broken.keys() == {"E613_RESAMPLE_EXHAUSTED"}
    assert "past the 1 that a site may have" in broken["E613_RESAMPLE_EXHAUSTED"]


def test_logs_of_another_run(clean: SiteFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site_files, "TS", "2026-01-01T00:00:00.000000Z")
    assert "ts_utc" in failed(clean.judge_s5())["E507_RNG_EVENT_MISMATCH"]
    assert "ts_utc" in failed(clean.judge_s6())["E610_RNG_BUDGET_OR_COUNTERS"]


# ---- S9's evidence ------------------------------------------------------------------------


def evidence(files: SiteFiles, label: str) -> Any:
    return country_evidence(
        FAMILIES[label],
        COUNTRY,
        IDENTITY,
        TS,
        files.log(f"rng_events_{label}"),
        files.log(f"rng_trace_{label}"),
        [files.file("site_locations")],
    )


def all_well(files: SiteFiles, log: str) -> bool:
    found = evidence(files, log.split("_", 2)[2])
    return bool(found.coverage_ok and found.trace_reconciled and not found.envelope_failures)


@pytest.mark.parametrize(("label", "draws"), [("site_tile_assign", 1), ("in_cell_jitter", 2)])
def test_evidence_of_a_clean_country(clean: SiteFiles, label: str, draws: int) -> None:
    found = evidence(clean, label)
    lines = clean.log(f"rng_events_{label}").read_bytes().count(b"\n")
    assert found.faults == []
    assert found.coverage_ok
    assert found.trace_reconciled
    assert (found.events_total, found.blocks_total) == (lines, lines)
    assert found.draws_total == draws * lines
    assert found.envelope_failures == 0


def test_evidence_counts_the_counters_that_do_not_advance(spoiled: SiteFiles) -> None:
    for line in (2, 5):
        change = with_key_changed("rng_counter_after_lo")
        spoiled.rewrite_line("rng_events_site_tile_assign", line, change)
    found = evidence(spoiled, "site_tile_assign")
    assert found.envelope_failures == 2
    assert not found.trace_reconciled
    assert found.coverage_ok


def test_a_country_without_sites_has_no_logs(spoiled: SiteFiles) -> None:
    spoiled.respell("site_locations", lambda table: table.slice(0, 0))
    assert not evidence(spoiled, "site_tile_assign").coverage_ok
    for name in LOGS:
        spoiled.log(name).unlink()
    found = evidence(spoiled, "site_tile_assign")
    assert found.coverage_ok
    assert found.trace_reconciled
    assert found.events_total == 0


# ---- the other arithmetic -----------------------------------------------------------------


@given(st.lists(st.tuples(*[st.integers(0, 2**64 - 1)] * 3), min_size=1, max_size=20))
def test_limbs_give_the_published_generator(blocks: list[tuple[int, int, int]]) -> None:
    hi, lo, key = (np.array(column, np.uint64) for column in zip(*blocks, strict=True))
    first, second = replay.words(hi, lo, key)
    expected = [oracle.philox2x64_10((h << 64) | w, k) for h, w, k in blocks]
    assert list(zip(first.tolist(), second.tolist(), strict=True)) == expected
    assert replay.uniform_of(first).tolist() == [oracle.uniform(w) for w, _ in expected]


def test_uniform_of_edges() -> None:
    edges = [0, 1, 2**53, 2**53 + 2, 2**64 - 1, 2**64 - 1024, 2**64 - 1025, 2**32 - 1]
    found = replay.uniform_of(np.array(edges, np.uint64)).tolist()
    assert found == [oracle.uniform(x) for x in edges]
