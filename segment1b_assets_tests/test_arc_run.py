"""Whole runs under population_arc_v1: events, flag, accounting, replay, and what spoils them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from segment1b_assets.storage.run_inputs import RunInputs, RunOptions, open_run_inputs
from segment1b_assets.validation.judge import RULES, judge_dataset
from segment1b_assets_tests.dagster_support import FIVE, small_world
from segment1b_assets_tests.oracle import layout
from segment1b_assets_tests.oracle.compare import compare_world
from segment1b_assets_tests.run_support import ALL_STATES, copy_world, published, run, use_history

SCRIPT = Path(__file__).parents[1] / "docs" / "replay.py"
EPOCH = "1700000000"
REACH = [{"n_max": 2, "power": 3}, {"n_max": 3, "power": 1, "min_ppm": 250_000}]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small world that was made under the policy."""
    root = tmp_path_factory.mktemp("arc") / "world"
    small_world(root, seed=11, reach=REACH)
    with pytest.MonkeyPatch.context() as patch:
        use_history(patch, root.parent / "home")
        patch.setenv("SOURCE_DATE_EPOCH", EPOCH)
        outcome = run(root, FIVE)
    assert outcome.success, (outcome.failures, outcome.messages)
    return root


def inputs_of(root: Path) -> RunInputs:
    return open_run_inputs(RunOptions(root))


def rows_of(root: Path, dataset: str, country: str) -> list[dict[str, Any]]:
    files = inputs_of(root).files(dataset, country)
    return [row for file in files for row in pq.ParquetFile(file).read().to_pylist()]


def test_every_published_byte_is_the_referees(root: Path) -> None:
    assert compare_world(root, countries=list(FIVE)) == []


def test_the_bundle_passes_and_accounts_for_the_draws(root: Path) -> None:
    inputs = inputs_of(root)
    bundle = layout.bundle_1b(root, inputs.identity.manifest_fingerprint)
    assert (bundle / "_passed.flag").is_file()
    families = json.loads((bundle / "s9_summary.json").read_text())["rng"]["families"]
    assert list(families) == ["site_tile_plan", "site_tile_assign", "in_cell_jitter"]
    pairs = sum(len(rows_of(root, "s3_requirements", c)) for c in inputs.demanded)
    assert families["site_tile_plan"] == {
        "coverage_ok": True, "events_total": pairs, "blocks_total": pairs,
        "draws_total": 2 * pairs, "envelope_failures": 0, "trace_reconciled": True,
    }  # fmt: skip
    accounts = json.loads((bundle / "rng_accounting.json").read_text())["families"]
    assert accounts["site_tile_plan"]["module"] == "1B.S4.planner"
    assert sorted(accounts["site_tile_plan"]["by_country"]) == sorted(inputs.demanded)


def test_every_rule_of_the_plan_is_judged_and_held(root: Path) -> None:
    for country in FIVE:
        verdicts = judge_dataset(inputs_of(root), "s4_alloc_plan", country)
        assert [v.code for v in verdicts] == list(RULES["s4_alloc_plan"])
        assert [v.code for v in verdicts if not v.passed] == []


@pytest.mark.parametrize(
    ("dataset", "code"),
    [
        ("s3_requirements", "E401_NO_S3_REQUIREMENTS"),
        ("tile_weights", "E402_MISSING_TILE_WEIGHTS"),
        ("tile_weights", "E403_ZERO_TILE_UNIVERSE"),
    ],
)
def test_a_plan_whose_inputs_are_gone_is_rejected(
    root: Path, tmp_path: Path, dataset: str, code: str
) -> None:
    copy = Path(shutil.copytree(root, tmp_path / "world"))
    country = inputs_of(copy).demanded[0]
    shutil.rmtree(inputs_of(copy).path(dataset, country))
    found = judge_dataset(inputs_of(copy), "s4_alloc_plan", country)
    assert {v.code: v.result for v in found}[code] == "broken"


