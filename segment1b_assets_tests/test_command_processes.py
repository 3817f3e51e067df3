"""The command as a process: signals, where its history lies, what it imports."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest

from segment1b_assets.command_line.dagster_home import packaged_settings, use_dagster_home
from segment1b_assets_tests.child_processes import alive_in_group, end, free_port, running, start
from segment1b_assets_tests.dagster_support import FIVE, small_world
from segment1b_assets_tests.docs_text import REPOSITORY
from segment1b_assets_tests.live_dagster import LiveDagster
from segment1b_assets_tests.run_support import HISTORY, copy_world
from segment1b_assets_tests.waiting import wait_for

DATA = REPOSITORY / "data"
PACKAGE = REPOSITORY / "segment1b_assets"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_says_how_much_it_published(number: int, tmp_path: Path) -> None:
    root = copy_world(DATA, tmp_path / "root")
    (tmp_path / "dagster.yaml").write_text(HISTORY)
    log = tmp_path / "log"

    def partitions() -> int:
        return len(list(root.glob("layer1/1B/tile_*/*/country=*")))

    with running(
        sys.executable, "-m", "segment1b_assets.cli", "run", "--root", root, "--states", "s1",
        log=log, env={**os.environ, "DAGSTER_HOME": str(tmp_path)}, cwd=REPOSITORY,
    ) as command:  # fmt: skip
        wait_for("a first country", lambda: partitions() or None)
        command.send_signal(number)
        assert command.wait(240) == 128 + number
    said = log.read_text()
    name = signal.Signals(number).name
    assert f"interrupted by {name}, {partitions()} published in" in said
    assert "Traceback" not in said
    assert partitions() < 2 * 249


def installed(folder: Path) -> dict[str, str]:
    """The environment of a package that lies apart from the repository."""
    skip = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PACKAGE, folder / "site" / PACKAGE.name, ignore=skip)
    # PYTHONWARNINGS: CI asks for those of Dagster's own modules, too.
    hidden = ("DAGSTER_HOME", "SEGMENT1B_ROOT", "PYTHONWARNINGS")
    kept = {k: v for k, v in os.environ.items() if k not in hidden}
    return {**kept, "PYTHONPATH": str(folder / "site"), "XDG_STATE_HOME": str(folder / "state")}


def test_an_installed_package_keeps_its_history_under_the_state_folder(tmp_path: Path) -> None:
    env = installed(tmp_path)
    before = sorted(p for p in (tmp_path / "site").rglob("*") if "__pycache__" not in p.parts)
    small_world(tmp_path / "root")
    words = ["run", "--root", str(tmp_path / "root"), "--states", "s0", "--countries", FIVE[0]]
    done = subprocess.run(
        [sys.executable, "-m", "segment1b_assets.cli", *words],
        cwd=tmp_path, env=env, capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    (home,) = (tmp_path / "state" / "segment1b").iterdir()
    assert home.name.startswith("root-")
    assert (home / "dagster.yaml").read_text() == packaged_settings()
    assert (home / "history").is_dir()
    after = sorted(p for p in (tmp_path / "site").rglob("*") if "__pycache__" not in p.parts)
    assert after == before


def test_an_installed_package_asks_for_the_root(tmp_path: Path) -> None:
    asked = subprocess.run(
        [sys.executable, "-m", "segment1b_assets.cli", "gate"],
        cwd=tmp_path, env=installed(tmp_path), capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert asked.returncode == 1
    assert "--root DIR" in asked.stderr


def test_a_clone_keeps_its_history_in_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "")
    assert use_dagster_home(str(DATA)) == REPOSITORY
    assert os.environ["DAGSTER_HOME"] == str(REPOSITORY)


def test_every_root_has_a_history_of_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    def home(root: str, named: Path | str, own: str = "") -> Path:
        monkeypatch.setenv("DAGSTER_HOME", str(named))
        monkeypatch.setenv("SEGMENT1B_ROOT", own)
        return use_dagster_home(root)

    real, trial, named = str(tmp_path / "real"), str(tmp_path / "trial"), tmp_path / "home"
    apart = home(trial, "")
    assert apart.parent == tmp_path / "state" / "segment1b"
    assert (apart / "dagster.yaml").read_text() == packaged_settings()
    assert home(trial, REPOSITORY) == apart
    assert home(trial, named, own=real) == apart
    assert home(f"{trial}/../trial/", "") == apart
    assert home(real, named, own=real) == home(real, named) == named
    assert len({apart, home(real, ""), home("s3://bucket/trial", "")}) == 3
    assert home("s3://bucket/trial/", "") == home("s3://bucket/trial", "")


#: As a shell script starts a background job: SIGINT is ignored.
BACKGROUND = ("bash", "-c", """trap '' INT; exec "$0" "$@" """)


@pytest.mark.parametrize("before", [(), BACKGROUND], ids=["in a terminal", "as a background job"])
def test_one_command_starts_the_web_ui_and_a_signal_ends_it(
    before: tuple[str, ...], tmp_path: Path
) -> None:
    small_world(tmp_path / "root")
    port, log = free_port(), tmp_path / "ui.log"
    environment = {**os.environ, "DAGSTER_HOME": str(tmp_path / "home"), "NO_COLOR": "1"}
    (tmp_path / "home").mkdir()
    (tmp_path / "home/dagster.yaml").write_text("telemetry: {enabled: false}\n")
    command = [sys.executable, "-m", "segment1b_assets.cli", "ui", "--port", str(port)]
    process = start(*before, *command, "--root", str(tmp_path / "root"), log=log, env=environment)
    try:
        live = LiveDagster(tmp_path / "home", f"http://127.0.0.1:{port}")

        def nodes() -> list[str] | None:
            with contextlib.suppress(OSError, KeyError):
                found = live.ask("{ assetNodes { assetKey { path } } }")["assetNodes"]
                return [n["assetKey"]["path"][-1] for n in found] or None
            return None

        assert "site_locations" in wait_for("the assets in the web UI", nodes, 300)
        assert f"http://127.0.0.1:{port}" in log.read_text()
        assert str(tmp_path / "root") in log.read_text()
        assert "SupersessionWarning" not in log.read_text()
        process.terminate()
        process.wait(60)  # where SIGTERM is ignored, `end` kills
    finally:
        end(process)
    assert process.returncode is not None
    assert not alive_in_group(process.pid)


def test_the_packaged_workspace_is_the_repository_s() -> None:
    packaged = resources.files("segment1b_assets") / "instance" / "workspace.yaml"
    assert packaged.read_text("utf-8") == (REPOSITORY / "workspace.yaml").read_text("utf-8")


def test_the_packaged_settings_are_the_repository_s() -> None:
    assert packaged_settings() == (REPOSITORY / "dagster.yaml").read_text("utf-8")


@pytest.mark.parametrize(
    ("words", "heavy"),
    [
        (["--help"], {"dagster", "matplotlib", "rasterio", "pandera", "polars", "pyarrow"}),
        (["gate"], {"dagster", "matplotlib", "rasterio", "pandera", "polars", "pyarrow"}),
        (["status"], {"dagster", "matplotlib", "rasterio", "pandera", "polars"}),
    ],
)
def test_quick_commands_import_nothing_heavy(
    words: list[str], heavy: set[str], tmp_path: Path
) -> None:
    small_world(tmp_path / "root")
    at = [] if words == ["--help"] else ["--root", str(tmp_path / "root")]
    code = (
        "import sys\nfrom segment1b_assets.cli import Segment1BError, group\n"
        f"try: group({[*words, *at]!r}, standalone_mode=False)\n"
        "except Segment1BError as err: assert err.code == 'E_FLAG_BAD', err\n"
        f"print('imported', sorted({heavy!r} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, timeout=240
    )
    assert done.stdout.splitlines()[-1] == "imported []", done.stderr
