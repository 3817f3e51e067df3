"""Whole runs over a root in an object store: the local run's bytes, and nothing half-done."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from segment1b_assets import read_site_locations
from segment1b_assets.cli import group
from segment1b_assets.command_line.dagster_run import run_states
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.storage.run_inputs import RunOptions, open_run_inputs
from segment1b_assets_tests.child_processes import kill_group, running
from segment1b_assets_tests.oracle.world import make_world
from segment1b_assets_tests.run_support import (
    ALL_STATES,
    HISTORY,
    copy_world,
    published,
    run,
    use_history,
)
from segment1b_assets_tests.s3_server import KEY_ID, SECRET, Server, s3_server
from segment1b_assets_tests.store_support import REPOSITORY, Bucket, be_machine
from segment1b_assets_tests.waiting import wait_for

#: Ten seconds on an idle machine; the fixture's three runs count for the first test.
pytestmark = pytest.mark.timeout(900)


@dataclass
class Finished:
    """A world run twice: in a folder, and in a bucket by two machines, half of the states each.

    Attributes:
        inputs: the world, as nobody has run it.
        local: the folder that was run.
        homes: the Dagster home and the mirrors of the runs in the bucket.
    """

    bucket: Bucket
    countries: list[str]
    inputs: Path
    local: Path
    homes: Path


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with s3_server(tmp_path_factory.mktemp("server") / "log") as running:
        yield running


@pytest.fixture(scope="module")
def finished(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    base = tmp_path_factory.mktemp("runs")
    made = make_world(
        base / "inputs", 31, rows=24, cols=30, countries=2, merchants=10,
        inclusion_rule="center", basis="population", dp=12, feasible=True,
    )  # fmt: skip
    countries = sorted({*made.countries, *made.outlet_countries})
    bucket = Bucket(server)
    bucket.upload(copy_world(base / "inputs", base / "fresh"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOURCE_DATE_EPOCH", "1790000000")
        use_history(patch, base / "home")
        local = copy_world(base / "inputs", base / "local")
        outcomes = [run(local, countries)]
        use_history(patch, base / "store" / "home")
        for number, states in enumerate((ALL_STATES[:5], ALL_STATES[5:])):
            be_machine(patch, server, base / "store" / f"mirror{number}")
            outcomes.append(run(bucket.url, countries, states))
        for outcome in outcomes:
            assert outcome.success, (outcome.failures, outcome.messages)
    return Finished(bucket, countries, base / "inputs", local, base / "store")


def new_machine(bucket: Bucket, folder: Path) -> dict[str, str]:
    """The environment of a process on a machine that has seen nothing yet."""
    home = folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    (home / "dagster.yaml").write_text(HISTORY)
    found = bucket.server.environment(folder / "mirror")
    return {**found, "DAGSTER_HOME": str(home), "SOURCE_DATE_EPOCH": "1790000000"}


@pytest.fixture
def machine(finished: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Makes of this process such a machine; returns its folder."""
    for name, value in new_machine(finished.bucket, tmp_path / "machine").items():
        monkeypatch.setenv(name, value)
    return tmp_path / "machine"


def segment1b(*arguments: str) -> Result:
    return CliRunner().invoke(group, list(arguments))


def test_two_machines_publish_the_bytes_of_a_local_run(finished: Finished) -> None:
    there = finished.bucket.published()
    assert there == published(finished.local)
    assert any(key.endswith("/_passed.flag") for key in there)
    assert any("/rng/events/" in key for key in there)


def test_a_second_run_puts_nothing_but_reports(finished: Finished, machine: Path) -> None:
    bucket = finished.bucket
    before = bucket.published()
    bucket.server.writes()
    outcome = run(bucket.url, finished.countries, ("S0", "S1", "S5", "S8", "S9"))
    assert outcome.success, (outcome.failures, outcome.messages)
    prefix = f"/{bucket.name}/{bucket.prefix}/"
    written = [line.partition(prefix)[2] for line in bucket.server.writes()]
    assert written
    assert not [key for key in written if not key.startswith("reports/")]
    assert bucket.published() == before


def test_the_gate_opens_on_a_machine_that_has_seen_nothing(
    finished: Finished, machine: Path, tmp_path: Path
) -> None:
    bucket = finished.bucket
    gate = subprocess.run(
        [sys.executable, "-m", "segment1b_assets.cli", "gate", "--root", bucket.url],
        cwd=REPOSITORY, capture_output=True, text=True, timeout=250,
        env={**os.environ, **new_machine(bucket, tmp_path / "new")},
    )  # fmt: skip
    assert gate.stdout.startswith("PASS "), gate.stderr
    sites = read_site_locations(bucket.url).collect()
    assert sites.equals(read_site_locations(finished.local).collect())


