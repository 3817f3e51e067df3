"""Digests of large inputs are remembered while a file stays the same, and S0 trusts none."""

from __future__ import annotations

import hashlib
import json
import os
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from segment1b_assets.cli import group
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.storage import digest_memory
from segment1b_assets.storage.digest_memory import MEMORY, REMEMBERED_BYTES
from segment1b_assets.storage.input_versions import input_version
from segment1b_assets.storage.run_inputs import RunInputs, RunOptions
from segment1b_assets.storage.seal import pass_gate
from segment1b_assets.storage.staging import STAGING, sweep_staging
from segment1b_assets_tests.oracle.world import make_world

RASTER = "population_raster_2025"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A world whose raster is large (by zeros behind its last block) and was written long ago."""
    monkeypatch.setattr(digest_memory, "RACY_SECONDS", -3600.0)
    made = tmp_path / "world"
    make_world(
        made, 57, rows=12, cols=12, countries=2, merchants=3, inclusion_rule="center",
        basis="population", dp=9, feasible=True,
    )  # fmt: skip
    os.truncate(raster(made), REMEMBERED_BYTES)
    return made


def raster(root: Path) -> Path:
    (found,) = root.glob("reference/spatial/population/*/population.tif")
    return found


def opened(root: Path) -> RunInputs:
    """The inputs as another process finds them."""
    return RunInputs(RunOptions(root))


def sha256(path: Path) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest()


def lie(root: Path) -> None:
    """Let the memory say another digest than the file's, which shows who believes it."""
    memory = root / STAGING / MEMORY
    document = json.loads(memory.read_bytes())
    (entry,) = document["files"].values()
    entry["sha256"] = "ab" * 32
    memory.write_text(json.dumps(document), "utf-8")


def believes(root: Path) -> bool:
    return opened(root).input_digests[RASTER] == b"\xab" * 32


def test_a_large_file_is_hashed_once_for_all_processes(root: Path) -> None:
    assert opened(root).input_digests[RASTER] == sha256(raster(root))
    lie(root)
    assert believes(root)
    assert input_version(opened(root), RASTER) == "ab" * 32


@pytest.mark.parametrize("what", ["size", "mtime", "ctime", "inode"])
def test_a_file_of_another_stamp_is_hashed_again(root: Path, what: str) -> None:
    path = raster(root)
    opened(root).input_digests  # noqa: B018
    lie(root)
    before = path.stat()
    if what == "size":
        os.truncate(path, REMEMBERED_BYTES + 1)
    elif what == "inode":
        path.rename(path.with_name("old.tif"))
        path.write_bytes(path.with_name("old.tif").read_bytes())
    elif what == "ctime":  # a write that sets the time of modification back
        time.sleep(0.02)
        with path.open("r+b") as handle:
            handle.seek(REMEMBERED_BYTES - 1)
            handle.write(b"\1")
    else:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns - 1))
    if what != "mtime":
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert opened(root).input_digests[RASTER] == sha256(path)
    assert opened(root).input_digests[RASTER] == sha256(path)  # and is remembered anew


def test_a_file_that_was_changed_just_now_is_not_remembered(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    os.utime(raster(root))
    opened(root).input_digests  # noqa: B018
    assert not (root / STAGING / MEMORY).exists()


def test_a_small_file_is_never_remembered(root: Path) -> None:
    os.truncate(raster(root), REMEMBERED_BYTES - 1)
    opened(root).input_digests  # noqa: B018
    assert not (root / STAGING / MEMORY).exists()


def test_the_gate_trusts_nothing_remembered(root: Path) -> None:
    opened(root).input_digests  # noqa: B018
    lie(root)
    with pytest.raises(Segment1BError, match="population_raster_2025 changed") as raised:
        pass_gate(opened(root))
    assert raised.value.code == "E_IO"
    assert not believes(root)
    pass_gate(opened(root))
    (sealed,) = root.glob("layer1/1B/sealed_inputs/*/sealed_inputs_1B.json")
    digests = {e["asset_id"]: e["sha256_hex"] for e in json.loads(sealed.read_bytes())}
    assert digests[RASTER] == sha256(raster(root)).hex()


def test_a_deep_verification_trusts_nothing_remembered(root: Path) -> None:
    opened(root).input_digests  # noqa: B018
    lie(root)
    shallow = CliRunner().invoke(group, ["verify", "--root", str(root), "--states", "s1"])
    assert "changed" not in str(shallow.exception) + shallow.output
    lie(root)
    deep = CliRunner().invoke(group, ["verify", "--root", str(root), "--states", "s1", "--deep"])
    assert deep.exit_code == 1
    assert "population_raster_2025 changed" in str(deep.exception) + deep.output


@pytest.mark.parametrize("content", ["", "{", '{"files": 3}', '{"files": {"a": {"size": 1}}}'])
def test_a_malformed_memory_is_no_memory(root: Path, content: str) -> None:
    opened(root).input_digests  # noqa: B018
    (root / STAGING / MEMORY).write_text(content, "utf-8")
    assert opened(root).input_digests[RASTER] == sha256(raster(root))
    lie(root)
    assert believes(root)


def test_it_stays_when_staging_is_swept(root: Path) -> None:
    opened(root).input_digests  # noqa: B018
    sweep_staging(root)
    lie(root)
    assert believes(root)
