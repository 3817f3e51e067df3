"""Several machines against one: celery workers over Redis and PostgreSQL, the work cut into runs.

    python -m benchmarks.machines --root DIR [--runs 12] [--ways 1-cost,3-count] [--json FILE]

A way is the number of workers and how the countries are cut: ``cost`` is ``segment1b launch``,
``count`` as many countries for each run, in code order, as a backfill would have them. Each way has
a copy of the root's inputs (hard links) beside it, and servers of its own, as
`segment1b_assets_tests.test_celery` has them. All of it is one machine: workers share its cores.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
import psycopg2

from benchmarks.world import fresh_copy
from segment1b_assets.command_line.choices import choose_countries
from segment1b_assets.command_line.launch import cut
from segment1b_assets.command_line.send_runs import send_runs
from segment1b_assets.storage.run_inputs import RunOptions, open_run_inputs
from segment1b_assets_tests.celery_workers import CONFIG, Worker, celery_workers
from segment1b_assets_tests.live_dagster import LiveDagster, live_dagster, wait_for
from segment1b_assets_tests.run_support import published
from segment1b_assets_tests.servers import postgres_server, redis_server

PATIENCE = 7200.0
OVER = ("SUCCESS", "FAILURE", "CANCELED")
#: The tag under which Dagster notes the celery task of a run.
TASK_TAG = "dagster-celery/task_id"
NAMES = ("one", "two", "three", "four", "five", "six")


def cpu_with_children(process: psutil.Process) -> float:
    """CPU seconds of a process, of its children that ended, and of those that live."""
    times = process.cpu_times()
    own = times.user + times.system + times.children_user + times.children_system
    return float(own) + sum(cpu_of(child) for child in process.children(recursive=True))


def cpu_of(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)


class Sampler(threading.Thread):
    """CPU of each worker's processes over time. A worker gives every run a process of its own."""

    def __init__(self, workers: Sequence[Worker]) -> None:
        super().__init__(daemon=True)
        self._mains = {w.name: psutil.Process(w.process.pid) for w in workers}
        self._over = threading.Event()
        #: (worker, process id) -> moments and CPU seconds.
        self.seen: dict[tuple[str, int], list[tuple[float, float]]] = {}

    def run(self) -> None:
        while not self._over.wait(0.5):
            for name, main in self._mains.items():
                for child in main.children():
                    sample = (time.time(), cpu_of(child))
                    self.seen.setdefault((name, child.pid), []).append(sample)

    def stop(self) -> None:
        self._over.set()
        self.join()

    def cpu_between(self, worker: str, start: float, end: float) -> float:
        """CPU seconds of the process that worked in this time."""
        rises = []
        for (name, _), samples in self.seen.items():
            inside = [cpu for moment, cpu in samples if start - 1 <= moment <= end + 1]
            if name == worker and inside:
                rises.append(inside[-1] - inside[0])
        return max(rises, default=0.0)


