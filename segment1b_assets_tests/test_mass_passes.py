"""tile_weights of a country whose masses are not held: the same weights, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.core.cell_runs import CellRuns
from segment1b_assets.core.mass_passes import MassStore
from segment1b_assets.core.weights import tile_weights
from segment1b_assets.storage.data_root import DataRoot
from segment1b_assets.storage.mass_spill import SpilledMasses
from segment1b_assets.validation.exact_masses import raster_masses
from segment1b_assets_tests.hypothesis_profiles import examples
from segment1b_assets_tests.test_weights import DPS, drained, largest_remainder, masses_of

Array = np.ndarray[Any, Any]


class Raster:
    """A raster of 7 columns in memory that gives the cells it is asked for, some at a time."""

    source = "masses.tif"
    nodata_text: str | None = None

    def __init__(self, values: Array, piece: int, nodata: Any = None) -> None:
        self._values, self._piece = values, piece
        self.dtype, self.nodata = values.dtype, nodata
        self.shape = (-(-values.size // 7), 7)
        self.bytes_read, self.bytes_uncompressed = 0, values.nbytes

    def values(self, runs: CellRuns) -> Iterator[Array]:
        for batch in runs.batches(self._piece):
            self.bytes_read += batch.count * self.dtype.itemsize
            yield self._values[batch.tile_ids().view(np.int64)]


def every_cell(count: int) -> CellRuns:
    whole = (np.zeros(1, np.int64), np.full(1, count, np.int64))
    return CellRuns.from_intervals(whole, 7)


def batches(raster: Raster, dp: int, rows: int, **options: Any) -> tuple[list[pa.RecordBatch], Any]:
    runs = every_cell(raster.bytes_uncompressed // raster.dtype.itemsize)
    stream = tile_weights("XX", runs, "population", dp, raster, rows, **options)
    return [chunk.rows for chunk in stream.chunks], stream.facts


@pytest.mark.hypothesis
@pytest.mark.parametrize("dtype", ["f4", "f8", "u1", "i4", "u8"])
def test_no_way_of_keeping_masses_decides_a_byte(dtype: str, tmp_path: Path) -> None:
    root = DataRoot(tmp_path)

    @examples(120)
    @given(
        masses_of(dtype), DPS, st.integers(1, 9), st.integers(1, 9), st.integers(0, 200),
        st.sampled_from([1, 4, 1 << 20]),
    )  # fmt: skip
    def check(
        masses: Array, dp: int, rows: int, piece: int, room: int, ranked_in_memory: int
    ) -> None:
        def made(store: MassStore | None, held_bytes: int) -> Any:
            return batches(
                Raster(masses, piece), dp, rows, store=store, held_bytes=held_bytes,
                ranked_in_memory=ranked_in_memory,
            )  # fmt: skip

        held, facts = made(None, 1 << 20)
        weights = [w for batch in held for w in batch.column("weight_fp").to_pylist()]
        assert weights == largest_remainder(masses.tolist(), dp)
        for store in (None, SpilledMasses(root, masses.dtype),
                      SpilledMasses(root, masses.dtype, room, room // 2)):  # fmt: skip
            found, its_facts = made(store, 0)
            assert found == held
            assert its_facts | {"raster_bytes_read": 0} == facts | {"raster_bytes_read": 0}

    check()


def test_spilled_masses_are_read_from_the_raster_once(tmp_path: Path) -> None:
    masses = np.random.default_rng(5).random(50_000).astype("f4")
    store = SpilledMasses(DataRoot(tmp_path), masses.dtype)
    found, facts = batches(Raster(masses, 3_000), 12, 7_000, store=store, held_bytes=0)
    assert found == batches(Raster(masses, 3_000), 12, 7_000)[0]
    assert facts["raster_bytes_read"] == masses.nbytes
    _, facts = batches(Raster(masses, 3_000), 12, 7_000, held_bytes=0)
    assert facts["raster_bytes_read"] >= 3 * masses.nbytes


def test_the_file_keeps_to_its_room_and_has_no_name(tmp_path: Path) -> None:
    store = SpilledMasses(DataRoot(tmp_path), np.dtype("f8"), 20_000, 10_000)
    masses = np.random.default_rng(6).random((5, 1_000))
    kept = [store.keep(part) for part in masses]
    assert kept == [True, True, True, False, False]
    assert 8_000 < store.bytes_on_disk <= 20_000
    assert 4_000 < store.bytes_in_memory <= 10_000
    first, second = store.kept(), store.kept()
    for part in masses[:3]:
        assert np.array_equal(next(first), part)
        assert np.array_equal(next(second), part)
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []
    store.close()
    assert list(store.kept()) == []


def test_a_tail_that_is_read_again_is_cleaned_again() -> None:
    masses = np.array([1, 9, np.nan, 2, 9, 1], "f4")
    weights = [
        w
        for batch in batches(Raster(masses, 2, np.float32(9)), 2, 4, held_bytes=0)[0]
        for w in batch.column("weight_fp").to_pylist()
    ]
    assert weights == [25, 0, 0, 50, 0, 25]


def test_a_bad_mass_is_named_though_nothing_is_held(tmp_path: Path) -> None:
    masses = np.array([1, 2, 3, 4, 5, 6, 7, 8, -3, 1], "f4")
    store = SpilledMasses(DataRoot(tmp_path), masses.dtype)
    with pytest.raises(Segment1BError, match=r"tile_id 8 \(row 1, column 1\)"):
        drained(
            tile_weights(
                "XX", every_cell(10), "population", 2, Raster(masses, 3), store=store, held_bytes=0
            )
        )


@pytest.mark.hypothesis
@examples(60)
@given(masses_of("f4"), st.integers(1, 9))
def test_the_judge_reads_the_same_masses_held_or_not(masses: Array, piece: int) -> None:
    masses[::3] = np.nan
    runs = every_cell(masses.size)
    held = raster_masses(runs, Raster(masses, piece, np.float32(1)))
    anew = raster_masses(runs, Raster(masses, piece, np.float32(1)), held_bytes=0)
    assert held.total == anew.total
    wanted = np.where(np.isnan(masses) | (masses == 1), 0, masses)
    for found in (held, anew):
        for _ in range(2):
            assert np.array_equal(np.concatenate(list(found.blocks())), wanted)
