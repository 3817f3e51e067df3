"""Three celery workers over Redis and PostgreSQL; one of them loses its power midway."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
)

from segment1b_assets.contracts.countries import COUNTRY_CODES
from segment1b_assets.partitions import BACKFILL_VARIABLE
from segment1b_assets.run_tags import partition_tags
from segment1b_assets_tests.celery_workers import CONFIG, Worker, celery_workers
from segment1b_assets_tests.dagster_support import BY_COUNTRY
from segment1b_assets_tests.live_dagster import (
    ASSET_GRAPH,
    REPOSITORY,
    LiveDagster,
    live_dagster,
    wait_for,
)
from segment1b_assets_tests.run_support import copy_world, published
from segment1b_assets_tests.servers import postgres_server, redis_server

#: For the whole world on a machine that does something else besides.
PATIENCE = 3600.0
EPOCH = {"SOURCE_DATE_EPOCH": "1790000000"}
#: Countries of one run: twelve runs, so that three workers have four each.
A_RUN = 21
#: The tag under which Dagster notes the celery task of a run.
TASK_TAG = "dagster-celery/task_id"
NAMES = ["one", "two", "three"]


def launch(
    live: LiveDagster,
    assets: list[str],
    tags: dict[str, str] | None = None,
) -> str:
    """Launch one run of the job over some assets, as the web UI does; its id."""
    answer = live.ask(
        """mutation($p: ExecutionParams!) { launchRun(executionParams: $p) { __typename
        ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
        ... on RunConfigValidationInvalid { errors { message } } } }""",
        p={
            "selector": {
                **ASSET_GRAPH,
                "jobName": "everything",
                "assetSelection": [{"path": [a]} for a in assets],
                "assetCheckSelection": None,
            },
            "runConfigData": {},
            "executionMetadata": {
                "tags": [{"key": k, "value": v} for k, v in (tags or {}).items()]
            },
        },
    )["launchRun"]
    assert answer["__typename"] == "LaunchRunSuccess", answer
    return str(answer["run"]["runId"])


def status(live: LiveDagster, run: str) -> str:
    return str(
        live.ask("query($r: ID!) { runOrError(runId: $r) { ... on Run { status } } }", r=run)[
            "runOrError"
        ]["status"]
    )


def ended(live: LiveDagster, run: str) -> str:
    over = ("SUCCESS", "FAILURE", "CANCELED")
    return wait_for(
        f"the end of run {run}", lambda: s if (s := status(live, run)) in over else None, PATIENCE
    )


def countries_of(run: dict[str, Any]) -> list[str]:
    """The countries of a run's range."""
    ends = [
        run["tags"].get(tag)
        for tag in (ASSET_PARTITION_RANGE_START_TAG, ASSET_PARTITION_RANGE_END_TAG)
    ]
    if None in ends:
        return []
    first, last = (COUNTRY_CODES.index(code) for code in ends)
    return list(COUNTRY_CODES[first : last + 1])


def _is_published(root: Path, dataset: str, country: str) -> bool:
    return any(root.glob(f"layer1/1B/{dataset}/**/country={country}/*.parquet"))


