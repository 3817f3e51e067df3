"""Full, read-only and foreign disks: a clear error, nothing partial, and a re-run completes."""

from __future__ import annotations

from pathlib import Path

import pytest

from segment1b_assets_tests.faults import mounts, runs
from segment1b_assets_tests.faults.conftest import LONG, Undisturbed

TILES = ("S1", "S2")
pytestmark = pytest.mark.timeout(LONG)


def _size(root: Path) -> int:
    """Kibibytes that a tmpfs needs for these files; its folders need none."""
    return sum(-(-p.stat().st_size // 4096) * 4 for p in root.rglob("*") if p.is_file())


@pytest.mark.parametrize(
    "share",
    [
        0.2,
        pytest.param(0.0, marks=pytest.mark.nightly),
        pytest.param(0.4, marks=pytest.mark.nightly),
        pytest.param(0.6, marks=pytest.mark.nightly),
        pytest.param(0.9, marks=pytest.mark.nightly),
    ],
)
def test_a_full_disk(share: float, undisturbed: Undisturbed, tmp_path: Path) -> None:
    """The disk has room for the inputs and a share of what is to be published."""
    inputs, done = _size(undisturbed.inputs), _size(undisturbed.done)
    with mounts.small_disk(tmp_path / "disk", f"{inputs + int(share * (done - inputs))}k") as disk:
        root = runs.copy(undisturbed.inputs, disk / "root")
        run = runs.start(root, tmp_path / "home")

        assert run.end() == 1
        assert "No space left on device" in run.text()
        assert "E_IO" in run.text()
        runs.require_nothing_partial(root, undisturbed.whole)

        mounts.enlarge(disk, "64m")
        runs.finish(root, tmp_path / "home", undisturbed.whole)


def test_a_read_only_folder_of_one_country(undisturbed: Undisturbed, tmp_path: Path) -> None:
    """The folder of one dataset cannot be written to: its state fails by name, S1 is done."""
    root = runs.copy(undisturbed.inputs, tmp_path / "root")
    with mounts.read_only(root / "layer1/1B/tile_weights"):
        run = runs.start(root, tmp_path / "home", ("S0", *TILES))
        assert run.end() == 1
        for country in runs.COUNTRIES:
            assert f"E_IO [{country}]" in run.text()
        assert "Read-only file system" in run.text()
        assert "tile_weights" in run.text()
        runs.require_nothing_partial(root, undisturbed.whole)
        assert len(list((root / "layer1/1B/tile_index").rglob("*.parquet"))) == 3
    runs.finish(root, tmp_path / "home", undisturbed.whole)


def test_a_read_only_root(undisturbed: Undisturbed, tmp_path: Path) -> None:
    """Nothing at all can be written, not even why."""
    root = runs.copy(undisturbed.inputs, tmp_path / "root")
    with mounts.read_only(root):
        run = runs.start(root, tmp_path / "home", TILES)
        assert run.end() == 1
        assert "E_IO" in run.text()
        assert "Read-only file system" in run.text()
    assert runs.tree(root) == {}


@pytest.mark.parametrize(
    "place", [".staging", pytest.param("layer1/1B/tile_index", marks=pytest.mark.nightly)]
)
def test_a_rename_across_file_systems_is_refused(
    place: str, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    """No copying in place of the rename: a reader could see half of it."""
    root = runs.copy(undisturbed.inputs, tmp_path / "root")
    with mounts.small_disk(root / place, "16m"):
        run = runs.start(root, tmp_path / "home", ("S1",))
        assert run.end() == 1
        assert "E_IO" in run.text()
        assert "another file system" in run.text()
        assert f"| file: {root}/" in run.text()
        assert not list((root / "layer1/1B").rglob("*.parquet"))
    runs.finish(root, tmp_path / "home", undisturbed.whole)