def cut_by_count(codes: Sequence[str], runs: int) -> list[list[str]]:
    """Runs of as many countries each, in code order."""
    a_run = -(-len(codes) // runs)
    return [list(codes[first : first + a_run]) for first in range(0, len(codes), a_run)]


def send(way: str, live: LiveDagster, root: Path, runs: int) -> list[str]:
    """Send the runs of a way; their ids in the order sent."""
    if way == "count":
        inputs = open_run_inputs(RunOptions(root))
        return list(
            send_runs(
                live.url,
                inputs,
                cut_by_count(choose_countries("all", inputs), runs),
                "segment1b launch",
            )
        )
    command = [sys.executable, "-m", "segment1b_assets.cli", "launch", "--json", "--runs"]
    done = subprocess.run(
        [*command, str(runs), "--root", root, "--url", live.url],
        check=True, stdout=subprocess.PIPE,
    )  # fmt: skip
    return [run["dagster_run"] for run in json.loads(done.stdout)["runs"]]


def ended(live: LiveDagster, ids: Sequence[str]) -> list[dict[str, Any]]:
    """Wait for the end of runs; each with its times and tags, in the order of ids."""

    def probe() -> list[dict[str, Any]] | None:
        found = [run for run in live.runs() if run["runId"] in ids]
        return found if all(r["status"] in OVER for r in found) else None

    found = {r["runId"]: r for r in wait_for("the end of the runs", probe, PATIENCE, 1.0)}
    return [found[run] for run in ids]


def close(live: LiveDagster) -> str:
    """Launch S9; the run's id."""
    from dagster_graphql import DagsterGraphQLClient

    return DagsterGraphQLClient(live.url.partition("://")[2]).submit_job_execution("close")


def history_figures(variables: Mapping[str, str]) -> dict[str, int]:
    """Events and bytes of the history."""
    names = {"host": "HOST", "port": "PORT", "dbname": "DATABASE", "user": "USER"}
    where = {name: variables[f"SEGMENT1B_PG_{part}"] for name, part in names.items()}
    connection = psycopg2.connect(**where, password=variables["SEGMENT1B_PG_PASSWORD"])
    with connection, connection.cursor() as cursor:
        cursor.execute("select count(*), pg_database_size(current_database()) from event_logs")
        events, size = cursor.fetchone()
    connection.close()
    return {"events": events, "history_bytes": size}


def started_by(*words: str) -> list[psutil.Process]:
    """Processes with all these words on their command line, without their children."""
    found = [p for p in psutil.process_iter(["cmdline"]) if _has(p.info["cmdline"] or [], words)]
    inside = {child.pid for process in found for child in process.children(recursive=True)}
    return [p for p in found if p.pid not in inside and p.pid != os.getpid()]


def _has(line: Sequence[str], words: Sequence[str]) -> bool:
    return all(any(word in part for part in line) for word in words)


def measure(root: Path, way: str, workers: int, runs: int) -> dict[str, Any]:
    """One way, from the first run sent to the end of S9."""
    copy = fresh_copy(root, way)
    try:
        with postgres_server() as history, redis_server() as broker:
            config = copy / "dagster.yaml"
            text = CONFIG.read_text("utf-8")
            config.write_text(text.replace("runs: 3", f"runs: {workers}"), "utf-8")
            environment = {
                **history, **broker, "SEGMENT1B_ROOT": str(copy),
                "SOURCE_DATE_EPOCH": "1790000000",
            }  # fmt: skip
            os.environ.update(environment)
            with (
                live_dagster(copy / "home", copy, environment, config, brisk=False) as live,
                celery_workers(NAMES[:workers], copy, environment) as processes,
            ):
                return observe(live, processes, copy, way, runs, history)
    finally:
        shutil.rmtree(copy)


def observe(
    live: LiveDagster, workers: Sequence[Worker], root: Path, way: str, runs: int,
    history: Mapping[str, str],
) -> dict[str, Any]:  # fmt: skip
    databases = started_by("postgres", history["SEGMENT1B_PG_PORT"])
    servers = started_by(str(live.home / "workspace.yaml"))
    mains = [psutil.Process(w.process.pid) for w in workers]
    groups = {"workers": mains, "postgresql": databases, "webserver_and_daemon": servers}
    before = {name: sum(map(cpu_with_children, group)) for name, group in groups.items()}
    sampler = Sampler(workers)
    sampler.start()
    began, load = time.time(), os.getloadavg()
    found = ended(live, send(way, live, root, runs))
    made = time.time()
    found += ended(live, [close(live)])
    finished = time.time()
    cpu = {name: sum(map(cpu_with_children, g)) - before[name] for name, g in groups.items()}
    sampler.stop()
    rows = [_row(run, began, workers, sampler) for run in found]
    listed = json.dumps(published(root), sort_keys=True).encode()
    return {
        "workers": len(workers),
        "cut": way,
        "seconds": finished - began,
        "seconds_to_s8": made - began,
        "cpu_seconds": cpu,
        "busy_seconds": {
            w.name: sum(r["seconds"] for r in rows if r["worker"] == w.name) for w in workers
        },
        "load_before_and_after": [load, os.getloadavg()],
        "published_sha256": hashlib.sha256(listed).hexdigest(),
        **history_figures(history),
        "runs": rows,
    }


def _row(
    run: Mapping[str, Any], began: float, workers: Sequence[Worker], sampler: Sampler
) -> dict[str, Any]:
    worker = next((w.name for w in workers if w.has(run["tags"].get(TASK_TAG))), "")
    return {
        "countries": run["tags"].get("segment1b/countries", "S9"),
        "status": run["status"],
        "worker": worker,
        "sent": run["creationTime"] - began,
        "start": run["startTime"] - began,
        "end": run["endTime"] - began,
        "seconds": run["endTime"] - run["startTime"],
        "cpu_seconds": sampler.cpu_between(worker, run["startTime"], run["endTime"]),
    }


def makespan(costs: Sequence[float], machines: int) -> float:
    """When the last machine is done if each takes the next run as soon as it is free."""
    free = [0.0] * machines
    for cost in costs:
        free[free.index(min(free))] += cost
    return max(free)


def computed(result: Mapping[str, Any], machines: int) -> dict[str, float]:
    """The CPU seconds of a way's runs, S9 left out, on machines that share nothing."""
    costs = [r["cpu_seconds"] for r in result["runs"][:-1]]
    return {
        "sum": sum(costs),
        "longest": max(costs),
        "on_the_busiest_of_the_machines": makespan(costs, machines),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=12)
    parser.add_argument("--ways", default="1-cost,3-cost,3-count")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    inputs = open_run_inputs(RunOptions(given.root))
    shares = [row["cost_share"] for row in cut(inputs, choose_countries("all", inputs), given.runs)]
    result: dict[str, Any] = {"estimated_shares": shares, "ways": []}
    for text in given.ways.split(","):
        workers, _, way = text.partition("-")
        measured = measure(given.root.absolute(), way, int(workers), given.runs)
        measured["computed_cpu_seconds_of_three_machines"] = computed(measured, 3)
        result["ways"].append(measured)
        document = json.dumps(result, indent=2) + "\n"
        if given.json:
            given.json.write_text(document)
    print(document, end="")


if __name__ == "__main__":
    main()
