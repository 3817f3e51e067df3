"""`segment1b ui` over a root where the command line has worked: what its GraphQL says of runs."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from segment1b_assets.cli import group
from segment1b_assets_tests.child_processes import free_port, running
from segment1b_assets_tests.dagster_support import FIVE, small_world
from segment1b_assets_tests.live_dagster import ASSET_GRAPH, REPOSITORY, LiveDagster
from segment1b_assets_tests.waiting import wait_for

SEGMENT1B = [sys.executable, "-m", "segment1b_assets.cli"]
COUNTRY = FIVE[0]
PREFIX = "/maps/segment1b"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveDagster]:
    """The web UI of a root in which `segment1b run` has made one country."""
    folder = tmp_path_factory.mktemp("ui")
    root, home = folder / "root", folder / "home"
    small_world(root)
    home.mkdir()
    shutil.copyfile(REPOSITORY / "dagster.yaml", home / "dagster.yaml")
    env = {**os.environ, "DAGSTER_HOME": str(home), "NO_COLOR": "1"}
    words = ["run", "--root", str(root), "--countries", COUNTRY, "--states", "s0..s2"]
    done = subprocess.run([*SEGMENT1B, *words], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    port = free_port()
    words = ["ui", "--root", str(root), "--port", str(port), "--path-prefix", PREFIX]
    with running(*SEGMENT1B, *words, log=folder / "ui.log", env=env, cwd=folder):
        up = LiveDagster(home, f"http://127.0.0.1:{port}{PREFIX}")

        def answers() -> bool | None:
            with contextlib.suppress(OSError):
                return True if up.ask("{ assetNodes { id } }")["assetNodes"] else None
            return None

        wait_for("the assets in the web UI", answers, 300)
        yield up


def test_a_run_of_the_command_line_is_one_of_the_job(live: LiveDagster) -> None:
    job = live.ask(
        """query($p: PipelineSelector!) { pipelineOrError(params: $p) { ... on Pipeline {
        runs(limit: 5) { status repositoryOrigin { repositoryName repositoryLocationName }
        tags { key value } } } ... on PythonError { message } } }""",
        p={**ASSET_GRAPH, "pipelineName": "everything"},
    )["pipelineOrError"]
    (run,) = job["runs"]
    assert run["status"] == "SUCCESS"
    assert run["repositoryOrigin"] == {
        "repositoryName": ASSET_GRAPH["repositoryName"],
        "repositoryLocationName": ASSET_GRAPH["repositoryLocationName"],
    }
    tags = {t["key"]: t["value"] for t in run["tags"]}
    assert tags["segment1b/by"] == "command"
    assert tags["segment1b/countries"] == COUNTRY


def test_the_home_page_asks_by_repository_and_finds_it(live: LiveDagster) -> None:
    label = f"{ASSET_GRAPH['repositoryName']}@{ASSET_GRAPH['repositoryLocationName']}"
    found = live.ask(
        """query($f: RunsFilter!) { runsOrError(filter: $f) { ... on Runs {
        results { jobName assetSelection { path } } } } }""",
        f={"tags": [{"key": ".dagster/repository", "value": label}]},
    )["runsOrError"]["results"]
    assert [r["jobName"] for r in found] == ["everything"]
    assert {a["path"][-1] for a in found[0]["assetSelection"]} == {
        "s0_gate_receipt_1B", "tile_index", "tile_bounds", "tile_weights"
    }  # fmt: skip


def test_a_run_over_another_root_is_refused_and_marks_no_partition(
    live: LiveDagster, tmp_path: Path
) -> None:
    assert live.checks("tile_index", "valid") == {COUNTRY: "SUCCEEDED"}
    before = [live.partitions(a) for a in ("tile_index", "tile_weights")]
    assert before == [{"materialised": [COUNTRY], "failed": []}] * 2
    launched = live.ask(
        """mutation($p: ExecutionParams!) { launchPipelineExecution(executionParams: $p) {
        __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }""",
        p={
            "selector": {
                **ASSET_GRAPH, "pipelineName": "everything",
                "assetSelection": [{"path": ["tile_index"]}],
            },
            "runConfigData": {"resources": {"segment1b": {"config": {"root": str(tmp_path)}}}},
            "executionMetadata": {"tags": [{"key": "dagster/partition", "value": COUNTRY}]},
        },
    )["launchPipelineExecution"]  # fmt: skip
    assert launched["__typename"] == "LaunchRunSuccess", launched
    run = live.ask(
        """query($r: ID!) { runOrError(runId: $r) { ... on Run { status tags { key value }
        eventConnection { events { __typename ... on MessageEvent { message } } } } } }""",
        r=launched["run"]["runId"],
    )["runOrError"]
    assert run["status"] == "CANCELED"
    assert {"key": "segment1b/root", "value": str(tmp_path)} in run["tags"]
    (said,) = (
        e["message"]
        for e in run["eventConnection"]["events"]
        if e["__typename"] == "RunCanceledEvent"
    )
    assert f"segment1b ui --root {tmp_path}" in said
    assert "verify_everything" in said
    assert [live.partitions(a) for a in ("tile_index", "tile_weights")] == before
    assert list(tmp_path.iterdir()) == []
    # Dagster planned the checks before anybody could refuse; docs/production.md says so.
    assert live.checks("tile_index", "valid") == {COUNTRY: "SKIPPED"}


def test_a_country_s_map_is_drawn_when_its_page_asks_for_it(
    live: LiveDagster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = live.home.parent / "root"
    reports = root / "reports/layer1/1B/maps"
    assert not reports.exists()
    for asset in ("tile_index", "tile_weights"):
        command, address = map_on_page(live, asset)
        # As a browser resolves it on the asset's page and on a run's.
        seen = {urllib.parse.urljoin(f"{live.url}/{p}", address) for p in ("assets/x", "runs/x")}
        (url,) = seen
        with urllib.request.urlopen(url, timeout=120) as answer:
            assert answer.headers["Content-Type"] == "image/png"
            picture = answer.read()
        # Where nothing draws, the page shows this command instead.
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("SEGMENT1B_ROOT", str(root))
        assert CliRunner().invoke(group, shlex.split(command)[1:]).exit_code == 0
        assert (tmp_path / f"{COUNTRY}.png").read_bytes() == picture
        (kept,) = reports.glob(f"dataset={asset}/country={COUNTRY}/*.png")
        assert kept.read_bytes() == picture
        kept.write_bytes(b"kept")
        with urllib.request.urlopen(url, timeout=120) as answer:
            assert answer.read() == b"kept"
        kept.write_bytes(picture)
        *parts, receipt, extension = url.split("/")
        for nowhere in (
            [*parts, "0" * len(receipt), extension],  # not what is published
            [*parts[:-1], FIVE[1], receipt, extension],
            [*parts[:-1], "..", receipt, extension],
            [*parts[:-2], "s3_requirements", COUNTRY, receipt, extension],
        ):
            assert status_of("/".join(nowhere)) == 404
    assert len([p for p in reports.rglob("*") if p.is_file()]) == 2


def map_on_page(live: LiveDagster, asset: str) -> tuple[str, str]:
    """The command and the address of the map in the country's newest materialisation."""
    events = live.ask(
        """query($k: AssetKeyInput!, $c: [String!]) { assetOrError(assetKey: $k) { ... on Asset {
        assetMaterializations(limit: 1, partitions: $c) { metadataEntries {
        label ... on MarkdownMetadataEntry { mdStr } } } } } }""",
        k={"path": [asset]},
        c=[COUNTRY],
    )["assetOrError"]["assetMaterializations"]
    (shown,) = [e["mdStr"] for e in events[0]["metadataEntries"] if e["label"] == "map"]
    found = re.fullmatch(r"!\[(.*)\]\((.*)\)", shown)
    assert found
    return found.group(1), found.group(2)


def test_runs_name_their_root(live: LiveDagster) -> None:
    runs = live.runs()
    named = [r["tags"]["segment1b/root"] for r in runs if "segment1b/root" in r["tags"]]
    assert str(live.home.parent / "root") in named
    assert len(named) == len(runs)


def status_of(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=120) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as err:
        return err.code


def test_everything_of_the_page_lies_under_the_prefix(live: LiveDagster) -> None:
    server = live.url.removesuffix(PREFIX)
    with urllib.request.urlopen(f"{live.url}/", timeout=120) as answer:
        page = answer.read().decode()
    linked = set(re.findall(r'(?:src|href)="(/[^"]+)"', page))
    assert any(link.endswith(".js") for link in linked)
    assert {link for link in linked if not link.startswith(f"{PREFIX}/")} == set()
    script = next(link for link in sorted(linked) if link.endswith(".js"))
    assert status_of(server + script) == 200
    assert status_of(f"{live.url}/server_info") == 200
    assert status_of(f"{server}/server_info") == 404


def test_a_prefix_that_no_path_can_have_is_refused() -> None:
    for wrong in ("segment1b", "/segment1b/", "/", "//a", "/a b"):
        said = CliRunner().invoke(group, ["ui", "--path-prefix", wrong])
        assert said.exit_code == 2, wrong
        assert "--path-prefix" in said.output
