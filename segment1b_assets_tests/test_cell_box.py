"""The boxes of uniform_v2 against the contract's words in fractions, to the last bit."""

from __future__ import annotations

from fractions import Fraction
from unittest import mock

import numpy as np
import pytest
import shapely
from hypothesis import assume, example, given
from hypothesis import strategies as st

from segment1b_assets.core import cell_box, rounded_crossing
from segment1b_assets.core.cell_box import CellBoxes
from segment1b_assets.core.grid import Grid
from segment1b_assets.core.polygon import CountryPolygon
from segment1b_assets.core.rounded_crossing import crossing
from segment1b_assets_tests.adversarial_shapes import grids, polygons, usable
from segment1b_assets_tests.hypothesis_profiles import examples
from segment1b_assets_tests.oracle.boxes import drawn_cell
from segment1b_assets_tests.oracle.geometry import parse_wkb
from segment1b_assets_tests.oracle.tiles import Grid as ScalarGrid

UNIT = Grid(1.0, 0.0, -1.0, 4.0, 4, 4)
Bounds = tuple[float, float, float, float]


def bounds_of(grid: Grid, shape: shapely.Geometry, tiles: list[int]) -> list[Bounds]:
    """(min lon, max lon, min lat, max lat) of the tiles' boxes."""
    ids = np.array(tiles, np.uint64)
    box = CellBoxes.of(CountryPolygon.from_geometry("XX", shape), grid, ids[::-1]).bounds(ids)
    columns = (box.min_lon, box.max_lon, box.min_lat, box.max_lat)
    return list(zip(*(c.tolist() for c in columns), strict=True))


def by_the_law(grid: Grid, shape: shapely.Geometry, tiles: list[int]) -> list[Bounds]:
    scalar = ScalarGrid(grid.a, grid.c, grid.e, grid.f, grid.nrows, grid.ncols)
    country = parse_wkb(shapely.to_wkb(shape))
    cells = [drawn_cell(scalar.tile(*divmod(t, grid.ncols)), country) for t in tiles]
    return [(c.min_lon, c.max_lon, c.min_lat, c.max_lat) for c in cells]


def check(grid: Grid, shape: shapely.Geometry) -> list[Bounds]:
    tiles = list(range(grid.nrows * grid.ncols))
    got = bounds_of(grid, shape, tiles)
    assert got == by_the_law(grid, shape, tiles)
    return got


@examples(80)
@given(data=st.data(), turn=st.sampled_from([0.0, 0.0, 360.0, -360.0, 720.0]))
def test_awkward_shapes_equal_the_definition(data: st.DataObject, turn: float) -> None:
    grid = data.draw(grids())
    grid = Grid(grid.a, grid.c, grid.e, grid.f, min(grid.nrows, 4), min(grid.ncols, 4))
    shape = data.draw(polygons(grid, turn))
    assume(usable(shape))
    check(grid, shape)


@examples(24)
@given(
    seed=st.integers(0, 10_000),
    turn=st.sampled_from([0.0, 360.0, -360.0]),
    west=st.sampled_from([-0.4, 10.0, 177.9]),
    cell=st.sampled_from([0.1, 1 / 120, 0.25]),
)
def test_ordinary_coasts_equal_the_definition(
    seed: int, turn: float, west: float, cell: float
) -> None:
    """Stars with a lake, off the lines: every crossing is a rational of 53-bit coordinates."""
    rng = np.random.default_rng(seed)
    grid = Grid(cell, west, -cell, 60.0 + 5 * cell, 5, 5)
    angle = np.sort(rng.uniform(0, 2 * np.pi, 16))
    assume((np.diff(angle) > 1e-3).all() and np.ptp(angle) > 4)
    way = np.c_[np.cos(angle), np.sin(angle)] * cell
    star = way * rng.uniform(1.5, 2.4, 16)[:, None]
    shape = shapely.Polygon(
        np.array([west + turn + 2.5 * cell, 60.0 + 2.5 * cell]) + star,
        [np.array([west + turn + 2.6 * cell, 60.0 + 2.5 * cell]) + way[::2] * 0.6],
    )
    assume(usable(shape))
    check(grid, shape)


def test_a_cell_that_no_ring_meets_is_its_own_box() -> None:
    got = check(UNIT, shapely.box(-1, -1, 9, 9))
    assert got[5] == (1.0, 2.0, 2.0, 3.0)
    assert check(UNIT, shapely.box(7, 7, 9, 9))[5] == (1.0, 2.0, 2.0, 3.0)


