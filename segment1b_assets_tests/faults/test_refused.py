"""File systems that refuse what the publish law needs: locks, hard links, fsync; a full history."""

from __future__ import annotations

import errno
import sys
from pathlib import Path

import pytest

from segment1b_assets.cli import main
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.storage.data_root import DataRoot
from segment1b_assets.storage.run_inputs import RunOptions, open_run_inputs
from segment1b_assets.storage.run_ledger import RunLedger
from segment1b_assets_tests.faults import mounts, runs
from segment1b_assets_tests.faults.conftest import LONG, Undisturbed
from segment1b_assets_tests.faults.refusing_kernel import can_refuse, refuse_calls

pytestmark = pytest.mark.timeout(LONG)
refusing = pytest.mark.skipif(not can_refuse(), reason="no system call numbers for this machine")


@refusing
@pytest.mark.parametrize(
    ("call", "number", "states", "words"),
    [
        ("flock", errno.ENOLCK, ("S1",), ("has no file locks", "tile_index")),
        ("link", errno.EPERM, ("S0",), ("refuses hard links", "sealed_inputs_1B")),
        pytest.param(
            "fsync", errno.EIO, ("S1",), ("tile_index", "Input/output error"),
            marks=pytest.mark.nightly,
        ),
        pytest.param(
            "flock", errno.ENOLCK, ("S0",), ("has no file locks", "sealed_inputs_1B"),
            marks=pytest.mark.nightly,
        ),
    ],
)  # fmt: skip
def test_a_refused_system_call_is_told_by_name(
    call: str,
    number: int,
    states: tuple[str, ...],
    words: tuple[str, ...],
    undisturbed: Undisturbed,
    tmp_path: Path,
) -> None:
    root = runs.copy(undisturbed.inputs, tmp_path / "root")
    run = runs.start(root, tmp_path / "home", states, refuse={call: number})
    assert run.end() == 1
    for word in ("E_IO", "next step:", *words):
        assert word in run.text()
    assert runs.tree(root) == {}
    runs.finish(root, tmp_path / "home", undisturbed.whole)


def verify_without_reading(root: str, loaded: bool) -> int:
    """``segment1b verify`` where the kernel refuses Arrow's reads, and Python's own it does not."""
    if loaded:
        inputs = open_run_inputs(RunOptions(root))
        inputs.preload("iso_names", "policies", "identity", "receipt", "grid", "catalogue")
    refuse_calls({"pread64": errno.EIO})
    sys.argv[1:] = ["verify", "--root", root, "--states", "s8"]
    with pytest.raises(SystemExit) as ended:
        main()
    return int(str(ended.value.code))


@refusing
@pytest.mark.parametrize("loaded", [False, True], ids=["inputs", "partitions"])
def test_a_disk_that_loses_what_it_holds_is_not_called_bad_data(
    loaded: bool, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    child = runs.nursery().bear(
        "segment1b_assets_tests.faults.test_refused:verify_without_reading",
        {"root": str(undisturbed.done), "loaded": loaded},
        tmp_path / "output",
    )
    assert child.end() == 1
    told = child.output.read_text()
    for word in ("E_IO", "Input/output error", "site_locations" if loaded else "iso3166.parquet"):
        assert word in told
    assert "E_INPUT_SCHEMA" not in told
    assert "Traceback" not in told


def test_the_disk_fills_while_s9_writes_its_bundle(
    undisturbed: Undisturbed, tmp_path: Path
) -> None:
    """S0 to S8 are done, and there is not a kilobyte left for the bundle."""
    with mounts.small_disk(tmp_path / "disk", "64m") as disk:
        root = runs.copy(undisturbed.done, disk / "root")
        ballast = disk / "ballast"
        mounts.fill(ballast)
        run = runs.start(root, tmp_path / "home", ("S9",))
        assert run.end() == 1
        assert "E_IO" in run.text()
        assert "free space" in run.text()
        assert not (root / "layer1/1B/validation").exists()
        ballast.unlink()
        again = runs.start(root, tmp_path / "home", ("S9",))
        assert again.end() == 0, again.text()
        assert list((root / "layer1/1B/validation").rglob("_passed.flag"))
        assert runs.left_over(root) == []


def test_the_disk_of_the_history_is_full(undisturbed: Undisturbed, tmp_path: Path) -> None:
    """Dagster cannot note what happened: the run fails, and the data root takes no harm."""
    root = runs.copy(undisturbed.inputs, tmp_path / "root")
    home = tmp_path / "home"
    with mounts.small_disk(home, "2m"):
        run = runs.start(root, home)
        mounts.fill(home / "ballast")
        assert run.end() != 0
        runs.require_nothing_partial(root, undisturbed.whole)
    runs.finish(root, tmp_path / "home2", undisturbed.whole)


#: JSON that is no record of a state's countries.
BROKEN_LEDGERS = (
    b'{"countries": {"FK": {}}}',
    b'{"countries": {"FK": 1}}',
)


def test_a_half_written_ledger_lets_no_failed_country_through(tmp_path: Path) -> None:
    """A power cut may leave half of what a state noted: that is told, not taken for "none"."""
    ledger = RunLedger(DataRoot(tmp_path), "a-run")
    ledger.record("S1", {"FK": Segment1BError("E001_GEO_INVALID", "bad", country="FK")})
    assert list(ledger.failures("S1")) == ["FK"]
    (path,) = tmp_path.rglob("S1.json")
    for raw in (path.read_bytes()[:20], b"", b"[]", b"{}", *BROKEN_LEDGERS):
        path.write_bytes(raw)
        with pytest.raises(Segment1BError, match="E_IO"):
            ledger.failures("S1")