def free_tile(root: Path, country: str) -> tuple[int, int] | None:
    """A row of the plan, and a tile of the country in which its merchant has no site."""
    plan = rows_of(root, "s4_alloc_plan", country)
    tiles = {row["tile_id"] for row in rows_of(root, "tile_weights", country)}
    for at, row in enumerate(plan):
        own = {r["tile_id"] for r in plan if r["merchant_id"] == row["merchant_id"]}
        if tiles > own:
            return at, max(tiles - own)
    return None


@pytest.mark.parametrize(
    ("column", "code"),
    [("tile_id", "E411_TIE_RULE_VIOLATION"), ("n_sites_tile", "E404_ALLOCATION_MISMATCH")],
)
def test_a_changed_row_of_a_published_plan_is_rejected(
    root: Path, tmp_path: Path, column: str, code: str
) -> None:
    """A site too many, or a merchant's sites in another tile of the country."""
    copy = Path(shutil.copytree(root, tmp_path / "world"))
    inputs = inputs_of(copy)
    country, (at, tile) = next(
        (c, found) for c in inputs.demanded if (found := free_tile(copy, c)) is not None
    )
    (file,) = inputs.files("s4_alloc_plan", country)
    table = pq.ParquetFile(file).read()
    values = table.column(column).to_pylist()
    values[at] = tile if column == "tile_id" else values[at] + 1
    field = table.schema.field(column)
    changed = table.set_column(
        table.schema.get_field_index(column), field, pa.array(values, field.type)
    )
    pq.write_table(changed, file)
    broken = [v.code for v in judge_dataset(inputs, "s4_alloc_plan", country) if not v.passed]
    assert code in broken


def test_the_documents_script_replays_from_home_to_sites(root: Path) -> None:
    country = inputs_of(root).demanded[0]
    for row in rows_of(root, "s3_requirements", country):
        done = subprocess.run(
            [sys.executable, str(SCRIPT), str(root), country, str(row["merchant_id"])],
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.stdout.startswith("home "), done.stderr
        assert done.stdout.endswith(f"{row['n_sites']} sites, all agree\n"), done.stderr


def test_bytes_do_not_depend_on_batches_and_workers(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_history(monkeypatch, tmp_path / "home")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", EPOCH)
    other = copy_world(root, tmp_path / "world")
    outcome = run(other, FIVE, workers=2, batch_rows=1024)
    assert outcome.success, (outcome.failures, outcome.messages)
    assert any("events/site_tile_plan" in name for name in published(root))
    assert published(other) == published(root)


@pytest.mark.parametrize("log", ["events", "trace"])
def test_a_spoiled_log_is_found_by_the_check_and_by_the_bundle(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log: str
) -> None:
    use_history(monkeypatch, tmp_path / "home")
    copy = Path(shutil.copytree(root, tmp_path / "world"))
    inputs = inputs_of(copy)
    country = inputs.demanded[0]
    path = inputs.path(f"rng_{log}_site_tile_plan", country)
    path.write_bytes(path.read_bytes().replace(b'"1B.S4.planner"', b'"1B.S4.painter"'))
    broken = [v.code for v in judge_dataset(inputs, "s4_alloc_plan", country) if not v.passed]
    assert broken == ["E415_RNG_EVENT_MISMATCH"]
    outcome = run(copy, FIVE, ["S9"])
    assert not outcome.success
    bundle = layout.bundle_1b(copy, inputs.identity.manifest_fingerprint)
    assert not (bundle / "_passed.flag").exists()


def test_the_plain_law_leaves_no_events_and_refuses_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_history(monkeypatch, tmp_path / "home")
    small_world(tmp_path / "world", seed=11)
    outcome = run(tmp_path / "world", FIVE, ALL_STATES[:5])
    assert outcome.success, (outcome.failures, outcome.messages)
    inputs = inputs_of(tmp_path / "world")
    path = inputs.path("rng_events_site_tile_plan", inputs.demanded[0])
    assert not path.exists()
    path.parent.mkdir(parents=True)
    path.write_bytes(b"{}\n")
    found = judge_dataset(inputs, "s4_alloc_plan", inputs.demanded[0])
    assert [v.code for v in found if not v.passed] == ["E415_RNG_EVENT_MISMATCH"]
