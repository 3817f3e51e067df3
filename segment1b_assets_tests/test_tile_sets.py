"""What a process keeps of the tiles that it has read: never longer than the files are the same."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.core.cell_runs import CellRuns, NotAscendingError
from segment1b_assets.storage.tile_sets import TileSets
from segment1b_assets.validation.tile_rows import read_tiles
from segment1b_assets_tests.partition_support import written


def bounds(folder: Path, ids: list[int]) -> list[Path]:
    numbers = {name: [0.0] * len(ids) for name in (
        "min_lon_deg", "max_lon_deg", "min_lat_deg", "max_lat_deg", "centroid_lon_deg",
        "centroid_lat_deg",
    )}  # fmt: skip
    return written(
        folder, "tile_bounds", {"country_iso": ["FR"] * len(ids), "tile_id": ids, **numbers}
    )


def ids_of(cells: CellRuns) -> list[int]:
    return [int(i) for i in cells.tile_ids()]


def test_a_file_is_read_again_when_it_is_another(tmp_path: Path) -> None:
    files = bounds(tmp_path, [1, 2, 9])
    times = os.stat(files[0])
    assert ids_of(read_tiles(files, 5)) == [1, 2, 9]
    bounds(tmp_path, [1, 3, 9])
    os.utime(files[0], ns=(times.st_atime_ns, times.st_mtime_ns))
    assert os.stat(files[0]).st_size == times.st_size
    assert ids_of(read_tiles(files, 5)) == [1, 3, 9]
    files[0].unlink()
    with pytest.raises(Segment1BError) as raised:
        read_tiles(files, 5)
    assert raised.value.code == "E_INPUT_MISSING"


def test_what_was_read_for_one_grid_serves_every_grid(tmp_path: Path) -> None:
    files = bounds(tmp_path, [3, 4, 5, 6])
    by_row = read_tiles(files, 5)
    assert (by_row.starts.tolist(), by_row.stops.tolist()) == ([3, 5], [5, 7])
    one_row = read_tiles(files, 1 << 40)
    assert (one_row.starts.tolist(), one_row.stops.tolist()) == ([3], [7])


def test_ids_that_do_not_ascend_are_reported_each_time(tmp_path: Path) -> None:
    files = bounds(tmp_path, [4, 4])
    for _ in range(2):
        with pytest.raises(NotAscendingError):
            read_tiles(files, 5)


def test_what_is_kept_is_bounded_and_the_oldest_goes_first(tmp_path: Path) -> None:
    sets, reads = TileSets(kept_bytes=100), []
    for name in "abcd":
        (tmp_path / name).touch()

    def cells(name: str) -> CellRuns:
        path = tmp_path / name

        def read() -> CellRuns:
            reads.append(name)
            return CellRuns(np.array([0]), np.array([2]), 5)

        return sets.of([path], 5, read)

    for name in ("a", "b", "c", "a", "d", "a", "b"):
        assert cells(name).count == 2
    assert reads == ["a", "b", "c", "d", "b"]
