"""`segment1b launch`: how the work is cut, and runs that arrive in the queue of a web UI."""

from __future__ import annotations

import json
import random
import shlex
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from segment1b_assets.cli import group
from segment1b_assets.core.longest_first import longest_first
from segment1b_assets.storage.country_cost import COUNTRY_TILES, OUTLET_TILES, country_cost
from segment1b_assets.storage.gate import write_once
from segment1b_assets.storage.pass_flag import pass_flag
from segment1b_assets.storage.retire import retire
from segment1b_assets.storage.run_inputs import RunInputs, RunOptions, open_run_inputs
from segment1b_assets.storage.seal import pass_gate, sealed_inputs
from segment1b_assets_tests.child_processes import free_port
from segment1b_assets_tests.dagster_support import (
    BY_COUNTRY,
    FIVE,
    keep_listed,
    set_shape,
    small_world,
)
from segment1b_assets_tests.live_dagster import LiveDagster, live_dagster, wait_for
from segment1b_assets_tests.run_support import copy_world, published, run, use_history

#: Dagster's client calls gql in a way that gql deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:Using variable_values:DeprecationWarning")
EPOCH = "1790000000"
costs_of_countries = st.dictionaries(
    st.text("ABCDEF", min_size=2, max_size=2), st.integers(1, 1 << 40), min_size=1
)


@given(costs_of_countries, st.integers(1, 40), st.randoms(use_true_random=False))
def test_groups_cost_about_the_same_whatever_the_order(
    costs: dict[str, int], groups: int, shuffled: random.Random
) -> None:
    cut = longest_first(costs, groups)
    assert sorted(code for codes in cut for code in codes) == sorted(costs)
    assert len(cut) == min(groups, len(costs))
    totals = [sum(costs[code] for code in codes) for codes in cut]
    assert totals == sorted(totals, reverse=True)
    # max <= mean + dearest, in whole numbers.
    assert groups * totals[0] <= sum(costs.values()) + groups * max(costs.values())
    assert all(codes == sorted(codes) for codes in cut)
    items = list(costs.items())
    shuffled.shuffle(items)
    assert longest_first(dict(items), groups) == cut


def test_a_country_as_dear_as_all_others_is_alone() -> None:
    assert longest_first({"AA": 1, "BB": 9, "CC": 2, "DD": 6}, 2) == [["BB"], ["AA", "CC", "DD"]]


def test_the_cost_follows_the_tiles_and_the_outlets(tmp_path: Path) -> None:
    root = tmp_path / "root"
    small_world(root)
    inputs = open_run_inputs(RunOptions(root))
    grid = inputs.grid
    west, north = grid.c, grid.f

    def tiles_for(country: str, shape: shapely.Geometry) -> int:
        set_shape(root, country, shape)
        now = open_run_inputs(RunOptions(root))
        return country_cost(now, country) - COUNTRY_TILES - OUTLET_TILES * now.demand(country)

    inside = shapely.box(west + 2 * grid.a, north + 6 * grid.e, west + 5 * grid.a, north + grid.e)
    assert tiles_for("FI", inside) == 3 * 5
    # What is north of the raster has no tiles, nor has a table without this country.
    beyond = shapely.box(west, north - grid.e, west + 4 * grid.a, north - 3 * grid.e)
    assert tiles_for("FI", beyond) == 0
    half = shapely.box(west, north + 2 * grid.e, west + 4 * grid.a, north - 3 * grid.e)
    assert tiles_for("FI", half) == 4 * 2
    assert tiles_for("FI", shapely.transform(inside, _one_turn_east)) == 3 * 5
    assert inputs.demand("FI") > 0
    assert country_cost(inputs, "AD") == COUNTRY_TILES


def _one_turn_east(xy: NDArray[np.float64]) -> NDArray[np.float64]:
    return xy + np.array([360.0, 0.0])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("launch") / "root"
    small_world(root)
    keep_listed(root)
    return root


def launch(*words: str | Path) -> Result:
    return CliRunner().invoke(group, ["launch", *map(str, words)])


def test_a_dry_run_shows_the_cut_and_sends_nothing(world: Path) -> None:
    ended = launch("--root", world, "--runs", "3", "--dry-run", "--json")
    assert ended.exit_code == 0, ended.output
    document = json.loads(ended.stdout)
    assert sorted(c for r in document["runs"] for c in r["countries"]) == FIVE
    assert [r["dagster_run"] for r in document["runs"]] == [None] * 3
    assert document["url"] is None
    assert sum(r["cost_share"] for r in document["runs"]) == pytest.approx(1, abs=1e-3)
    some = launch("--root", world, "--runs", "9", "--countries", "FO,FI", "--dry-run", "--json")
    assert sorted(r["countries"] for r in json.loads(some.stdout)["runs"]) == [["FI"], ["FO"]]
    shown = launch("--root", world, "--runs", "1", "--dry-run")
    assert "5 countries: FI, FJ, FK, FM, FO" in shown.output
    assert "100.0%" in shown.output
    assert published(world) == {}


