"""Damage is called damage, one command repairs it, and `verify --deep` finds what was hidden."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from segment1b_assets.cli import group
from segment1b_assets.command_line.dagster_run import Outcome, run_states
from segment1b_assets.storage.run_inputs import RunOptions, open_run_inputs
from segment1b_assets_tests.finished_world import change, make_finished, part
from segment1b_assets_tests.run_support import published, use_history


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    return make_finished(tmp_path_factory.mktemp("finished"))


@pytest.fixture
def country(finished: tuple[Path, list[str]]) -> str:
    return finished[1][0]


@pytest.fixture
def root(finished: tuple[Path, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    use_history(monkeypatch, tmp_path / "home")
    return Path(shutil.copytree(finished[0], tmp_path / "world"))


def segment1b(root: Path, *words: str) -> Result:
    return CliRunner().invoke(group, [words[0], "--root", str(root), *words[1:]])


def flip_a_byte(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 3] ^= 1
    path.write_bytes(raw)


def log_of(root: Path, country: str) -> Path:
    (found,) = root.glob(f"logs/layer1/1B/rng/events/in_cell_jitter/**/part-{country}.jsonl")
    return found


def retired(root: Path) -> set[str]:
    notes = root.glob("retired/*/retired.json")
    return {json.loads(note.read_bytes())["dataset"] for note in notes}


def test_a_damaged_site_file_is_called_so_and_one_command_makes_all_green(
    root: Path, country: str
) -> None:
    before = published(root)
    flip_a_byte(part(root, "site_locations", country))

    said = segment1b(root, "run", "--countries", country, "--states", "s8", "--json")
    assert said.exit_code == 1
    (failure,) = json.loads(said.stdout)["failures"]
    assert failure["code"] == "E_IMMUTABLE_PARTITION_EXISTS_NONIDENTICAL"
    assert "was damaged after it was published" in failure["detail"]
    offered = failure["next_step"].split()
    assert offered[:2] == ["segment1b", "repair"]

    mended = segment1b(root, *offered[1:])
    assert mended.exit_code == 0, mended.output
    assert retired(root) == {"validation_bundle_1B", "site_locations"}
    assert published(root) == before
    for words in (["run", "--countries", country], ["verify", "--states", "s1..s9"], ["gate"]):
        again = segment1b(root, *words)
        assert again.exit_code == 0, again.output


def test_a_damaged_log_is_repaired_and_its_partition_stays(root: Path, country: str) -> None:
    before = published(root)
    flip_a_byte(log_of(root, country))
    said = segment1b(root, "run", "--countries", country, "--states", "s6", "--json")
    (failure,) = json.loads(said.stdout)["failures"]
    mended = segment1b(root, *failure["next_step"].split()[1:], "--json")
    assert mended.exit_code == 0, mended.output
    assert json.loads(mended.stdout)["retired"] == ["rng_events_in_cell_jitter"]
    assert retired(root) == {"rng_events_in_cell_jitter"}
    assert published(root) == before


def test_a_run_of_the_web_ui_repairs_where_its_config_says_so(root: Path, country: str) -> None:
    """What the launchpad sends: `repair` replaces what is damaged, and nothing else."""
    before = published(root)
    flip_a_byte(part(root, "site_locations", country))
    flip_a_byte(log_of(root, country))
    other = part(root, "tile_weights", country)
    change(other, "weight_fp", 1)
    note_receipt(root, "s2_run_report.json", "tile_weights", other)
    inputs = open_run_inputs(RunOptions(root))

    def launched(*states: str) -> Outcome:
        return run_states(states, [country], {"root": str(root), "repair": True}, inputs)

    for _ in ("its report notes the published bytes", "no report says what was published"):
        said = launched("S2")
        assert "segment1b retire" in str(said.failures)
        assert not retired(root)
        for report in root.glob(f"reports/**/country={country}/s2_run_report.json"):
            report.unlink()
    assert launched("S6", "S8", "S9").success
    assert retired(root) == {
        "rng_events_in_cell_jitter", "validation_bundle_1B", "site_locations",
    }  # fmt: skip
    after = published(root)
    (kept,) = (path for path in before if after[path] != before[path])
    assert root / kept == other


def test_a_state_that_reads_damage_offers_the_repair_too(root: Path, country: str) -> None:
    change(part(root, "s6_site_jitter", country), "delta_lat_deg", 1e-9)
    said = segment1b(root, "run", "--countries", country, "--states", "s7", "--json")
    (failure,) = json.loads(said.stdout)["failures"]
    assert failure["code"] == "E107_DETERMINISM"
    assert failure["next_step"] == f"segment1b repair --dataset s6_site_jitter --country {country}"


def test_other_code_s_bytes_are_not_called_damage(root: Path, country: str) -> None:
    """The report notes what lies there: then it is the new bytes that are others."""
    path = part(root, "tile_weights", country)
    change(path, "weight_fp", 1)
    note_receipt(root, "s2_run_report.json", "tile_weights", path)
    said = segment1b(root, "run", "--countries", country, "--states", "s2", "--json")
    (failure,) = json.loads(said.stdout)["failures"]
    assert "damaged" not in failure["detail"]
    assert "segment1b retire" in failure["next_step"]


def test_what_is_not_damaged_is_left_alone(root: Path, country: str) -> None:
    before = published(root)
    said = segment1b(root, "repair", "--dataset", "tile_index", "--country", country)
    assert said.exit_code == 0
    assert "nothing to repair" in said.output
    assert published(root) == before
    assert not retired(root)


def note_receipt(root: Path, report: str, dataset: str, path: Path) -> None:
    """Let the run report say that these bytes are the published ones."""
    (file,) = root.glob(f"reports/**/{path.parent.name}/{report}")
    document = json.loads(file.read_bytes())
    stamp = hashlib.sha256(path.read_bytes()).hexdigest()
    document["outputs"][dataset]["receipt"] = stamp
    if dataset != "tile_bounds":
        document["receipt"] = stamp
    file.write_text(json.dumps(document))


@pytest.mark.parametrize(
    ("dataset", "report", "column"),
    [
        ("tile_bounds", "s1_run_report.json", "centroid_lat_deg"),
        ("site_locations", "s8_run_summary.json", "lon_deg"),
    ],
)
def test_deep_verification_finds_a_value_whose_receipt_was_changed_with_it(
    dataset: str, report: str, column: str, root: Path, country: str
) -> None:
    path = part(root, dataset, country)
    change(path, column, 1e-13)
    note_receipt(root, report, dataset, path)
    state = report[:2]
    said = segment1b(root, "verify", "--states", state, "--deep", "--json")
    assert said.exit_code == 1
    (found,) = json.loads(said.stdout)["differences"]
    assert (found["dataset"], found["country"]) == (dataset, country)
    assert found["code"] == "E107_DETERMINISM"


def test_deep_verification_reads_logs_and_publishes_nothing(root: Path, country: str) -> None:
    log_of(root, country).write_bytes(b"")
    before = published(root)
    said = segment1b(root, "verify", "--states", "s5..s6", "--deep", "--json")
    (found,) = json.loads(said.stdout)["differences"]
    assert "rng_events_in_cell_jitter" in found["detail"]
    assert published(root) == before
    assert not [p for p in root.glob(".staging/*") if p.is_dir()]


def test_deep_verification_of_what_was_published_is_green(root: Path) -> None:
    said = segment1b(root, "verify", "--deep")
    assert said.exit_code == 0, said.output
    assert "0 differing" in said.output
