"""What is tampered with is found: by `verify` under its rule's name, by S9, by the gate."""

from __future__ import annotations

import errno
import json
import shutil
from dataclasses import replace
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from segment1b_assets import read_site_locations
from segment1b_assets.cli import group
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.export import export_geoparquet
from segment1b_assets.storage.pass_flag import pass_flag
from segment1b_assets.storage.run_inputs import RunInputs, RunOptions, open_run_inputs
from segment1b_assets.validation import world_findings
from segment1b_assets.validation.judge import RULES, judge_dataset
from segment1b_assets.validation.verdict import Verdict
from segment1b_assets_tests.finished_world import change, make_finished, part
from segment1b_assets_tests.run_support import run, use_history


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    return make_finished(tmp_path_factory.mktemp("finished"))


@pytest.fixture
def root(finished: tuple[Path, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    use_history(monkeypatch, tmp_path / "home")
    return Path(shutil.copytree(finished[0], tmp_path / "world"))


@pytest.mark.parametrize(
    ("dataset", "column", "delta", "code"),
    [
        ("tile_index", "centroid_lon", 1e-9, "E004_BOUNDS"),
        ("tile_index", "pixel_area_m2", 1.0, "E006_AREA_NONPOS"),
        ("tile_bounds", "max_lat_deg", 1e-9, "E004_BOUNDS"),
        ("tile_weights", "weight_fp", 1, "E105_NORMALIZATION"),
        ("s3_requirements", "n_sites", 1, "E308_COUNTS_MISMATCH"),
        ("s4_alloc_plan", "n_sites_tile", 1, "E404_ALLOCATION_MISMATCH"),
        ("s7_site_synthesis", "lon_deg", 1e-9, "A705"),
        ("site_locations", "lat_deg", 1e-9, "A805"),
    ],
)
def test_verify_names_the_rule_that_one_changed_value_breaks(
    dataset: str, column: str, delta: float, code: str, root: Path,
    finished: tuple[Path, list[str]],
) -> None:  # fmt: skip
    country = finished[1][0]
    change(part(root, dataset, country), column, delta)
    result = CliRunner().invoke(group, ["verify", "--root", str(root), "--countries", country])
    assert result.exit_code == 1
    assert f"{dataset} {code} [{country}]" in result.output


@pytest.mark.parametrize("dataset", ["tile_index", "tile_bounds"])
@pytest.mark.parametrize("token", ["country", "parameter_hash", "contract_version"])
def test_verify_names_tiles_whose_lineage_is_another_path_s(
    dataset: str,
    token: str,
    root: Path,
    finished: tuple[Path, list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "4000")
    country = finished[1][0]
    path = part(root, dataset, country)
    table = pq.ParquetFile(path).read()
    lineage = {**(table.schema.metadata or {}), token.encode(): b"another"}
    pq.write_table(table.replace_schema_metadata(lineage), path)
    words = ["verify", "--root", str(root), "--countries", country, "--states", "s1"]
    result = CliRunner().invoke(group, words)
    assert result.exit_code == 1
    assert f"{dataset} E_INPUT_SCHEMA [{country}]" in result.output
    assert f"says {token}='another'" in result.output


def test_verify_passes_what_was_published(root: Path) -> None:
    result = CliRunner().invoke(group, ["verify", "--root", str(root)])
    assert result.exit_code == 0, result.output
    assert "0 rules broken" in result.output


def test_every_rule_gets_its_verdict_on_what_was_published(
    root: Path, finished: tuple[Path, list[str]]
) -> None:
    """A rule without one would show as skipped, and as failed where another country fails."""
    inputs = open_run_inputs(RunOptions(root))
    for dataset, codes in RULES.items():
        verdicts = judge_dataset(inputs, dataset, finished[1][0])
        assert set(codes) <= {v.code for v in verdicts if v.passed}, dataset


def test_the_readers_door_opens_on_a_valid_flag(root: Path, tmp_path: Path) -> None:
    sites = read_site_locations(root).collect()
    outlets = pl.scan_parquet(str(root / "layer1/1A/outlet_catalogue/**/*.parquet")).collect()
    assert len(sites) == len(outlets)
    assert sites["merchant_id"].dtype == pl.UInt64
    assert CliRunner().invoke(group, ["gate", "--root", str(root)]).output.startswith("PASS ")
    rows = export_geoparquet(pass_flag(root), tmp_path / "sites.parquet")
    assert rows == len(sites)


def test_an_export_holds_every_file_of_a_country(root: Path, tmp_path: Path) -> None:
    passed = pass_flag(root)
    heights = {path: pl.read_parquet(path).height for path in passed.files}
    largest = max(heights, key=lambda path: heights[path])
    assert heights[largest] > 0  # a country may have no site, and twice none is none
    more = tmp_path / largest.parent.name / "part-00001.parquet"
    more.parent.mkdir()
    shutil.copy(largest, more)
    two = replace(passed, files=(largest, more))
    rows = export_geoparquet(two, tmp_path / "sites.parquet")
    assert rows == 2 * heights[largest]


def test_an_export_that_cannot_be_written_is_told_and_leaves_nothing(
    root: Path, tmp_path: Path
) -> None:
    nowhere = tmp_path / "nowhere" / "sites.parquet"
    said = CliRunner().invoke(group, ["export", "--root", str(root), "--out", str(nowhere)])
    assert isinstance(said.exception, Segment1BError)
    assert said.exception.code == "E_IO"
    assert said.exception.file == str(nowhere)

    taken = tmp_path / "taken"
    taken.mkdir()
    with pytest.raises(Segment1BError, match="cannot be written") as refused:
        export_geoparquet(pass_flag(root), taken)
    assert refused.value.code == "E_IO"
    assert not list(tmp_path.glob("*.partial"))


def test_a_changed_byte_of_the_product_shuts_the_gate(
    root: Path, finished: tuple[Path, list[str]]
) -> None:
    path = part(root, "site_locations", finished[1][0])
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 3] ^= 1
    path.write_bytes(raw)
    with pytest.raises(Segment1BError, match="site_locations") as refused:
        read_site_locations(root)
    assert refused.value.code == "E_FLAG_BAD"
    result = CliRunner().invoke(group, ["gate", "--root", str(root)])
    assert isinstance(result.exception, Segment1BError)
    # Materialising alone would meet the changed file, and refuse to replace it.
    repair = f"segment1b repair --dataset site_locations --country {finished[1][0]}"
    assert repair in str(result.exception)


def test_s9_takes_the_flag_away_where_an_event_is_missing(root: Path) -> None:
    log = sorted(root.glob("logs/layer1/1B/rng/events/in_cell_jitter/**/*.jsonl"))[0]
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:-1]))
    outcome = run(root, ["AD"], ["S9"])
    assert not outcome.success
    assert "in_cell_jitter" in " ".join(outcome.messages)
    assert not list(root.glob("layer1/1B/validation/*/_passed.flag"))
    with pytest.raises(Segment1BError):
        pass_flag(root)