def test_an_island_in_a_cell_is_boxed_by_its_vertices() -> None:
    island = shapely.Polygon([(1.25, 2.5), (1.5, 2.25), (1.625, 2.75)])
    assert check(UNIT, island)[5] == (1.25, 1.625, 2.25, 2.75)


def test_an_edge_that_cuts_a_corner_off() -> None:
    corner = shapely.Polygon([(0.5, 1.5), (1.75, 2.25), (0.5, 3.0)])
    # Of the cell 1..2 by 2..3 it takes what lies west of the vertex.
    assert check(UNIT, corner)[5] == (1.0, 1.75, 2.0, 2.7)


def test_land_with_a_lake_keeps_the_whole_cell() -> None:
    lake = shapely.Polygon([(1.25, 2.5), (1.5, 2.25), (1.625, 2.75)])
    land = shapely.Polygon(shapely.box(-1, -1, 9, 9).exterior, [lake.exterior])
    assert check(UNIT, land)[5] == (1.0, 2.0, 2.0, 3.0)


def test_an_edge_along_a_side_counts_where_they_are_one() -> None:
    # The box touches the cell 1..2 by 2..3 from the west only: a side, and nothing within.
    assert check(UNIT, shapely.box(0.5, 2.25, 1.0, 2.5))[5] == (1.0, 1.0, 2.25, 2.5)
    assert check(UNIT, shapely.box(0.5, 1.5, 1.0, 2.5))[5] == (1.0, 1.0, 2.0, 2.5)


def test_a_ring_that_touches_a_corner_leaves_land_whole_and_sea_a_point() -> None:
    assert check(UNIT, shapely.box(0.0, 1.0, 1.0, 2.0))[5] == (1.0, 1.0, 2.0, 2.0)
    hole = shapely.box(0.25, 1.25, 1.0, 2.0).exterior
    assert check(UNIT, shapely.Polygon(shapely.box(-1, -1, 9, 9).exterior, [hole]))[5] == (
        1.0, 2.0, 2.0, 3.0,
    )  # fmt: skip


def test_a_hole_whose_boundary_is_the_cell() -> None:
    """No corner is in the country, but the ring itself lies on all four sides."""
    hole = shapely.box(1.0, 2.0, 2.0, 3.0).exterior
    assert check(UNIT, shapely.Polygon(shapely.box(-1, -1, 9, 9).exterior, [hole]))[5] == (
        1.0, 2.0, 2.0, 3.0,
    )  # fmt: skip


@pytest.mark.parametrize("turn", [-720.0, -360.0, 0.0, 360.0])
def test_turns_change_the_name_of_a_longitude_only(turn: float) -> None:
    grid = Grid(0.25, 179.0, -0.25, 1.0, 4, 8)
    shape = shapely.union(
        shapely.box(179.3125 + turn, 0.3125, 180 + turn, 0.6875),
        shapely.box(-180.0 + turn, 0.3125, -179.4375 + turn, 0.6875),
    )
    got = check(grid, shape)
    assert got[9] == (179.3125, 179.5, 0.5, 0.6875)
    assert got[14] == (180.5, 180.5625, 0.5, 0.6875)


def test_a_turned_longitude_is_rounded_once() -> None:
    """180.1 + 360 is no binary64 number of that shape; its exact remainder is rounded."""
    grid = Grid(0.1, 179.95, -0.1, 0.2, 4, 8)
    lons = [540.1234567890123, 540.3]
    check(grid, shapely.Polygon([(lons[0], -0.1), (lons[1], -0.07), (lons[1], 0.11)]))


def test_the_top_edge_of_a_country_on_a_line_counts_its_corners() -> None:
    """The row of corners along the northernmost edge is touched, never crossed."""
    shape = shapely.Polygon([(-1.0, -1.0), (9.0, -1.0), (9.0, 2.0), (-1.0, 2.0)])
    assert check(UNIT, shape)[5] == (1.0, 2.0, 2.0, 2.0)


