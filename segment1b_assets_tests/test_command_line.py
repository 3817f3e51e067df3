"""The command line: JSON documents, status, names of countries, wording."""

from __future__ import annotations

import gc
import json
import os
import shutil
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from segment1b_assets.cli import SUBCOMMANDS, group
from segment1b_assets.command_line.collector import uncollected
from segment1b_assets.command_line.country_names import meant_country
from segment1b_assets.command_line.wording import count, countries, size
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.storage.references import read_iso_list
from segment1b_assets_tests.dagster_support import FIVE, keep_listed, set_shape, small_world
from segment1b_assets_tests.docs_text import REPOSITORY
from segment1b_assets_tests.oracle import layout
from segment1b_assets_tests.run_support import run, use_history

DATA = REPOSITORY / "data"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        use_history(patch, base / "home")
        small_world(base / "root")
        keep_listed(base / "root")
        outcome = run(base / "root", FIVE)
        assert outcome.success, (outcome.failures, outcome.messages)
    return base / "root"


@pytest.fixture
def root(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    use_history(monkeypatch, tmp_path / "home")
    return Path(shutil.copytree(finished, tmp_path / "world"))


def document(root: Path, *words: str) -> dict[str, Any]:
    """What a command prints with --json: all of stdout is one document."""
    said = CliRunner().invoke(group, [words[0], "--root", str(root), *words[1:], "--json"])
    found: dict[str, Any] = json.loads(said.stdout)
    assert found["command"] == words[0]
    assert (found["ok"], found["exit_status"]) == (said.exit_code == 0, said.exit_code)
    return found


def move_polygon(root: Path, country: str) -> None:
    """Another polygon for one country: what is published of it is stale."""
    import shapely

    from segment1b_assets_tests.dagster_support import country_shape

    west, south, east, north = country_shape(root, country).bounds
    set_shape(root, country, shapely.box(west, south, (west + east) / 2, north))


def test_json_documents_have_strings_for_seeds_and_one_shape_for_all(root: Path) -> None:
    flag = document(root, "gate")["flag"]
    assert flag["seed"].isdecimal()
    assert flag["files"] == len(FIVE)
    verified = document(root, "verify", "--states", "s1..s2")
    assert verified["faults"] == []
    assert verified["partitions"] == 2 * len(FIVE)
    assert all(rule["held"] for rule in verified["rules"])
    assert document(root, "status")["states"]["S8"] == {"done": len(FIVE), "not_in_order": {}}

    words = ("--dataset", "tile_weights", "--country", FIVE[0], "--why", "a test")
    moved = document(root, "retire", *words)["moved_to"]
    assert (root / moved / "retired.json").is_file()
    assert document(root, "status")["states"]["S2"]["not_in_order"] == {"missing": [FIVE[0]]}
    made = document(root, "run", "--countries", FIVE[0], "--states", "s2")
    (row,) = made["datasets"]
    assert (row["dataset"], row["done"], made["published"]) == ("tile_weights", 1, 1)


def test_an_error_is_a_document_too(root: Path) -> None:
    error = document(root, "run", "--countries", "FRA")["error"]
    assert (error["code"], error["value"]) == ("E005_ISO_FK", "FRA")
    next(root.glob("layer1/1B/validation/*/_passed.flag")).unlink()
    assert document(root, "gate")["error"]["code"] == "E_FLAG_BAD"


def test_status_tells_stale_from_missing_and_failed(root: Path) -> None:
    stale, gone = FIVE[0], FIVE[1]
    move_polygon(root, stale)
    (partition,) = root.glob(f"layer1/1B/tile_weights/*/country={gone}")
    shutil.rmtree(partition)
    states = document(root, "status")["states"]
    assert states["S1"] == {"done": 4, "not_in_order": {"stale": [stale]}}
    assert states["S2"] == {"done": 3, "not_in_order": {"missing": [gone], "stale": [stale]}}
    assert states["S8"] == {"done": 4, "not_in_order": {"stale": [stale]}}

    shown = CliRunner().invoke(group, ["status", "--root", str(root)]).output
    assert FIVE[2] not in shown
    everything = CliRunner().invoke(group, ["status", "--root", str(root), "--all"]).output
    assert FIVE[2] in everything


def test_status_shows_whole_codes(root: Path) -> None:
    (path,) = root.glob(f"layer1/1B/s4_alloc_plan/**/country={FIVE[0]}/*.parquet")
    path.write_bytes(path.read_bytes()[:-9] + b"no parquet")
    words = ["run", "--root", str(root), "--countries", FIVE[0], "--states", "s4"]
    assert CliRunner().invoke(group, words).exit_code == 1
    (report,) = root.glob(f"reports/**/country={FIVE[0]}/s4_run_report.json")
    shutil.rmtree(path.parent)
    os.utime(report, (0, 0))
    shown = CliRunner().invoke(group, ["status", "--root", str(root)]).output
    assert "E_IMMUTABLE_PARTITION_EXISTS_NONIDENTICAL" in shown


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("fr", "FR"), ("FRA", "FR"), ("fra", "FR"), ("France", "FR"), ("FRANCE", "FR"),
        ("UK", "GB"), ("el", "GR"), ("Bolivia", "BO"), ("curacao", "CW"),
        ("Frnace", "FR"), ("XX", None), ("", None), ("Atlantis", None), ("United", None),
    ],
)  # fmt: skip
def test_a_word_that_is_no_code_is_understood(word: str, code: str | None) -> None:
    iso = read_iso_list(DATA / "reference/iso/iso3166_canonical/2024-12-31/iso3166.parquet")
    assert meant_country(word, iso.names, iso.alpha3) == code


def test_the_country_that_is_meant_is_offered_and_not_taken(root: Path) -> None:
    listed = read_iso_list(layout.iso_path(root))
    said = CliRunner().invoke(
        group, ["status", "--root", str(root), "--countries", listed.alpha3["FI"]]
    )
    assert isinstance(said.exception, Segment1BError)
    assert said.exception.next_step == "did you mean FI?"


def test_the_help_lists_every_subcommand_that_there_is() -> None:
    context = click.Context(group)
    for name, found in SUBCOMMANDS.items():
        command = group.get_command(context, name)
        assert command is not None
        assert command.name == name
        assert found.help.endswith(".") or found.help.endswith("?")
    assert list(group.list_commands(context)) == list(SUBCOMMANDS)


def test_numbers_are_worded() -> None:
    assert [countries(1), countries(2), count(1, "rule"), count(1200, "rule")] == [
        "1 country", "2 countries", "1 rule", "1,200 rules",
    ]  # fmt: skip
    assert [size(n) for n in (0, 999, 1000, 999_949, 999_950, 3_400_000_000)] == [
        "0 B", "999 B", "1.0 kB", "999.9 kB", "1.0 MB", "3.4 GB",
    ]  # fmt: skip


def test_the_collector_works_again_after_imports_also_after_one_that_fails() -> None:
    with uncollected():
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(ImportError), uncollected():
        raise ImportError("of a package")
    assert gc.isenabled()