def test_without_a_web_ui_the_next_step_is_the_whole_command_again(world: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    ended = launch("--root", world, "--runs", "2", "--url", url, "--json")
    assert ended.exit_code == 1
    error = json.loads(ended.stdout)["error"]
    assert error["code"] == "E_IO"
    assert error["file"] == url
    assert "run 1 of 2 could not be sent" in error["detail"]
    assert "\n" not in error["detail"]
    words = shlex.split(error["next_step"].partition("then: segment1b ")[2])
    again = CliRunner().invoke(group, [*words, "--dry-run", "--json"])
    assert sorted(c for r in json.loads(again.stdout)["runs"] for c in r["countries"]) == FIVE


@pytest.mark.parametrize("url", ["localhost:3000", "http://me:word@host", "http://", "ftp://host"])
def test_what_is_no_url_of_a_web_ui_is_refused(url: str, world: Path) -> None:
    ended = launch("--root", world, "--runs", "2", "--url", url)
    assert ended.exit_code == 2
    assert "--url" in ended.output


def test_s0_that_waits_while_another_run_seals_anew_leaves_that_seal(tmp_path: Path) -> None:
    root = tmp_path / "root"
    small_world(root)
    pass_gate(RunInputs(RunOptions(root)))
    set_shape(root, "FI", shapely.box(0, 0, 1, 1))
    first, second = (RunInputs(RunOptions(root)) for _ in range(2))
    waits = threading.Thread(target=pass_gate, args=[second])
    with first.root.exclusive_lock("retiring"):
        waits.start()
        waits.join(1)  # it sees the changed input, and comes to the lock
        assert waits.is_alive()
        seal = first.path("sealed_inputs_1B")
        retire(first.root, "sealed_inputs_1B", seal, "as the first run's S0 does")
        fingerprint = first.outlet_run[1]
        write_once(
            first.root, "sealed_inputs_1B", sealed_inputs(first), manifest_fingerprint=fingerprint
        )
    waits.join(60)
    retired = [json.loads(p.read_text()) for p in root.glob("retired/*/retired.json")]
    assert len(retired) == 1, retired
    assert RunInputs(RunOptions(root)).receipt


@pytest.fixture(scope="module")
def live(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveDagster]:
    home = tmp_path_factory.mktemp("home")
    with live_dagster(home, world, {"SOURCE_DATE_EPOCH": EPOCH}) as up:
        yield up


def runs_of(live: LiveDagster) -> list[dict[str, Any]]:
    """The runs, in the order in which they were sent."""
    return sorted(live.runs(), key=lambda r: float(r["creationTime"]))


def test_a_web_ui_of_another_root_gets_one_run_and_refuses_it(
    live: LiveDagster, world: Path, tmp_path: Path
) -> None:
    other = copy_world(world, tmp_path / "other")
    before = len(runs_of(live))
    ended = launch("--root", other, "--runs", "3", "--url", live.url, "--json")
    assert ended.exit_code == 1
    error = json.loads(ended.stdout)["error"]
    (refused,) = runs_of(live)[before:]
    assert refused["status"] == "CANCELED"
    assert error["value"] == refused["runId"]
    assert f"{live.url}/runs/{refused['runId']}" in error["next_step"]
    assert urllib.request.urlopen(f"{live.url}/runs/{refused['runId']}", timeout=60).status == 200
    assert published(other) == {}


def test_runs_of_equal_cost_make_what_one_run_makes(
    live: LiveDagster, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = copy_world(world, tmp_path / "expected")
    before = len(runs_of(live))
    ended = launch("--root", world, "--runs", "2", "--url", f"{live.url}/", "--json")
    assert ended.exit_code == 0, ended.output
    assert "the job `close`" in ended.stderr
    document = json.loads(ended.stdout)

    def over() -> list[dict[str, Any]] | None:
        sent = runs_of(live)[before:]
        done = all(r["status"] in ("SUCCESS", "FAILURE", "CANCELED") for r in sent)
        return sent if done and len(sent) == 2 else None

    sent = wait_for("the end of both runs", over)
    assert [r["status"] for r in sent] == ["SUCCESS"] * 2
    assert [r["jobName"] for r in sent] == ["countries"] * 2
    assert [r["runId"] for r in sent] == [r["dagster_run"] for r in document["runs"]]
    assert {r["tags"]["segment1b/by"] for r in sent} == {"launch"}
    assert [r["tags"]["segment1b/countries"].split(",") for r in sent] == [
        r["countries"] for r in document["runs"]
    ]
    for asset in BY_COUNTRY:
        assert live.partitions(asset) == {"materialised": FIVE, "failed": []}, asset
    monkeypatch.setenv("SOURCE_DATE_EPOCH", EPOCH)
    use_history(monkeypatch, tmp_path / "history")
    assert run(expected, FIVE, [f"S{n}" for n in range(9)]).success
    assert published(world) == published(expected)
    assert any("/site_locations/" in name for name in published(world))
    # S9 afterwards, by the job that the command names.
    assert run(world, FIVE, ["S9"]).success
    inputs = open_run_inputs(RunOptions(world))
    assert pass_flag(inputs.root.uri, *inputs.outlet_run)