def test_s9_names_a_country_that_is_missing(root: Path, finished: tuple[Path, list[str]]) -> None:
    country = finished[1][-1]
    shutil.rmtree(part(root, "s7_site_synthesis", country).parent)
    outcome = run(root, ["AD"], ["S9"])
    assert not outcome.success
    assert f"s7_site_synthesis is missing for {country}" in " ".join(outcome.messages)
    assert not list(root.glob("layer1/1B/validation/*/_passed.flag"))
    (told,) = root.glob("layer1/1B/validation/*/s9_summary.json")
    rows = pq.read_metadata(part(root, "site_locations", country)).num_rows
    assert json.loads(told.read_bytes())["by_country"][country] == {
        "rows_s7": 0, "rows_s8": rows, "parity_ok": False,
    }  # fmt: skip


def test_foreign_metadata_costs_its_own_country_the_flag_and_no_more(
    root: Path, finished: tuple[Path, list[str]]
) -> None:
    """Key-value metadata that is no text: every door names the country, none breaks down."""
    bad, good = finished[1][:2]
    path = part(root, "site_locations", bad)
    table, metadata = pq.read_table(path), pq.read_metadata(path).metadata
    with pq.ParquetWriter(path, table.schema) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata(
            {b"note": b"\xff", **{k: v for k, v in metadata.items() if k != b"ARROW:schema"}}
        )
    outcome = run(root, ["AD"], ["S9"])
    assert not outcome.success
    told = " ".join(outcome.messages)
    assert f"{bad}: site_locations A803" in told
    assert "not UTF-8" in told
    assert f"{good}: " not in told
    (event,) = root.glob("reports/layer1/1B/failures/state=S9/**/*.json")
    assert json.loads(event.read_bytes())["code"] == "E_NO_FLAG"

    verified = CliRunner().invoke(group, ["verify", "--root", str(root), "--states", "s8"])
    assert f"A803 [{bad}]" in verified.output
    assert "1 rule broken" in verified.output
    shown = CliRunner().invoke(group, ["status", "--root", str(root), "--countries", bad])
    assert shown.exit_code == 0
    assert "E_INPUT_SCHEMA" in shown.output


def test_a_judge_that_breaks_down_stands_against_its_country_alone(
    root: Path, finished: tuple[Path, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = finished[1][0]

    def judge(inputs: RunInputs, dataset: str, country: str) -> list[Verdict]:
        if country == bad:
            raise IndexError("past the end")
        return []

    monkeypatch.setattr(world_findings, "judge_dataset", judge)
    found = world_findings.judge_world(open_run_inputs(RunOptions(root)), 2)
    assert found.faults == [f"{bad}: E_UNEXPECTED: judging failed: IndexError: past the end"]


def test_a_disk_that_fails_is_no_finding_against_a_country(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def judge(inputs: RunInputs, dataset: str, country: str) -> list[Verdict]:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(world_findings, "judge_dataset", judge)
    with pytest.raises(OSError, match="Input/output error"):
        world_findings.judge_world(open_run_inputs(RunOptions(root)), 2)


def test_new_parameters_retire_the_bundle_before_the_sites(
    root: Path, finished: tuple[Path, list[str]]
) -> None:
    country = finished[1][0]
    policy = root / "config/layer1/1B/policy/policy.s6.jitter.yaml"
    policy.write_text(policy.read_text().replace("policy_version", "# new\npolicy_version"))
    outcome = run(root, [country], [f"S{n}" for n in range(9)])
    assert outcome.success, (outcome.failures, outcome.messages)
    assert not list(root.glob("layer1/1B/validation/*"))
    retired = {p.parent.name.split("-")[1] for p in root.glob("retired/*/retired.json")}
    assert retired == {"validation_bundle_1B", "sealed_inputs_1B", "site_locations"}
    if len(finished[1]) > 1:
        mixed = run(root, [country], ["S9"])
        assert not mixed.success
        assert "parameter_hash" in " ".join(mixed.messages)
