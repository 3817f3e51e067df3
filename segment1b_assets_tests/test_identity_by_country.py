"""One country changes, one country is made again (contract §1, §2; S0, S9)."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from segment1b_assets.cli import group
from segment1b_assets.storage.pass_flag import pass_flag
from segment1b_assets.storage.run_inputs import RunOptions, open_run_inputs
from segment1b_assets_tests.dagster_support import BAD, FIVE, keep_listed, small_world
from segment1b_assets_tests.run_support import published, use_history
from segment1b_assets_tests.test_staleness import halve


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Five countries through S0 to S9."""
    use_history(monkeypatch, tmp_path / "home")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    small_world(tmp_path / "root")
    keep_listed(tmp_path / "root")
    assert command(tmp_path / "root", "run").exit_code == 0
    return tmp_path / "root"


def command(root: Path, *words: str) -> Result:
    return CliRunner().invoke(group, [words[0], "--root", str(root), *words[1:]])


def retired(root: Path) -> list[dict[str, Any]]:
    """The notes under retired/, oldest first."""
    notes = [json.loads(p.read_text()) for p in root.glob("retired/*/retired.json")]
    return sorted(notes, key=lambda n: str(n["when"]))


def sealed(root: Path) -> dict[str, str]:
    (path,) = root.glob("layer1/1B/sealed_inputs/*/sealed_inputs_1B.json")
    return {e["asset_id"]: e["sha256_hex"] for e in json.loads(path.read_text())}


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_changed_polygon_moves_no_byte_of_another_country(root: Path) -> None:
    before = published(root)
    halve(root, BAD)
    inputs = open_run_inputs(RunOptions(root))
    assert command(root, "status").output.count("stale") >= 8

    ended = command(root, "run")

    assert ended.exit_code == 0, ended.output
    after = published(root)
    changed = {p for p in {*before, *after} if before.get(p) != after.get(p)}
    partitions = {p for p in changed if "/country=" in p or "/part-" in p or "trace" in p}
    assert all(BAD in p for p in partitions), partitions
    assert {p.split("/")[2] for p in partitions if "/country=" in p} >= {
        "tile_index", "tile_bounds", "tile_weights", "site_locations",
    }  # fmt: skip
    assert {p.split("/")[2] for p in changed - partitions} == {"sealed_inputs", "validation"}
    assert pass_flag(root).files
    assert sealed(root)["world_countries"] == digest(inputs.path("world_countries"))
    for path in (root / "layer1/1B").rglob(f"country={BAD}/*.parquet"):
        lineage = pq.read_metadata(path).metadata
        assert lineage[b"polygon_sha256"].decode() == inputs.polygon_sha256(BAD)
    notes = retired(root)
    assert notes[0]["dataset"] == "validation_bundle_1B"
    assert {n["dataset"] for n in notes} >= {
        "sealed_inputs_1B", "tile_index", "site_locations", "rng_events_in_cell_jitter",
    }  # fmt: skip
    assert all(BAD in n["why"] or "world_countries" in n["why"] for n in notes)


def test_run_stale_makes_what_is_stale_and_then_nothing(root: Path) -> None:
    halve(root, BAD)
    ended = command(root, "run", "--stale")
    assert ended.exit_code == 0, ended.output
    assert "tile_index: 1 countr" in ended.output
    assert open_run_inputs(RunOptions(root)).is_published("site_locations", BAD)
    before = published(root)
    again = command(root, "run", "--stale")
    assert again.exit_code == 0
    assert "nothing is stale or missing, and the flag holds" in again.output
    assert published(root) == before


def test_run_stale_of_one_country_leaves_the_flag_to_the_others(root: Path) -> None:
    two = sorted(open_run_inputs(RunOptions(root)).demanded)[:2]
    for country in two:
        halve(root, country)
    first = command(root, "run", "--stale", "--countries", two[0])
    assert first.exit_code == 0, first.output
    assert f"S9 waits for 1 country more: {two[1]}" in first.output
    again = command(root, "run", "--stale", "--countries", two[0])
    assert again.exit_code == 0, again.output
    assert "nothing is stale or missing for these countries" in again.output
    assert command(root, "gate").exit_code == 1
    last = command(root, "run", "--stale", "--countries", two[1])
    assert last.exit_code == 0, last.output
    assert command(root, "gate").exit_code == 0


def test_no_later_state_builds_on_a_stale_country(root: Path) -> None:
    halve(root, BAD)
    assert command(root, "run", "--states", "s0", "--countries", BAD).exit_code == 0
    ended = command(root, "run", "--states", "s2", "--countries", BAD)
    assert ended.exit_code == 1
    assert "E101_TILE_INDEX_MISSING" in ended.output
    assert "stale" in ended.output


def test_sites_wait_until_the_inputs_are_sealed_again(root: Path) -> None:
    halve(root, BAD)
    ended = command(root, "run", "--states", "s3", "--countries", FIVE[0])
    assert ended.exit_code == 1
    assert "E301_NO_PASS_FLAG" in ended.output
    assert "world_countries" in ended.output


def test_a_changed_policy_is_sealed_and_the_old_seal_kept(root: Path) -> None:
    policy = open_run_inputs(RunOptions(root)).path("policy.s2.tile_weights")
    old = digest(policy)
    policy.write_text(policy.read_text().replace("dp: 6", "dp: 9"))
    assert digest(policy) != old
    assert command(root, "run").exit_code == 0
    assert sealed(root)["policy.s2.tile_weights"] == digest(policy)
    (kept,) = root.glob("retired/*/layer1/1B/sealed_inputs/*/sealed_inputs_1B.json")
    assert old in kept.read_text()
    first = [n["dataset"] for n in retired(root)][:2]
    assert first == ["validation_bundle_1B", "sealed_inputs_1B"]
    assert "policy.s2.tile_weights" in retired(root)[1]["why"]


def test_a_country_without_a_polygon_has_the_digest_of_nothing(root: Path) -> None:
    path = open_run_inputs(RunOptions(root)).path("world_countries")
    table = pq.read_table(path)
    kept = [c != BAD for c in table.column("country_iso").to_pylist()]
    pq.write_table(table.filter(kept), path)
    inputs = open_run_inputs(RunOptions(root))
    assert inputs.polygon_sha256(BAD) == hashlib.sha256().hexdigest()
    assert inputs.is_stale("tile_index", BAD)
