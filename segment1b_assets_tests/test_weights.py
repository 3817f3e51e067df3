"""tile_weights against the largest remainder in fractions.Fraction."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.schemas import TABLES
from segment1b_assets.core.cell_runs import CellRuns
from segment1b_assets.core.stream import PartitionStream
from segment1b_assets.core.weights import tile_weights
from segment1b_assets_tests.hypothesis_profiles import examples

Array = np.ndarray[Any, Any]


class Values:
    """Masses from an array, handed over in pieces."""

    source = "masses.tif"
    bytes_read = 12
    nodata_text = None
    bytes_uncompressed = 34

    def __init__(self, values: Array, piece: int = 3, nodata: Any = None) -> None:
        self._values, self._piece = values, piece
        self.dtype, self.nodata = values.dtype, nodata

    def values(self, runs: CellRuns) -> Iterator[Array]:
        for start in range(0, self._values.size, self._piece):
            yield self._values[start : start + self._piece].copy()


def row_of_cells(n: int, first: int = 0) -> CellRuns:
    """n cells in rows of 10 columns, every other cell, so that every run is one cell."""
    ids = first + 2 * np.arange(n, dtype=np.int64)
    return CellRuns(ids, ids + 1, 10)


def drained(stream: PartitionStream) -> list[int]:
    weights: list[int] = []
    for chunk in stream.chunks:
        weights += chunk.rows.column("weight_fp").to_pylist()
    return weights


def population(masses: Array, dp: int, **options: Any) -> list[int]:
    return drained(
        tile_weights("XX", row_of_cells(masses.size), "population", dp, Values(masses), **options)
    )


def largest_remainder(masses: list[Any], dp: int) -> list[int]:
    """The law, said plainly: masses in tile order."""
    exact = [Fraction(m) for m in masses]
    if sum(exact) == 0:
        exact = [Fraction(1)] * len(exact)
    total = sum(exact)
    quotas = [m * 10**dp / total for m in exact]
    weights = [q.numerator // q.denominator for q in quotas]
    order = sorted(range(len(exact)), key=lambda i: (weights[i] - quotas[i], i))
    for i in order[: 10**dp - sum(weights)]:
        weights[i] += 1
    return weights


DPS = st.integers(0, 18)


def masses_of(dtype: str) -> st.SearchStrategy[Array]:
    """Lists with repeats, near-repeats, powers of two, subnormals, extremes and zeros."""
    kind = np.dtype(dtype)
    if kind.kind == "f":
        largest = float(np.finfo(kind).max)
        anything = st.floats(0, largest, width=32 if dtype == "f4" else 64)
        powers = st.integers(-20, 20).map(lambda e: 2.0**e)
        small = st.integers(0, 12).map(float)
        near = st.integers(0, 6).map(lambda k: float(1 + k * np.finfo(kind).eps))
        tiny = st.integers(0, 9).map(lambda k: float(k * np.finfo(kind).smallest_subnormal))
        pool = [anything, powers, small, near, tiny, st.just(0.0)]
    else:
        top = int(np.iinfo(kind).max)
        near_top = st.integers(max(0, top - 5), top)
        pool = [st.integers(0, top), st.integers(0, 12), near_top, st.just(0)]
    one_kind = st.one_of([st.lists(p, min_size=1, max_size=25) for p in pool])
    mixed = st.lists(st.one_of(pool), min_size=1, max_size=25)
    repeated = st.builds(
        lambda values, picks: [values[p % len(values)] for p in picks],
        st.lists(st.one_of(pool), min_size=1, max_size=3),
        st.lists(st.integers(0, 2), min_size=1, max_size=40),
    )
    return st.one_of(one_kind, mixed, repeated).map(lambda v: np.array(v, dtype=dtype))


@pytest.mark.hypothesis
@pytest.mark.parametrize("dtype", ["f4", "f8", "u1", "i1", "u2", "i4", "u8", "i8"])
def test_population_equals_the_law(dtype: str) -> None:
    @examples(250)
    @given(masses_of(dtype), DPS, st.integers(1, 9), st.sampled_from([1, 4, 1 << 20]))
    def check(masses: Array, dp: int, batch_rows: int, ranked_in_memory: int) -> None:
        got = population(masses, dp, batch_rows=batch_rows, ranked_in_memory=ranked_in_memory)
        assert got == largest_remainder(masses.tolist(), dp)

    check()


@examples(150)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 7)), min_size=1, max_size=12),
    st.lists(st.floats(0, 1e9), min_size=4, max_size=4),
    DPS,
    st.integers(1, 9),
)
@example([(0, 3), (1, 2)], [0.0, 0.0, 0.0, 0.0], 4, 2)
@example([(0, 3), (1, 7), (2, 7), (3, 7)], [1.0, 1.0, 3.0, 3.0], 0, 2)
def test_area_equals_the_law(
    cells: list[tuple[int, int]], areas: list[float], dp: int, batch_rows: int
) -> None:
    ids = np.unique(np.array([row * 10 + col for row, col in cells], np.uint64))
    runs = CellRuns.from_sorted_tile_ids([ids], 10)
    stream = tile_weights("XX", runs, "area_m2", dp, np.array(areas), batch_rows)
    assert drained(stream) == largest_remainder([areas[int(i) // 10] for i in ids], dp)
    assert stream.facts["zero_mass_fallback"] is (sum(areas[int(i) // 10] for i in ids) == 0)


@examples(60)
@given(st.integers(1, 60), DPS, st.integers(1, 9))
def test_uniform_equals_the_law(tiles: int, dp: int, batch_rows: int) -> None:
    got = drained(tile_weights("XX", row_of_cells(tiles), "uniform", dp, None, batch_rows))
    assert got == largest_remainder([1] * tiles, dp)


@examples(60)
@given(masses_of("f4"), DPS, st.integers(-40, 40))
def test_scaling_all_masses_by_a_power_of_two_changes_nothing(
    masses: Array, dp: int, power: int
) -> None:
    wide = masses.astype(np.float64)
    assert population(np.ldexp(wide, power), dp) == population(wide, dp)


@examples(60)
@given(masses_of("f8").filter(lambda m: m.any()), DPS, st.integers(0, 25))
def test_a_tile_without_mass_changes_no_other_tile(masses: Array, dp: int, place: int) -> None:
    at = min(place, masses.size)
    grown = population(np.insert(masses, at, 0.0), dp)
    assert grown[at] == 0
    assert grown[:at] + grown[at + 1 :] == population(masses, dp)


def spread(dtype: str, tiles: int) -> Array:
    """A heavy tail over a constant background, with zeros."""
    draw = np.random.default_rng(11)
    masses = np.exp(draw.normal(2, 2.5, tiles))
    kind = draw.random(tiles)
    masses[kind < 0.4] = 0.1
    masses[kind > 0.9] = 0
    return masses.astype(dtype)


@pytest.mark.parametrize("dp", [0, 3, 4, 5, 9, 12, 15, 18])
@pytest.mark.parametrize("dtype", ["f4", "f8", "u2"])
def test_many_tiles_equal_the_law(dtype: str, dp: int) -> None:
    masses = spread(dtype, 70_000)
    runs = CellRuns(np.array([5]), np.array([70_005]), 80_000)
    stream = tile_weights("XX", runs, "population", dp, Values(masses, 30_000), 50_000)
    scaled = [int(f * 2**1074) for f in map(Fraction, masses.tolist())]
    assert drained(stream) == integer_law(scaled, dp)


def integer_law(masses: list[int], dp: int) -> list[int]:
    """`largest_remainder` for whole masses: the same law, quicker for many tiles."""
    total, scale = sum(masses), 10**dp
    floors = [m * scale // total for m in masses]
    rests = [m * scale % total for m in masses]
    order = sorted(range(len(masses)), key=lambda i: (-rests[i], i))
    for i in order[: scale - sum(floors)]:
        floors[i] += 1
    return floors


@pytest.mark.parametrize("dp", [3, 4, 5, 12, 18])
def test_masses_one_unit_apart_are_told_apart(dp: int) -> None:
    """Thousands of distinct masses whose fractions no float can tell apart at the cut."""
    draw = np.random.default_rng(5)
    masses = 1.0 + draw.integers(0, 9_000, 30_000) * 2.0**-52
    whole = [int(Fraction(m) * 2**52) for m in masses.tolist()]
    expected = integer_law(whole, dp)
    for ranked_in_memory in (1 << 20, 50):
        assert population(masses, dp, ranked_in_memory=ranked_in_memory) == expected


def test_equal_masses_leave_the_residue_to_the_first_tiles() -> None:
    assert population(np.full(7, 3.5, "f4"), 1) == [2, 2, 2, 1, 1, 1, 1]


def test_different_masses_with_equal_fractions_tie_by_tile() -> None:
    # Quotas 5/2, 3/2, 5/2, 7/2 of K = 10: one unit goes to each of the first two.
    assert population(np.array([5, 3, 5, 7], "u1"), 1) == [3, 2, 2, 3]


def test_nodata_and_nan_are_no_mass() -> None:
    nan, masses = np.nan, np.array([-9.0, 1.0, np.nan, 3.0, -9.0], "f4")
    runs = row_of_cells(5)
    for nodata, values in ((np.float32(-9), masses), (np.float32(nan), np.abs(masses) % 9)):
        stream = tile_weights("XX", runs, "population", 2, Values(values, nodata=nodata))
        assert drained(stream) == [0, 25, 0, 75, 0]
    positive = Values(np.array([7, 1, 7, 3, 7], "u2"), nodata=np.uint16(7))
    assert drained(tile_weights("XX", runs, "population", 2, positive)) == [0, 25, 0, 75, 0]


@pytest.mark.parametrize(
    ("dtype", "bad"), [("f4", -1.5), ("f8", np.inf), ("f4", -np.inf), ("i2", -3)]
)
def test_a_value_that_is_no_mass_is_named(dtype: str, bad: float) -> None:
    values = np.arange(8).astype(dtype)
    values[6] = bad
    stream = tile_weights("FR", row_of_cells(8, 100), "population", 12, Values(values))
    with pytest.raises(Segment1BError) as caught:
        drained(stream)
    said = caught.value
    assert (said.code, said.country, said.file) == ("E105_NORMALIZATION", "FR", "masses.tif")
    assert said.value == bad
    assert "tile_id 112 (row 11, column 2)" in said.detail


def test_no_mass_at_all_makes_equal_shares_and_says_so() -> None:
    stream = tile_weights("XX", row_of_cells(3), "population", 2, Values(np.zeros(3, "f4")))
    assert drained(stream) == [34, 33, 33]
    assert stream.facts["zero_mass_fallback"] is True
    assert stream.facts["mass_sum"] == 0


def test_facts_and_columns() -> None:
    runs = row_of_cells(4, 30)
    stream = tile_weights(
        "FR", runs, "population", 3, Values(np.array([0.1, 0.2, 0.3, 0.0], "f4")), 3
    )
    batches = [chunk.rows for chunk in stream.chunks]
    assert [b.num_rows for b in batches] == [3, 1]
    assert all(b.schema.equals(TABLES["tile_weights"].wire) for b in batches)
    rows = [row for b in batches for row in b.to_pylist()]
    assert [r["tile_id"] for r in rows] == [30, 32, 34, 36]
    assert {(r["country_iso"], r["dp"], r["basis"]) for r in rows} == {("FR", 3, "population")}
    exact = sum(Fraction(float(np.float32(v))) for v in (0.1, 0.2, 0.3))
    assert stream.facts == {
        "tiles": 4,
        "K": 1000,
        "mass_sum": float(exact),
        "mass_sum_exact": str(exact),
        "postquant_sum_fp": 1000,
        "residue_allocations": 1,
        "zero_mass_fallback": False,
        "raster_bytes_read": 12,
        "raster_bytes_uncompressed": 34,
    }


def test_a_sum_beyond_the_floats_is_still_exact() -> None:
    masses = np.full(3, np.finfo("f8").max)
    stream = tile_weights("XX", row_of_cells(3), "population", 1, Values(masses))
    assert drained(stream) == [4, 3, 3]
    assert stream.facts["mass_sum"] is None
    assert stream.facts["mass_sum_exact"] == str(3 * Fraction(float(masses[0])))


def test_a_country_without_tiles_is_empty() -> None:
    for basis, masses in (("uniform", None), ("population", Values(np.empty(0, "f4")))):
        stream = tile_weights("XX", CellRuns.empty(10), basis, 12, masses)  # type: ignore[arg-type]
        assert drained(stream) == []
        assert stream.facts["tiles"] == 0


def test_arguments_out_of_domain_are_refused() -> None:
    with pytest.raises(ValueError, match="dp 19"):
        tile_weights("XX", row_of_cells(1), "uniform", 19)
    with pytest.raises(ValueError, match="basis 'area_m2'"):
        tile_weights("XX", row_of_cells(1), "area_m2", 12)