def single_machine(root: Path, home: Path) -> float:
    """Everything in one run of one process; seconds."""
    home.mkdir()
    (home / "dagster.yaml").write_text((REPOSITORY / "dagster.yaml").read_text())
    began = time.monotonic()
    done = subprocess.run(
        [Path(sys.executable).parent / "segment1b", "run", "--root", root],
        env={**os.environ, **EPOCH, "DAGSTER_HOME": str(home)},
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return time.monotonic() - began


@pytest.fixture(scope="module")
def cluster(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[LiveDagster, list[Worker], Path]]:
    """Webserver, daemon and three workers as in deploy/celery, over the embedded world."""
    pytest.importorskip("dagster_celery", reason="needs the extra: uv sync --extra celery")
    folder = tmp_path_factory.mktemp("cluster")
    root = copy_world(REPOSITORY / "data", folder / "root")
    with postgres_server() as history, redis_server() as broker:
        environment = {
            **history, **broker, **EPOCH,
            "SEGMENT1B_ROOT": str(root), BACKFILL_VARIABLE: str(A_RUN),
        }  # fmt: skip
        with (
            live_dagster(folder / "home", root, environment, CONFIG) as live,
            celery_workers(NAMES, folder, environment) as workers,
        ):
            yield live, workers, root
        password = broker["SEGMENT1B_REDIS_URL"].split(":")[2].split("@")[0]
        for written in folder.rglob("*"):
            if written.is_file() and root not in written.parents:
                text = written.read_bytes()
                assert password.encode() not in text, written
                assert history["SEGMENT1B_PG_PASSWORD"].encode() not in text, written


@pytest.mark.celery
@pytest.mark.timeout(9000)
def test_one_of_three_workers_is_killed_and_everything_is_done(
    cluster: tuple[LiveDagster, list[Worker], Path], tmp_path: Path
) -> None:
    live, workers, root = cluster
    one_machine = copy_world(REPOSITORY / "data", tmp_path / "one_machine")
    alone = single_machine(one_machine, tmp_path / "alone")
    began = time.monotonic()
    assert ended(live, launch(live, ["s0_gate_receipt_1B"])) == "SUCCESS"
    backfill = live.backfill(list(BY_COUNTRY), list(COUNTRY_CODES))

    def midway() -> tuple[str, Worker] | None:
        """A run that has published tiles and no sites yet, and the worker that has it."""
        everything = live.runs()
        if sum(run["status"] == "SUCCESS" for run in everything) < 3:
            return None
        for run in everything:
            worker = next((w for w in workers if w.has(run["tags"].get(TASK_TAG))), None)
            if run["status"] == "STARTED" and worker:
                begun = any(_is_published(root, "tile_index", c) for c in countries_of(run))
                sites = any(_is_published(root, "site_locations", c) for c in countries_of(run))
                if begun and not sites:
                    return run["runId"], worker
        return None

    doomed, victim = wait_for("a run midway", midway, PATIENCE)
    processes = victim.kill()
    killed_at = time.monotonic() - began
    there = [c for c in COUNTRY_CODES if _is_published(root, "site_locations", c)]
    over = live.ended(backfill, PATIENCE)

    assert over["status"] == "COMPLETED_SUCCESS", over
    for asset in BY_COUNTRY:
        assert live.partitions(asset) == {"materialised": list(COUNTRY_CODES), "failed": []}
    assert ended(live, launch(live, ["validation_bundle_1B"])) == "SUCCESS"
    wall = time.monotonic() - began
    everything = live.runs()
    lost = [run for run in everything if run["status"] == "FAILURE"]
    again = [run for run in everything if run["parentRunId"]]
    print(
        f"\none machine {alone:.0f} s; three workers {wall:.0f} s, {len(everything)} runs; "
        f"worker {victim.name!r} (processes {processes}) killed after {killed_at:.0f} s, when "
        f"{len(there)} countries were done; lost {[r['runId'] for r in lost]}, again "
        f"{[(r['runId'], r['status']) for r in again]}; runs taken "
        f"{ {w.name: w.taken() for w in workers} }"
    )
    assert {run["status"] for run in everything} == {"SUCCESS", "FAILURE"}
    assert [r["runId"] for r in lost] == [doomed]
    assert [(r["parentRunId"], r["status"]) for r in again] == [(doomed, "SUCCESS")]
    assert again[0]["tags"]["dagster/retry_strategy"] == "ALL_STEPS"
    assert all(w.taken() >= 1 for w in workers)
    expected = published(one_machine)
    assert any(name.endswith("_passed.flag") for name in expected)
    assert published(root) == expected
    left = [p.name for p in (root / ".staging").iterdir()]
    assert not [name for name in left if not name.startswith(("temporary-", "new-"))]


@pytest.mark.celery
@pytest.mark.timeout(1200)
def test_a_run_is_cancelled_where_it_runs(
    cluster: tuple[LiveDagster, list[Worker], Path],
) -> None:
    live, _, root = cluster
    # As if nothing had been made: a run over another root than the cluster's would be refused.
    shutil.rmtree(root / "layer1/1B", ignore_errors=True)
    run = launch(live, ["tile_index", "tile_bounds"], partition_tags(COUNTRY_CODES))
    tiles = "layer1/1B/tile_index/**/*.parquet"
    wait_for("a published country", lambda: True if list(root.glob(tiles)) else None)
    answer = live.ask(
        """mutation($r: String!) { terminateRun(runId: $r) { __typename
        ... on PythonError { message } } }""",
        r=run,
    )["terminateRun"]

    assert answer["__typename"] == "TerminateRunSuccess", answer
    assert ended(live, run) == "CANCELED"
    assert 0 < len(list(root.glob(tiles))) < len(COUNTRY_CODES)
    # Long enough for a retry that should not be.
    assert ended(live, launch(live, ["s0_gate_receipt_1B"])) == "SUCCESS"
    assert not [r for r in live.runs() if r["parentRunId"] == run]


def test_the_variant_differs_from_postgresql_in_what_its_file_says() -> None:
    beside = yaml.safe_load((REPOSITORY / "deploy" / "postgres" / "dagster.yaml").read_text())
    ours = yaml.safe_load(CONFIG.read_text())
    changed = {"run_launcher", "concurrency", "run_monitoring", "run_retries"}
    assert {k: v for k, v in ours.items() if k not in changed} == {
        k: v for k, v in beside.items() if k not in changed
    }
    assert ours["run_monitoring"]["enabled"]
    assert ours["run_retries"] == {
        "enabled": True, "max_retries": 3, "retry_on_asset_or_op_failure": False,
    }  # fmt: skip


def test_a_worker_takes_its_broker_and_settings_from_dagster_yaml(
    tmp_path: Path,
) -> None:
    pytest.importorskip("dagster_celery", reason="needs the extra: uv sync --extra celery")
    shutil.copyfile(CONFIG, tmp_path / "dagster.yaml")
    url = "redis://:secret@broker.internal:6380/3"
    asked = (
        "from segment1b_assets.automation.celery_worker import app; c = app.conf; "
        "print(c.broker_url, c.result_backend, c.worker_concurrency, c.worker_disable_prefetch, "
        "c.worker_max_tasks_per_child, c.task_acks_late, sorted(t for t in app.tasks if "
        "t in ('execute_job', 'resume_job')))"
    )
    told = _python(asked, DAGSTER_HOME=str(tmp_path), SEGMENT1B_REDIS_URL=url)
    assert told.stdout.split(maxsplit=6) == [
        url, url, "1", "True", "1", "False", "['execute_job', 'resume_job']\n",
    ]  # fmt: skip


def test_a_worker_refuses_a_home_whose_runs_are_not_celerys(tmp_path: Path) -> None:
    pytest.importorskip("dagster_celery", reason="needs the extra: uv sync --extra celery")
    shutil.copyfile(REPOSITORY / "dagster.yaml", tmp_path / "dagster.yaml")
    module = "import segment1b_assets.automation.celery_worker"
    assert "deploy/celery/dagster.yaml" in _python(module, DAGSTER_HOME=str(tmp_path)).stderr
    assert "DAGSTER_HOME is not set" in _python(module, DAGSTER_HOME="").stderr


def _python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **environment},
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
