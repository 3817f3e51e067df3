"""What a release consists of: the wheel's contents, one version, and checks that are CI's."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest
import yaml

from segment1b_assets_tests.docs_text import DOCS, REPOSITORY

PACKAGE = "segment1b_assets"
VERSION = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]["version"]
#: A command of .ci/run, up to a variable part such as a temporary folder.
_COMMAND = re.compile(r"^uv run --no-sync [^\"$\n]+?(?= *[\"$\n]| --site-dir)", re.MULTILINE)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that the build backend makes of this tree, without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=REPOSITORY, capture_output=True, text=True, timeout=280,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    (path,) = folder.glob("*.whl")
    return path


def test_the_wheel_has_every_file_of_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {n for n in archive.namelist() if ".dist-info/" not in n}
    here = {
        path.relative_to(REPOSITORY).as_posix()
        for path in (REPOSITORY / PACKAGE).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {f"{PACKAGE}/py.typed", f"{PACKAGE}/contracts/dictionary.yaml"} <= packed
    assert packed == here


def test_the_wheel_says_its_version_and_licence(wheel: Path) -> None:
    info = f"{PACKAGE}-{VERSION}.dist-info"
    with zipfile.ZipFile(wheel) as archive:
        said = message_from_bytes(archive.read(f"{info}/METADATA"))
        licence = archive.read(f"{info}/licenses/LICENSE")
    assert (said["Version"], said["License-Expression"]) == (VERSION, "Apache-2.0")
    assert licence == (REPOSITORY / "LICENSE").read_bytes()
    assert licence.split()[:4] == [b"Apache", b"License", b"Version", b"2.0,"]


def test_an_installed_wheel_finds_its_data(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    code = (
        "import segment1b_assets.contracts.dictionary as d, segment1b_assets.definitions as s; "
        "print(d.__file__, s.__file__)"
    )
    asked = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], cwd=tmp_path, timeout=280,
        env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True,
    )  # fmt: skip
    assert asked.returncode == 0, asked.stderr
    assert all(name.startswith(str(tmp_path)) for name in asked.stdout.split())


def test_one_version_stands_everywhere() -> None:
    lock = tomllib.loads((REPOSITORY / "uv.lock").read_text("utf-8"))["package"]
    assert [p["version"] for p in lock if p["source"] == {"editable": "."}] == [VERSION]
    changes = (REPOSITORY / "CHANGELOG.md").read_text("utf-8")
    assert re.findall(r"^## ([\d.]+)$", changes, re.MULTILINE)[0] == VERSION
    for page in ("deploy/kubernetes/values.yaml", "deploy/kubernetes/Dockerfile"):
        images = re.findall(r"(?:segment1b:|tag: )([\d.]+)", (REPOSITORY / page).read_text())
        assert set(images) == {VERSION}, page
    assert f"segment1b:{VERSION} " in (DOCS / "machines.md").read_text("utf-8")


def test_the_hooks_run_what_ci_runs() -> None:
    config = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text("utf-8"))
    (local,) = config["repos"]
    assert local["repo"] == "local"  # nothing but the locked environment
    script = (REPOSITORY / ".ci" / "run").read_text("utf-8")
    commands = _COMMAND.findall(script)
    assert len(commands) == len(local["hooks"]) > 4
    for command, hook in zip(commands, local["hooks"], strict=True):
        entry = hook["entry"].removeprefix("bash -c '")
        assert entry == command or entry.startswith(f"{command} "), hook["id"]
        assert hook["pass_filenames"] is False  # the whole tree, as in CI
