"""A real deployment for the browser tests: webserver and daemon on loopback, a root, a home."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from segment1b_assets_tests.browser.graphql_client import GraphQL
from segment1b_assets_tests.child_processes import end, free_port, start

REPOSITORY = Path(__file__).resolve().parents[2]
INPUTS = ("config", "reference", "layer1/1A")
START_SECONDS = 180.0


@dataclass(frozen=True)
class Deployment:
    """A running deployment: where its data and its pages are."""

    root: Path
    home: Path
    url: str

    @property
    def graphql(self) -> GraphQL:
        return GraphQL(f"{self.url}/graphql")

    def command(self, *words: str) -> int:
        """The exit status of `segment1b` with these words, over this root and its history."""
        environment = {
            **os.environ, "DAGSTER_HOME": str(self.home), "SEGMENT1B_ROOT": str(self.root)
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-m", "segment1b_assets.cli", *words],
            env=environment, cwd=self.home, capture_output=True, timeout=600,
        )  # fmt: skip
        return done.returncode


@contextmanager
def deployed(folder: Path) -> Iterator[Deployment]:
    """Start webserver and daemon over a copy of the embedded world; stop them at the end.

    Raises:
        RuntimeError: one of the two did not come up; the message ends with its log.
    """
    root, home = folder / "root", folder / "home"
    for name in INPUTS:
        shutil.copytree(REPOSITORY / "data" / name, root / name)
    home.mkdir()
    shutil.copy(REPOSITORY / "dagster.yaml", home)
    environment = {
        **os.environ,
        "DAGSTER_HOME": str(home),
        "SEGMENT1B_ROOT": str(root),
        "PYTHONWARNINGS": "ignore",
    }
    # The first to open a fresh home migrates its SQLite files: one alone, before the two start.
    subprocess.run(
        [_tool("dagster"), "instance", "info"],
        env=environment, cwd=REPOSITORY, check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    workspace = ["-w", str(REPOSITORY / "workspace.yaml")]
    commands = {
        "webserver": [_tool("dagster-webserver"), "-h", "127.0.0.1", "-p", str(port), *workspace],
        "daemon": [_tool("dagster-daemon"), "run", *workspace],
    }
    started: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name, command in commands.items():
            started[name] = start(
                *command, log=folder / f"{name}.log", env=environment, cwd=REPOSITORY
            )
        deployment = Deployment(root, home, url)
        _wait_until_up(deployment, started, folder)
        yield deployment
    finally:
        end(*started.values())


def _tool(name: str) -> str:
    return str(Path(sys.executable).parent / name)


def _wait_until_up(
    deployment: Deployment, started: dict[str, subprocess.Popen[bytes]], folder: Path
) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        for name, process in started.items():
            if process.poll() is not None:
                log = (folder / f"{name}.log").read_text(errors="replace")[-3000:]
                raise RuntimeError(f"the {name} ended with {process.returncode}:\n{log}")
        try:
            urllib.request.urlopen(f"{deployment.url}/server_info", timeout=5).close()
            if deployment.graphql.daemons_healthy():
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            pass
        time.sleep(0.5)
    log = (folder / "webserver.log").read_text(errors="replace")[-3000:]
    raise RuntimeError(f"not up after {START_SECONDS:.0f} s; the webserver's log ends:\n{log}")
