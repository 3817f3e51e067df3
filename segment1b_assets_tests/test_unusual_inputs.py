"""Inputs that the contract allows and few would think of: whole runs against the referee."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from segment1b_assets.cli import group
from segment1b_assets.storage.pass_flag import pass_flag
from segment1b_assets_tests.oracle import layout
from segment1b_assets_tests.oracle.compare import compare_world
from segment1b_assets_tests.oracle.world import World, make_world
from segment1b_assets_tests.run_support import run, use_history

EVERY_COUNTRY_STATE = [f"S{n}" for n in range(1, 9)]
Change = Callable[[Path], None]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    use_history(monkeypatch, tmp_path / "home")
    return make_world(
        tmp_path / "world", 8, rows=14, cols=18, countries=2, merchants=6,
        inclusion_rule="center", basis="population", dp=6, feasible=True,
    )  # fmt: skip


def only_catalogue(root: Path) -> Path:
    """Every part of the catalogue in one file, in the order of the contract."""
    parts = sorted(root.glob("layer1/1A/outlet_catalogue/*/*/*.parquet"))
    table = pa.concat_tables([plain(pq.read_table(p, partitioning=None)) for p in parts])
    keys = ("merchant_id", "legal_country_iso", "site_order")
    for path in parts:
        path.unlink()
    pq.write_table(table.sort_by([(k, "ascending") for k in keys]), parts[0])
    return parts[0]


def plain(table: pa.Table) -> pa.Table:
    at = table.schema.get_field_index("legal_country_iso")
    return table.set_column(at, "legal_country_iso", table["legal_country_iso"].cast(pa.string()))


def a_dictionary_that_lists_more(root: Path) -> None:
    path = only_catalogue(root)
    table = pq.read_table(path, partitioning=None)
    texts = table["legal_country_iso"].to_pylist()
    # Codes that no row has: one without a polygon, one on no list, one in the wrong case.
    listed = sorted({*texts, "AQ", "XX", "aq"})
    codes = pa.array([listed.index(t) for t in texts], pa.int32())
    column = pa.DictionaryArray.from_arrays(codes, pa.array(listed))
    at = table.schema.get_field_index("legal_country_iso")
    pq.write_table(table.set_column(at, "legal_country_iso", column), path)


def files_that_differ(root: Path) -> None:
    path = only_catalogue(root)
    table = pq.read_table(path, partitioning=None)
    half = table.num_rows // 2
    first, second = table.slice(0, half), table.slice(half)
    encoded = second["legal_country_iso"].combine_chunks().dictionary_encode()
    at = table.schema.get_field_index("legal_country_iso")
    second = second.set_column(at, "legal_country_iso", encoded)
    pq.write_table(first.append_column("of_1a", pa.array(range(half))), path)
    pq.write_table(second, path.with_name("part-00009.parquet"))


@pytest.mark.parametrize("change", [a_dictionary_that_lists_more, files_that_differ])
def test_an_unusual_form_changes_nothing(world: World, change: Change) -> None:
    change(world.root)
    countries = sorted({*world.countries, *world.outlet_countries, "AQ"})
    outcome = run(world.root, countries)
    assert outcome.success, (outcome.failures, outcome.messages)
    assert compare_world(world.root, countries=countries) == []


def test_a_policy_version_may_be_a_date(world: World) -> None:
    for path in world.root.glob("config/layer1/1B/policy/*.yaml"):
        kept = [k for k in path.read_text().splitlines() if not k.startswith("policy_version")]
        path.write_text("\n".join(["policy_version: 2024-12-31", *kept]) + "\n")
    assert run(world.root, world.countries, ["S1", "S2"]).success


def test_a_country_published_beside_the_flag_takes_it_away_until_s9(world: World) -> None:
    countries = sorted({*world.countries, *world.outlet_countries})
    assert run(world.root, countries).success
    before = pass_flag(world.root)
    assert run(world.root, ["AQ"], EVERY_COUNTRY_STATE).success
    assert not list(world.root.glob("layer1/1B/validation/*/_passed.flag"))
    (why,) = [json.loads(p.read_bytes()) for p in world.root.glob("retired/*/retired.json")]
    assert "AQ" in why["why"]
    assert run(world.root, ["AQ"], ["S9"]).success
    assert len(pass_flag(world.root).files) == len(before.files) + 1


def test_reports_say_what_was_read_and_of_which_version(world: World) -> None:
    country = world.outlet_countries[0]
    assert run(world.root, [country], ["S0", *EVERY_COUNTRY_STATE]).success
    reports = {
        p.name: json.loads(p.read_bytes())
        for p in world.root.glob(f"reports/layer1/1B/state=*/**/country={country}/*.json")
    }
    assert len(reports) == 8
    assert set(reports["s1_run_report.json"]["ingress_versions"]) == {
        "iso3166_canonical_2024", "world_countries", "population_raster_2025",
        "policy.s1.tile_index",
    }  # fmt: skip
    polygons = layout.polygons_path(world.root)
    told = reports["s1_run_report.json"]["inputs"]["world_countries"]
    assert told == {"bytes_read": polygons.stat().st_size, "bytes_on_disk": told["bytes_read"]}
    for name, report in reports.items():
        assert report["inputs"], name
        for counts in report["inputs"].values():
            assert 0 < counts["bytes_read"] <= 1.25 * counts["bytes_on_disk"]


def test_a_fault_of_a_whole_state_is_told_for_every_country(world: World) -> None:
    countries = list(world.countries)
    layout.policy_path(world.root, "s1.tile_index").unlink()
    outcome = run(world.root, countries, ["S1"])
    assert not outcome.success
    events = [json.loads(p.read_bytes()) for p in world.root.glob("reports/**/*_MISSING*.json")]
    told = {(e["event"], e["code"], e["country"]) for e in events}
    assert {("S1_ERROR", "E_INPUT_MISSING", c) for c in countries} <= told


def test_retire_and_verify_say_what_they_want(world: World) -> None:
    base = ["--root", str(world.root)]
    refused = CliRunner().invoke(
        group, ["retire", *base, "--dataset", "tile_index", "--country", "ALL", "--why", "test"]
    )
    assert refused.exit_code == 2
    assert "name one" in refused.output
    countries = sorted({*world.countries, *world.outlet_countries})
    assert CliRunner().invoke(group, ["verify", *base, "--states", "s9"]).exit_code == 1
    assert run(world.root, countries).success
    assert CliRunner().invoke(group, ["verify", *base, "--states", "s9"]).exit_code == 0


@pytest.mark.parametrize("clock", ["soon", "1e9", "99999999999999999999"])
def test_a_clock_that_is_no_time_is_told_and_seals_nothing(
    world: World, clock: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", clock)
    outcome = run(world.root, ["AD"], ["S0"])
    assert not outcome.success
    (event,) = [
        json.loads(p.read_bytes()) for p in world.root.glob("reports/**/state=S0/**/*.json")
    ]
    assert (event["event"], event["code"]) == ("S0_ERROR", "E_POLICY_INVALID")
    assert "SOURCE_DATE_EPOCH" in event["detail"]
    assert not list(world.root.glob("layer1/1B/*"))


def test_files_beside_the_raster_are_named_in_report_and_log(world: World) -> None:
    beside = layout.raster_path(world.root).with_suffix(".tif.aux.xml")
    beside.write_text("<PAMDataset/>")
    outcome = run(world.root, world.countries, ["S1", "S2"])
    assert outcome.success
    for name in ("s1_run_report.json", "s2_run_report.json"):
        for path in world.root.glob(f"reports/layer1/1B/**/{name}"):
            assert json.loads(path.read_bytes())["ignored_sidecars"] == [beside.name]
    assert len(list(world.root.glob("reports/layer1/1B/**/s2_run_report.json"))) == 2