def test_a_changed_object_shuts_the_gate_and_refuses_its_state(
    finished: Finished, machine: Path
) -> None:
    bucket = finished.bucket
    found = [k for k in bucket.published() if "/site_locations/" in k]
    key = max(found, key=lambda k: len(bucket.get(k)))
    country = key.partition("country=")[2][:2]
    whole = bucket.get(key)
    bucket.put(key, whole[:40] + bytes([whole[40] ^ 1]) + whole[41:])
    try:
        gate = segment1b("gate", "--root", bucket.url)
        assert isinstance(gate.exception, Segment1BError)
        assert gate.exception.code == "E_FLAG_BAD"
        assert key in str(gate.exception)
        refused = run(bucket.url, [country], ["S8"])
        assert "E_IMMUTABLE_PARTITION_EXISTS_NONIDENTICAL" in refused.failures["S8", country]
        assert bucket.get(key) != whole
    finally:
        bucket.put(key, whole)


def test_a_run_killed_between_uploads_leaves_whole_partitions_and_is_completed(
    finished: Finished, server: Server, machine: Path, tmp_path: Path
) -> None:
    bucket = Bucket(server)
    bucket.upload(copy_world(finished.inputs, tmp_path / "fresh"))
    command = [sys.executable, "-m", "segment1b_assets.cli", "run", "--states", "s1..s2"]
    server.trait("only", "/part-")
    server.trait("slow", "2")
    try:
        with running(
            *command, "--root", bucket.url, "--countries", ",".join(finished.countries),
            cwd=REPOSITORY, env={**os.environ, **new_machine(bucket, tmp_path / "killed")},
            stdout=subprocess.DEVNULL,
        ) as child:  # fmt: skip

            def published_some() -> bool | None:
                assert child.poll() is None
                return True if bucket.keys("layer1/1B/tile_") else None

            wait_for("a published file", published_some, pause=0.05)
            assert kill_group(child) == -signal.SIGKILL
    finally:
        server.trait("slow", "")
    wanted = {k: v for k, v in published(finished.local).items() if "/tile_" in k}
    part = bucket.published()
    assert 0 < len(part) < len(wanted)
    assert part.items() <= wanted.items()
    # The next machine shares nothing with the killed one but the bucket.
    outcome = run(bucket.url, finished.countries, ["S1", "S2"])
    assert outcome.success, (outcome.failures, outcome.messages)
    assert bucket.published() == wanted


def test_credentials_are_nowhere_to_be_seen(
    finished: Finished, machine: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    bucket = finished.bucket
    inputs = open_run_inputs(RunOptions(bucket.url))
    inputs.preload("identity", "receipt")
    config = {"root": bucket.url, "workers": 1}
    bucket.server.trait("deny", "1")
    try:
        gate = segment1b("gate", "--root", bucket.url)
        with pytest.raises(Segment1BError, match="refuses these credentials"):
            run_states(["S8"], finished.countries, config, inputs)
    finally:
        bucket.server.trait("deny", "")
    assert "refuses these credentials" in str(gate.exception)
    said = "".join((gate.output, str(gate.exception), *capfd.readouterr()))
    kept = [p for p in (*finished.homes.rglob("*"), *machine.rglob("*")) if p.is_file()]
    events = b"".join(p.read_bytes() for p in machine.rglob("*.db*"))
    assert b"refuses these credentials" in events
    everything = [said.encode(), *(p.read_bytes() for p in kept), *map(bucket.get, bucket.keys())]
    for secret in (SECRET.encode(), KEY_ID.encode()):
        assert not any(secret in content for content in everything)


def test_retiring_moves_objects_and_says_why(finished: Finished, machine: Path) -> None:
    bucket, country = finished.bucket, finished.countries[0]
    before = bucket.published()
    key = next(k for k in before if "/s4_alloc_plan/" in k and f"country={country}" in k)
    retired = segment1b(
        "retire", "--dataset", "s4_alloc_plan", "--country", country, "--why", "a test",
        "--root", bucket.url,
    )  # fmt: skip
    assert retired.exit_code == 0, retired.output
    folder = retired.output.split(" -> ")[1].strip()
    assert set(bucket.keys(folder)) == {f"{folder}/retired.json", f"{folder}/{key}"}
    assert json.loads(bucket.get(f"{folder}/retired.json"))["why"] == "a test"
    assert key not in bucket.published()
    outcome = run(bucket.url, [country], ["S4"])
    assert outcome.success, (outcome.failures, outcome.messages)
    assert bucket.published() == before


def test_a_world_is_built_in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    built = segment1b(
        "world", "--root", "s3://bucket/x", "--cells-per-degree", "1", "--merchants", "1",
        "--seed", "1",
    )  # fmt: skip
    assert built.exit_code == 2
    assert "build it in a folder" in built.output
    assert not (tmp_path / "s3:").exists()
