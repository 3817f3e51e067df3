"""judge_tile_weights passes what S2 makes and fails every change of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from segment1b_assets.core.cell_runs import CellRuns
from segment1b_assets.core.weights import tile_weights
from segment1b_assets.validation.error_free_sum import error_free_sum
from segment1b_assets.validation.judges.s2_tile_weights import CODES, judge_tile_weights
from segment1b_assets.validation.verdict import Verdict
from segment1b_assets.validation.weight_remainders import LargestRemainderTest
from segment1b_assets_tests.hypothesis_profiles import examples
from segment1b_assets_tests.partition_support import (
    Columns,
    columns_of,
    failed,
    published,
    written,
)

Array = np.ndarray[Any, Any]
NCOLS = 20


class Raster:
    """A raster in memory, read as the files are."""

    source = "masses.tif"
    bytes_read = bytes_uncompressed = 0

    def __init__(self, pixels: Array, nodata: Any = None) -> None:
        self._pixels = pixels.reshape(-1)
        self.shape, self.dtype, self.nodata = pixels.shape, pixels.dtype, nodata

    def values(self, runs: CellRuns) -> Iterator[Array]:
        for batch in runs.batches(7):
            yield self._pixels[batch.tile_ids().astype(np.int64)]


@dataclass
class Country:
    """A country of every third cell of a grid, with its published tiles and weights."""

    folder: Path
    basis: Any
    dp: int
    raster: Raster
    index: list[Path]
    weights: list[Path]

    def judge(self, columns: Columns | None = None, **options: Any) -> list[Verdict]:
        files = self.weights
        if columns is not None:
            files = written(self.folder / "tampered", "tile_weights", columns)
        raster = self.raster if self.basis == "population" else None
        return judge_tile_weights("FR", files, self.index, self.dp, self.basis, raster, **options)


def country(folder: Path, basis: Any, dp: int, pixels: Array) -> Country:
    ids = np.arange(1, pixels.size, 3, dtype=np.uint64)
    runs = CellRuns.from_sorted_tile_ids([ids], NCOLS)
    areas = 1e6 * np.cos(np.linspace(0, 1.5, pixels.shape[0]))
    raster = Raster(pixels)
    masses = {"uniform": None, "area_m2": areas, "population": raster}[basis]
    rows = ids // NCOLS
    index: Columns = {
        "country_iso": ["FR"] * ids.size,
        "tile_id": ids.tolist(),
        "raster_row": rows.tolist(),
        "raster_col": (ids % NCOLS).tolist(),
        "centroid_lon": [0.0] * ids.size,
        "centroid_lat": [0.0] * ids.size,
        "pixel_area_m2": areas[rows.astype(np.int64)].tolist(),
        "inclusion_rule": ["center"] * ids.size,
    }
    weights = published(folder / "w", "tile_weights", tile_weights("FR", runs, basis, dp, masses))
    return Country(folder, basis, dp, raster, written(folder / "i", "tile_index", index), weights)


def pixels_with_ties(seed: int, dtype: str = "f4") -> Array:
    draw = np.random.default_rng(seed)
    return np.exp(draw.normal(0, 3, (6, NCOLS))).round(1).astype(dtype)


@pytest.mark.parametrize("basis", ["uniform", "area_m2", "population"])
@pytest.mark.parametrize("dp", [0, 2, 7, 12, 18])
@pytest.mark.parametrize("dtype", ["f4", "f8", "u8"])
def test_what_s2_makes_passes(tmp_path: Path, basis: str, dp: int, dtype: str) -> None:
    made = country(tmp_path, basis, dp, pixels_with_ties(1, dtype))
    verdicts = made.judge()
    assert [v.code for v in verdicts] == list(CODES)
    assert failed(verdicts) == []
    assert verdicts[0].facts["weight_sum"] == 10**dp


ANY_CHANGE = st.sampled_from(["country_iso", "tile_id", "weight_fp", "dp", "basis"])


@examples(120)
@given(
    st.sampled_from(["uniform", "area_m2", "population"]),
    st.sampled_from([0, 1, 2, 5, 12, 18]),
    st.integers(0, 3),
    ANY_CHANGE,
    st.integers(0, 39),
    st.one_of(st.integers(-3, 3), st.integers(-(10**18), 10**18)).filter(bool),
)
def test_any_single_change_is_caught(
    basis: str, dp: int, seed: int, name: str, row: int, change: int
) -> None:
    with TemporaryDirectory() as folder:
        made = country(Path(folder), basis, dp, pixels_with_ties(seed))
        columns = columns_of(made.weights)
        value = columns[name][row]
        if isinstance(value, str):
            columns[name][row] = value + "X"
        elif name == "dp":
            columns[name][row] = value + change % 5 + 1
        elif name == "tile_id":
            columns[name][row] = max(0, value + change) or value + 1
        else:
            columns[name][row] = value + change
        assert failed(made.judge(columns))


@examples(120)
@given(
    st.sampled_from(["uniform", "area_m2", "population"]),
    st.sampled_from([0, 1, 2, 3, 12, 18]),
    st.integers(0, 3),
    st.integers(0, 39),
    st.integers(0, 39),
    st.sampled_from([0, 1]),
)
def test_any_unit_given_to_another_tile_is_caught(
    basis: str, dp: int, seed: int, giver: int, taker: int, swap: int
) -> None:
    with TemporaryDirectory() as folder:
        made = country(Path(folder), basis, dp, pixels_with_ties(seed))
        columns = columns_of(made.weights)
        weights = columns["weight_fp"]
        before = list(weights)
        if swap:
            weights[giver], weights[taker] = weights[taker], weights[giver]
        else:
            weights[giver] -= 1
            weights[taker] += 1
        expected = [] if weights == before else ["E106_MONOTONICITY"]
        assert [c for c in failed(made.judge(columns)) if c == "E106_MONOTONICITY"] == expected


def test_a_missing_and_an_extra_tile_are_told_apart(tmp_path: Path) -> None:
    made = country(tmp_path, "population", 6, pixels_with_ties(2))
    columns = columns_of(made.weights)
    columns["tile_id"][3] += 1
    found = made.judge(columns)
    assert failed(found) == ["E102_FK_MISMATCH", "E104_ZERO_MASS", "E106_MONOTONICITY"]
    assert "tile_id 11 has a weight and no tile" in found[0].detail
    assert "tile_id 10 is in tile_index, but is not in the file" in found[0].detail


def test_a_tile_lost_at_the_end_is_missed_even_if_it_weighs_nothing(tmp_path: Path) -> None:
    pixels = pixels_with_ties(2)
    pixels[5, 18] = 0
    made = country(tmp_path, "population", 6, pixels)
    columns = columns_of(made.weights)
    assert (columns["tile_id"][-1], columns["weight_fp"][-1]) == (118, 0)
    short = {name: values[:-1] for name, values in columns.items()}
    found = made.judge(short)
    assert failed(found)[0] == "E102_FK_MISMATCH"
    assert found[0].where == "tile_id 118"


def test_rows_out_of_order_are_named(tmp_path: Path) -> None:
    made = country(tmp_path, "uniform", 6, pixels_with_ties(2))
    columns = columns_of(made.weights)
    for values in columns.values():
        values[4], values[5] = values[5], values[4]
    by_code = {v.code: v for v in made.judge(columns)}
    assert not by_code["E108_WRITER_HYGIENE"].passed
    assert "tile id 13 at row 5" in by_code["E108_WRITER_HYGIENE"].detail


def test_a_wrong_schema_and_a_broken_file_are_hygiene(tmp_path: Path) -> None:
    made = country(tmp_path, "population", 6, pixels_with_ties(2))
    assert failed(judge_tile_weights("FR", made.index, made.index, 6, "uniform")) == list(CODES)
    broken = tmp_path / "part-00000.parquet"
    broken.write_bytes(made.weights[0].read_bytes()[:-20])
    verdicts = judge_tile_weights("FR", [broken], made.index, 6, "population", made.raster)
    assert "E108_WRITER_HYGIENE" in failed(verdicts)
    assert failed(judge_tile_weights("FR", [], made.index, 6, "uniform")) == list(CODES)


def test_lineage_is_compared(tmp_path: Path) -> None:
    made = country(tmp_path, "population", 6, pixels_with_ties(2))
    assert failed(made.judge(lineage={"country": "FR"})) == []
    verdicts = made.judge(lineage={"country": "FR", "parameter_hash": "ab"})
    assert "says parameter_hash=None, not 'ab'" in verdicts[-1].detail


def test_the_fallback_must_be_used_and_told_when_there_is_no_mass(tmp_path: Path) -> None:
    empty = country(tmp_path / "a", "population", 2, np.zeros((6, NCOLS), "f4"))
    assert failed(empty.judge(reported_fallback=True)) == []
    assert failed(empty.judge(reported_fallback=False)) == ["E104_ZERO_MASS"]
    columns = columns_of(empty.weights)
    columns["weight_fp"][0] += 1
    columns["weight_fp"][1] -= 1
    assert "E104_ZERO_MASS" in failed(empty.judge(columns))


def test_the_fallback_must_not_be_used_when_there_is_mass(tmp_path: Path) -> None:
    empty = country(tmp_path / "a", "population", 6, np.zeros((6, NCOLS), "f4"))
    full = country(tmp_path / "b", "population", 6, pixels_with_ties(2))
    assert failed(full.judge(columns_of(empty.weights))) == ["E104_ZERO_MASS", "E106_MONOTONICITY"]
    assert failed(full.judge(reported_fallback=True)) == ["E104_ZERO_MASS"]


def test_a_mass_that_is_none_is_told(tmp_path: Path) -> None:
    made = country(tmp_path, "population", 6, pixels_with_ties(2))
    for bad in (-1.0, np.inf):
        pixels = pixels_with_ties(2)
        pixels[0, 4] = bad
        made.raster = Raster(pixels)
        assert "E105_NORMALIZATION" in failed(made.judge())


def test_nodata_and_nan_are_no_mass(tmp_path: Path) -> None:
    pixels = pixels_with_ties(2)
    pixels[0, 1] = pixels[2, 3] = 0
    made = country(tmp_path, "population", 6, pixels)
    absent = pixels.copy()
    absent[0, 1], absent[2, 3] = np.nan, -9
    made.raster = Raster(absent, np.float32(-9))
    assert failed(made.judge()) == []


def test_a_country_without_tiles_passes(tmp_path: Path) -> None:
    stream = tile_weights("FR", CellRuns.empty(5), "uniform", 12)
    weights = published(tmp_path / "w", "tile_weights", stream)
    index = written(
        tmp_path / "i",
        "tile_index",
        {
            "country_iso": [], "tile_id": [], "raster_row": [], "raster_col": [],
            "centroid_lon": [], "centroid_lat": [], "pixel_area_m2": [], "inclusion_rule": [],
        },
    )  # fmt: skip
    assert failed(judge_tile_weights("FR", weights, index, 12, "uniform")) == []


@pytest.mark.parametrize("dtype", ["f4", "f8", "u8", "i8", "u2"])
def test_folds_equal_fractions(dtype: str) -> None:
    kind = np.dtype(dtype)
    elements: Any = (
        st.floats(0, float(np.finfo(kind).max), width=32 if dtype == "f4" else 64)
        if kind.kind == "f"
        else st.integers(0, int(np.iinfo(kind).max))
    )

    @given(hnp.arrays(dtype, st.integers(0, 30), elements=elements))
    def check(values: Array) -> None:
        assert error_free_sum(values) == sum(map(Fraction, values.tolist()), Fraction(0))

    check()


@pytest.mark.parametrize("dtype", ["f4", "f8", "u8"])
def test_folds_of_many_values_equal_fractions(dtype: str) -> None:
    draw = np.random.default_rng(1)
    for spread in (0, 5, 100):
        values = (np.exp(draw.normal(20, spread, 40_000)) % 1e18).astype(dtype)
        assert error_free_sum(values) == sum(map(Fraction, values.tolist()), Fraction(0))


@examples(300)
@given(
    hnp.arrays(
        "f8", st.integers(1, 12),
        elements=st.one_of(st.integers(0, 9).map(float), st.floats(0, 1e308),
                           st.sampled_from([5e-324, 1e-300, 1.0, 1 + 2**-52, 1e300])),
    ),
    st.sampled_from([0, 1, 3, 12, 18]),
    st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=2),
)  # fmt: skip
def test_the_window_fits_the_law_and_nothing_else(
    masses: Array, dp: int, moves: list[tuple[int, int]]
) -> None:
    exact = [Fraction(m) for m in masses.tolist()]
    total, scale = sum(exact, Fraction(0)), 10**dp
    if total == 0:
        return
    quotas = [m * scale / total for m in exact]
    law = [q.numerator // q.denominator for q in quotas]
    order = sorted(range(len(law)), key=lambda i: (law[i] - quotas[i], i))
    for i in order[: scale - sum(law)]:
        law[i] += 1
    moved = list(law)
    for giver, taker in moves:
        moved[giver % len(law)] -= 1
        moved[taker % len(law)] += 1
    window = LargestRemainderTest(total, scale)
    for start in range(0, len(law), 5):
        part = slice(start, start + 5)
        window.add(masses[part], np.array(moved[part], np.int64))
    assert window.fits() is (moved == law)