@pytest.mark.parametrize("tiny", [5e-324, 1e-310, 1e-200, 1e-70])
def test_edges_of_next_to_no_size(tiny: float) -> None:
    grid = Grid(1.0, -1.0, -1.0, 1.0, 2, 2)
    check(grid, shapely.Polygon([(-tiny, -0.5), (tiny, 0.5), (-0.75, 0.625)]))
    check(grid, shapely.Polygon([(-0.5, -tiny), (0.5, tiny), (0.625, 0.75)]))


def test_the_size_of_the_pieces_changes_no_box(monkeypatch: pytest.MonkeyPatch) -> None:
    grid = Grid(0.5, -3.0, -0.5, 3.0, 12, 12)
    angle = np.linspace(0, 2 * np.pi, 101)[:-1]
    radius = 2 + 0.5 * np.sin(20 * angle)
    shape = shapely.Polygon(np.c_[radius * np.cos(angle), radius * np.sin(angle)])
    tiles = list(range(144))
    whole = bounds_of(grid, shape, tiles)
    for pairs in (1, 3, 64):
        monkeypatch.setattr(cell_box, "PAIRS", pairs)
        assert bounds_of(grid, shape, tiles) == whole
    assert bounds_of(grid, shape, tiles[::7]) == whole[::7]


def test_no_tiles_and_no_polygon() -> None:
    none = np.empty(0, np.uint64)
    polygon = CountryPolygon.from_geometry("XX", shapely.box(1, 1, 2, 2))
    assert CellBoxes.of(polygon, UNIT, none).bounds(none).min_lon.size == 0
    nowhere = CellBoxes.of(None, UNIT, np.array([5], np.uint64))
    assert nowhere.bounds(np.array([5, 5], np.uint64)).max_lat.tolist() == [3.0, 3.0]


# ---- crossings ----------------------------------------------------------------------------

LONGITUDES = st.one_of(
    st.floats(-1080, 1080), st.floats(-1e-300, 1e-300), st.integers(-8, 8).map(lambda k: k / 4)
)


@examples(200)
@given(
    three=st.lists(LONGITUDES, min_size=3, max_size=3, unique=True).map(sorted),
    v=st.tuples(LONGITUDES, LONGITUDES), low=LONGITUDES, back=st.booleans(),
    shift=st.sampled_from([0.0, 360.0, -720.0]),
)  # fmt: skip
@example(three=[-1.0, 0.0, 1.0], v=(1.0, 1.0 + 2.0**-52), low=1.0, back=False, shift=0.0)  # a tie
@example(three=[0.0, 1.0, 4.0], v=(0.0, 4.0), low=1.0, back=True, shift=0.0)  # on the bound
def test_crossings_are_rounded_exactly(
    three: list[float], v: tuple[float, float], low: float, back: bool, shift: float
) -> None:
    line, u = three[1], (three[0] + shift, three[2] + shift)
    if back:
        u, v = u[::-1], v[::-1]
    a, b = (Fraction(x) - Fraction(shift) for x in u)
    assume(min(a, b) < line < max(a, b))
    c, d = map(Fraction, v)
    want = c + (Fraction(line) - a) / (b - a) * (d - c)

    def array(x: float) -> np.ndarray:
        return np.array([x])

    got, held = crossing(
        *(rounded_crossing.difference(array(x), shift) for x in u),
        *((array(x), array(0.0)) for x in v), array(line), array(low), array(low + 3.0),
    )  # fmt: skip
    assert got.tolist() == [float(want)]
    assert held.tolist() == [Fraction(low) <= want <= Fraction(low + 3.0)]


def test_fractions_decide_next_to_nothing() -> None:
    """Of a hundred thousand ordinary crossings none needs rational arithmetic."""
    rng = np.random.default_rng(5)
    n = 100_000
    u1, u2 = rng.uniform(10, 10.01, n), rng.uniform(10.02, 10.03, n)
    v1, v2 = rng.uniform(60, 60.1, n), rng.uniform(60, 60.1, n)
    none = np.zeros(n)
    with mock.patch.object(rounded_crossing, "_fraction", side_effect=AssertionError):
        got, held = crossing(
            (u1, none), (u2, none), (v1, none), (v2, none), np.full(n, 10.015),
            np.full(n, 60.03), np.full(n, 60.07),
        )  # fmt: skip
    assert 0.2 < held.mean() < 0.8
    for i in range(0, n, 997):
        a, b, c, d = (Fraction(x[i]) for x in (u1, u2, v1, v2))
        assert got[i] == float(c + (Fraction(10.015) - a) / (b - a) * (d - c))
