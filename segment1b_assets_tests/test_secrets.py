"""No credential of the environment gets into logs, metadata, reports, the history or the data."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from segment1b_assets_tests.dagster_support import BAD, cross_itself, small_world
from segment1b_assets_tests.live_dagster import live_dagster
from segment1b_assets_tests.secrets_support import credentials, held, leaks, written

#: Told by name, so that a search that sees nothing does not pass.
MARK = "s3cr3tmark"


def test_a_run_with_a_failure_keeps_the_environment_to_itself(tmp_path: Path) -> None:
    root, home = tmp_path / "root", tmp_path / "home"
    small_world(root)
    cross_itself(root, BAD)
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n", "utf-8")
    variables = credentials()
    # The build's commit is taken from the environment on purpose: it must be found.
    environment = {
        **os.environ, **variables, "DAGSTER_HOME": str(home), "SEGMENT1B_BUILD_COMMIT": MARK,
    }  # fmt: skip
    said = b""
    two = ("--countries", f"FI,{BAD}")
    # One country is broken on purpose, so there is no flag either.
    for words in (("run", *two), ("verify", *two), ("gate",)):
        command = [sys.executable, "-m", "segment1b_assets.cli", *words, "--root", str(root)]
        ended = subprocess.run(command, capture_output=True, env=environment, timeout=280)
        assert ended.returncode == (0 if words[0] == "verify" else 1), ended.stdout
        said += ended.stdout + ended.stderr

    secret = held(variables)
    assert len(secret) == 5
    assert not [word for word in secret if word in said]
    assert leaks(secret, root, home) == []
    assert leaks({MARK.encode()}, root) != []
    assert any(b"E001_GEO_INVALID" in raw for name, raw in written(home) if "event_logs" in name)
    assert any(b"segment1b" in raw for name, raw in written(home) if ": snapshots" in name)


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_a_backfill_from_the_web_ui_keeps_the_environment_to_itself(tmp_path: Path) -> None:
    root, home = tmp_path / "root", tmp_path / "home"
    small_world(root)
    cross_itself(root, BAD)
    variables = credentials()
    # A proxy that does not exist: nothing may be asked over the network, so it harms nothing.
    with live_dagster(home, root, {**variables, "NO_PROXY": "127.0.0.1"}) as live:
        ended = live.ended(
            live.backfill(["tile_index", "tile_bounds", "tile_weights"], ["FI", BAD])
        )
        assert ended["status"] in ("FAILED", "COMPLETED_FAILED")
        shown = str(
            live.ask(
                "{ instance { info runLauncher { name } } runsOrError { ... on Runs { results { "
                "runConfigYaml tags { key value } eventConnection { events { __typename "
                "... on MessageEvent { message } } } } } } }"
            )
        ).encode()
    secret = held(variables)
    assert b"WatchedRunLauncher" in shown
    assert not [word for word in secret if word in shown]
    assert leaks(secret, root, home) == []
    assert any("compute_logs" in name for name, _ in written(home))
