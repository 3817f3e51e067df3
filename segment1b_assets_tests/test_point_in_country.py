"""The country test against the rule by definition, at points chosen to be awkward."""

from __future__ import annotations

from unittest import mock

import numpy as np
import pytest
import shapely
from hypothesis import assume, given
from hypothesis import strategies as st

from segment1b_assets.core import near_edges, point_in_country
from segment1b_assets.core.eligibility import eligible_cells
from segment1b_assets.core.grid import Grid
from segment1b_assets.core.point_in_country import CountryTest
from segment1b_assets.core.polygon import CountryPolygon
from segment1b_assets_tests.adversarial_shapes import grids, polygons, usable
from segment1b_assets_tests.exact_geometry import Oracle
from segment1b_assets_tests.hypothesis_profiles import examples


def polygon_of(shape: shapely.Geometry) -> CountryPolygon:
    return CountryPolygon.from_wkb("XX", shapely.to_wkb(shape))


def points_of(
    grid: Grid, shape: shapely.Geometry, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Corners, side midpoints, centre, vertices of the polygon and random points of every cell."""
    rng = np.random.default_rng(seed)
    tiles, lons, lats = [], [], []
    vertices = shapely.get_coordinates(shape)
    for row in range(grid.nrows):
        for col in range(grid.ncols):
            west, east = grid.lon_edges[col], grid.lon_edges[col + 1]
            north, south = grid.lat_edges[row], grid.lat_edges[row + 1]
            x = [west, grid.centroid_lon[col], east, *rng.uniform(west, east, 2)]
            y = [south, grid.centroid_lat[row], north, *rng.uniform(south, north, 2)]
            grid_points = [(a, b) for a in x for b in y]
            turns = vertices[:, :1] + 360.0 * np.arange(-3, 4)
            held = (turns >= west) & (turns <= east)
            held &= ((vertices[:, 1] >= south) & (vertices[:, 1] <= north))[:, None]
            which, turn = np.nonzero(held)
            grid_points += list(zip(turns[which, turn], vertices[which, 1], strict=True))
            tiles += [row * grid.ncols + col] * len(grid_points)
            lons += [p[0] for p in grid_points]
            lats += [p[1] for p in grid_points]
    return np.array(tiles, np.uint64), np.array(lons), np.array(lats)


def check(grid: Grid, shape: shapely.Geometry, seed: int) -> None:
    tile, lon, lat = points_of(grid, shape, seed)
    got = CountryTest(polygon_of(shape), grid, tile[::-1]).inside(tile, lon, lat)
    oracle = Oracle(shape, grid, "center")
    want = [oracle.inside(float(x), float(y)) for x, y in zip(lon, lat, strict=True)]
    assert got.tolist() == want


@examples(60)
@given(data=st.data(), seed=st.integers(0, 99))
def test_equals_the_definition(data: st.DataObject, seed: int) -> None:
    grid = data.draw(grids())
    grid = Grid(grid.a, grid.c, grid.e, grid.f, min(grid.nrows, 4), min(grid.ncols, 4))
    turn = data.draw(st.sampled_from([0.0, 0.0, 360.0, -360.0, 720.0]))
    shape = data.draw(polygons(grid, turn))
    assume(usable(shape))
    check(grid, shape, seed)


@pytest.mark.parametrize("turn", [0.0, 360.0])
def test_floats_alone_decide_points_off_the_lines(turn: float) -> None:
    """Ordinary points are not sent to rational arithmetic, nor do small blocks change them."""
    grid = Grid(0.25, -180.0, -0.25, 10.0, 80, 1440)
    angle = np.linspace(0, 2 * np.pi, 3001)[:-1]
    radius = 6 + 1.5 * np.sin(40 * angle) + 0.5 * np.sin(333 * angle)
    lake = np.c_[-176.1 + turn + np.cos(angle), 0.3 + np.sin(angle)]
    star = np.c_[-176.1 + turn + radius * np.cos(angle), 0.3 + radius * np.sin(angle)]
    shape = shapely.Polygon(star, [lake])
    assert shape.is_valid
    rng = np.random.default_rng(7)
    lon, lat = rng.uniform(-180, -168, 40_000), rng.uniform(-8, 8, 40_000)
    row = np.searchsorted(-grid.lat_edges, -lat, side="right") - 1
    col = np.searchsorted(grid.lon_edges, lon, side="right") - 1
    tile = (row * grid.ncols + col).astype(np.uint64)
    with mock.patch.object(point_in_country, "exactly_inside", side_effect=AssertionError):
        test = CountryTest(polygon_of(shape), grid, tile)
        got = test.inside(tile, lon, lat)
        with (
            mock.patch.object(point_in_country, "PAIRS", 5),
            mock.patch.object(near_edges, "PIECES", 7),
        ):
            few = CountryTest(polygon_of(shape), grid, tile[:500])
            np.testing.assert_array_equal(few.inside(tile[:500], lon[:500], lat[:500]), got[:500])
    want = shapely.contains_xy(shape, lon + turn, lat)
    np.testing.assert_array_equal(got, want)
    assert 0.2 < got.mean() < 0.8


def test_centroids_agree_with_the_fill() -> None:
    grid = Grid(0.5, -10.0, -0.5, 10.0, 40, 40)
    shape = shapely.Polygon(
        [(-8.25, -8.25), (8.25, -8.25), (8.25, 3.75), (0.25, 8.25), (-8.25, 3.75)],
        [[(-2.25, -2.25), (2.25, -2.25), (0.25, 2.25)]],
    )
    tile = np.arange(1600, dtype=np.uint64)
    lon, lat = np.tile(grid.centroid_lon, 40), np.repeat(grid.centroid_lat, 40)
    got = CountryTest(polygon_of(shape), grid, tile).inside(tile, lon, lat)
    runs = eligible_cells(polygon_of(shape), grid, "center").runs
    assert tile[got].tolist() == runs.tile_ids().tolist()


def test_a_cell_far_from_all_edges_is_known_by_what_lies_beside_the_grid() -> None:
    grid = Grid(1.0, -229.0, -1.0, 8.0, 8, 8)
    land = shapely.box(60, -4, 200, 12)
    middle = shapely.Polygon(land.exterior.coords, [shapely.box(134, 2, 136, 4).exterior.coords])
    for turn in (0.0, 360.0, -360.0, -720.0):
        check(grid, shapely.transform(middle, lambda xy, t=turn: xy + np.array([t, 0.0])), 3)


def test_points_outside_their_cell_are_still_judged_rightly() -> None:
    grid = Grid(1.0, 0.0, -1.0, 8.0, 8, 8)
    test = CountryTest(polygon_of(shapely.box(2, 2, 5, 5)), grid, np.array([0], np.uint64))
    lon, lat = np.array([3.0, 0.5, 7.0]), np.array([3.0, 7.5, 3.0])
    assert test.inside(np.zeros(3, np.uint64), lon, lat).tolist() == [True, False, False]


def test_a_foreign_tile_is_refused_and_no_points_are_fine() -> None:
    grid = Grid(1.0, 0.0, -1.0, 8.0, 8, 8)
    test = CountryTest(polygon_of(shapely.box(2, 2, 5, 5)), grid, np.array([9], np.uint64))
    none = np.empty(0)
    assert test.inside(none.astype(np.uint64), none, none).size == 0
    empty = CountryTest(polygon_of(shapely.box(2, 2, 5, 5)), grid, none.astype(np.uint64))
    assert empty.inside(none.astype(np.uint64), none, none).size == 0
    with pytest.raises(ValueError, match="tile"):
        test.inside(np.array([8], np.uint64), np.array([0.5]), np.array([6.5]))
    with pytest.raises(ValueError, match="tile"):
        empty.inside(np.array([8], np.uint64), np.array([0.5]), np.array([6.5]))
