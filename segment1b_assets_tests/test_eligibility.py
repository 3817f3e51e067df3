"""The fill against the rules by definition, cell by cell in rational arithmetic."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise
from unittest import mock

import numpy as np
import pytest
import shapely
from hypothesis import assume, given
from hypothesis import strategies as st

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.core import row_spans
from segment1b_assets.core.eligibility import Eligibility, eligible_cells
from segment1b_assets.core.grid import Grid
from segment1b_assets.core.polygon import CountryPolygon
from segment1b_assets_tests.adversarial_shapes import grids, polygons, usable
from segment1b_assets_tests.exact_geometry import Oracle
from segment1b_assets_tests.hypothesis_profiles import examples

RULES = ("center", "any_overlap")
UNIT = Grid(1.0, 0.0, -1.0, 8.0, 8, 8)


def cells(shape: shapely.Geometry, grid: Grid, rule: str) -> Eligibility:
    polygon = CountryPolygon.from_wkb("XX", shapely.to_wkb(shape))
    return eligible_cells(polygon, grid, rule)  # type: ignore[arg-type]


def agree(shape: shapely.Geometry, grid: Grid, rule: str) -> None:
    got = cells(shape, grid, rule)
    want = Oracle(shape, grid, rule).cells()
    assert set(got.runs.tile_ids().tolist()) == want["included"]
    assert got.cells_included == len(want["included"])
    assert got.cells_visited == len(want["visited"])
    assert got.cells_excluded_hole == len(want["hole"])
    assert got.cells_excluded_outside == len(want["visited"] - want["included"] - want["hole"])


@pytest.mark.parametrize("rule", RULES)
@examples(300)
@given(data=st.data())
def test_equals_the_definition(rule: str, data: st.DataObject) -> None:
    grid = data.draw(grids())
    turn = data.draw(st.sampled_from([0.0, 0.0, 360.0, -360.0, 720.0]))
    shape = data.draw(polygons(grid, turn))
    assume(usable(shape))
    agree(shape, grid, rule)


@pytest.mark.parametrize("rule", RULES)
@given(data=st.data())
def test_equals_the_definition_on_grids_about_a_turn_wide(rule: str, data: st.DataObject) -> None:
    """Cells and parts that meet at several turns: rows all round the globe, and a little more."""
    a = data.draw(st.sampled_from([40.0, 45.0, 72.0, 120.0]))
    c = data.draw(st.sampled_from([-180.0, 0.0, -180.0 - a / 2, -229.0, 180.0 - a]))
    ncols = data.draw(st.sampled_from([round(360 / a), 360 // int(a) + 1, 3]))
    grid = Grid(a, c, -1.0, 3.0, 5, ncols)
    one = data.draw(polygons(grid, data.draw(st.sampled_from([0.0, 360.0, -360.0, -720.0]))))
    other = data.draw(polygons(grid, data.draw(st.sampled_from([0.0, 360.0]))))
    shape = one
    if data.draw(st.booleans()) and usable(other):
        held = [*shapely.get_parts(one), *shapely.get_parts(other)]
        both = shapely.MultiPolygon(held)
        shape = both if both.is_valid else other
    assume(usable(shape))
    if widest_edge(shape) > 180:  # a ring that was not cut at the antimeridian (contract §3)
        with pytest.raises(Segment1BError, match="E001_GEO_INVALID"):
            cells(shape, grid, rule)
        return
    agree(shape, grid, rule)


def widest_edge(shape: shapely.Geometry) -> Fraction:
    """Degrees of longitude that the widest edge of a shape spans, exactly."""
    rings = shapely.get_rings(shapely.get_parts(shape))
    lons = ([Fraction(float(x)) for x in shapely.get_coordinates(r)[:, 0]] for r in rings)
    return max(abs(b - a) for ring in lons for a, b in pairwise(ring))


@examples(60)
@given(data=st.data())
def test_the_size_of_a_band_changes_nothing(data: st.DataObject) -> None:
    grid = data.draw(grids())
    shape = data.draw(polygons(grid))
    assume(usable(shape))
    for rule in RULES:
        whole = cells(shape, grid, rule)
        with mock.patch.object(row_spans, "BAND_CROSSINGS", 3):
            banded = cells(shape, grid, rule)
        assert banded == whole


def ids(shape: shapely.Geometry, rule: str, grid: Grid = UNIT) -> list[tuple[int, int]]:
    rows, cols = cells(shape, grid, rule).runs.rows_and_cols()
    return list(zip(rows.tolist(), cols.tolist(), strict=True))


def test_centroids_on_the_shell_are_in_and_on_a_hole_are_out() -> None:
    ring = shapely.Polygon(
        shapely.box(0.5, 0.5, 6.5, 6.5).exterior.coords,
        [shapely.box(2.5, 2.5, 4.5, 4.5).exterior.coords],
    )
    got = ids(ring, "center")
    assert len(got) == 7 * 7 - 3 * 3
    assert (7, 0) in got
    assert (1, 6) in got
    assert (3, 2) not in got
    assert (4, 3) not in got


def test_a_touch_in_an_edge_or_a_point_is_no_overlap() -> None:
    assert ids(shapely.box(2, 2, 3, 3), "any_overlap") == [(5, 2)]
    sliver = shapely.box(2, 2, math.nextafter(3, 4), 3)
    assert ids(sliver, "any_overlap") == [(5, 2), (5, 3)]
    diamond = shapely.Polygon([(2, 2.5), (2.5, 3), (3, 2.5), (2.5, 2)])
    assert ids(diamond, "any_overlap") == [(5, 2)]


def test_parts_past_the_antimeridian_wrap_both_ways() -> None:
    grid = Grid(1.0, -180.0, -1.0, 2.0, 4, 360)
    east = cells(shapely.box(178, -1, 182, 1), grid, "center").runs
    west = cells(shapely.box(-182, -1, -178, 1), grid, "center").runs
    assert east == west
    assert east.count == 8
    assert east.rows_and_cols()[1].tolist() == [0, 1, 358, 359] * 2


def test_a_longitude_belongs_whatever_turn_it_is_written_with() -> None:
    far_west = Grid(1.0, -229.0, -1.0, 1.0, 2, 12)
    for turn in range(-2, 4):
        shape = shapely.box(-227 + 360 * turn, -1, -225 + 360 * turn, 1)
        for rule in RULES:
            assert [k for _, k in ids(shape, rule, far_west)] == [2, 3] * 2


@pytest.mark.parametrize("east", [True, False])
def test_a_centre_at_180_lies_on_a_boundary_at_180_by_either_name(east: bool) -> None:
    grid = Grid(1.0, -180.5, -1.0, 1.0, 2, 361)  # centres from -180 to 180, both of them
    shape = shapely.box(177.5, -1, 180, 1) if east else shapely.box(-180, -1, -177.5, 1)
    columns = [0, 358, 359, 360] if east else [0, 1, 2, 360]
    assert [k for _, k in ids(shape, "center", grid)] == columns * 2
    # On a shared hole's boundary the point is in neither name's hole.
    shell = shapely.box(-185, -1.5, -175, 1.5)
    ring = shapely.Polygon(
        shell.exterior.coords, [shapely.box(-180, -1, -178.5, 1).exterior.coords]
    )
    assert 0 not in [k for _, k in ids(ring, "center", grid)]
    assert 360 not in [k for _, k in ids(ring, "center", grid)]


def test_what_a_hole_takes_at_one_turn_another_turn_gives() -> None:
    grid = Grid(1.0, -10.0, -1.0, 2.0, 4, 20)
    holed = shapely.Polygon(
        shapely.box(-8, -2, 8, 2).exterior.coords, [shapely.box(-4, -1, 4, 1).exterior.coords]
    )
    both = shapely.MultiPolygon([holed, shapely.box(359, -1, 362, 1)])
    for rule in RULES:
        got = cells(both, grid, rule)
        assert (got.cells_visited, got.cells_included) == (64, 64 - 16 + 6)
        assert (got.cells_excluded_hole, got.cells_excluded_outside) == (10, 0)


def test_edges_beside_the_grid_leave_its_rows_as_they_are() -> None:
    """A grid in the middle of a country, of its lake, and of both ends of a lake's shore."""
    land = shapely.box(-80, -4, 80, 12)
    for west, east, water in ((-50, 50, 64), (50, 60, 0), (-50, 3, 24), (5, 50, 24)):
        lake = shapely.box(west, -2, east, 11)
        shape = shapely.Polygon(land.exterior.coords, [lake.exterior.coords])
        for rule in RULES:
            got = cells(shape, UNIT, rule)
            assert (got.cells_included, got.cells_excluded_hole) == (64 - water, water)
            agree(shape, UNIT, rule)


def test_columns_past_the_antimeridian_wrap() -> None:
    pacific = Grid(1.0, 0.0, -1.0, 1.0, 2, 360)
    got = cells(shapely.box(-10, -1, -8, 1), pacific, "center").runs
    assert got.rows_and_cols()[1].tolist() == [350, 351] * 2


def test_an_island_in_a_lake_counts_neither_as_hole_nor_as_outside() -> None:
    land = shapely.Polygon(
        shapely.box(0, 0, 8, 8).exterior.coords, [shapely.box(1, 1, 7, 7).exterior.coords]
    )
    both = shapely.MultiPolygon([land, shapely.box(3, 3, 5, 5)])
    for rule in RULES:
        got = cells(both, UNIT, rule)
        assert (got.cells_visited, got.cells_included) == (64, 28 + 4)
        assert (got.cells_excluded_hole, got.cells_excluded_outside) == (32, 0)


def test_the_last_cell_of_one_part_and_the_first_of_the_next_stay_apart() -> None:
    # On both parts' shells; as keys (part, tile id) the two would be neighbours.
    corners = shapely.MultiPolygon(
        [shapely.box(7.5, 0.5, 9, 0.75), shapely.box(-1, 7.25, 0.5, 7.5)]
    )
    assert ids(corners, "center") == [(0, 0), (7, 7)]


def test_an_edge_that_cannot_be_told_from_a_centroid_in_floats() -> None:
    # The edge passes the centroid (1.5, 6.5) at a distance of about 2^-60 degrees.
    near = shapely.Polygon([(1.5 - 2.0**-50, 6.0), (1.5 + 2.0**-50 + 2.0**-52, 7.0), (4, 6.5)])
    assert (1, 1) not in ids(near, "center")
    far = shapely.Polygon([(1.5 - 2.0**-50 - 2.0**-52, 6.0), (1.5 + 2.0**-50, 7.0), (4, 6.5)])
    assert (1, 1) in ids(far, "center")


def test_no_polygon_and_no_cells_give_empty_runs() -> None:
    assert eligible_cells(None, UNIT, "center").runs.count == 0
    for rule in RULES:
        got = cells(shapely.box(100, 50, 101, 51), UNIT, rule)
        assert got.runs.count == got.cells_visited == 0
    tiny = cells(shapely.box(2.6, 2.6, 2.7, 2.7), UNIT, "center")
    assert tiny.runs.count == 0
    assert tiny.runs.starts.dtype == np.int64


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(ValueError, match="touches"):
        eligible_cells(None, UNIT, "touches")  # type: ignore[arg-type]


BOW = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])


def ring_wkb(*numbers: float) -> bytes:
    """A WKB Polygon of one ring, written as told."""
    head = b"\x01\x03\0\0\0\x01\0\0\0" + (len(numbers) // 2).to_bytes(4, "little")
    return head + np.array(numbers, "<f8").tobytes()


EMPTY_PART = (
    b"\x01\x06\0\0\0\x02\0\0\0" + shapely.to_wkb(shapely.box(0, 0, 1, 1)) + b"\x01\x03" + bytes(7)
)


@pytest.mark.parametrize(
    ("wkb", "code", "words"),
    [
        (shapely.to_wkb(BOW), "E001_GEO_INVALID", "Self-intersection"),
        (ring_wkb(0, 0, 1, 0, 1, 1, 0, 1), "E001_GEO_INVALID", "closed"),
        (b"", "E001_GEO_INVALID", "cannot be read"),
        (shapely.to_wkb(shapely.box(0, 0, 1, 1))[:-9], "E001_GEO_INVALID", "cannot be read"),
        (shapely.to_wkb(shapely.Point(0, 0)), "E001_GEO_INVALID", "Point"),
        (shapely.to_wkb(shapely.Polygon()), "E001_GEO_INVALID", "empty"),
        (EMPTY_PART, "E001_GEO_INVALID", "empty"),
        (ring_wkb(0, 0, math.inf, 0, 1, 1, 0, 0), "E001_GEO_INVALID", "finite"),
        (ring_wkb(0, 0, math.nan, 0, 1, 1, 0, 0), "E001_GEO_INVALID", "finite"),
        (shapely.to_wkb(shapely.box(0, 80, 1, 90.001)), "E004_BOUNDS", "90.001"),
        (shapely.to_wkb(shapely.box(1070, 0, 1081, 1)), "E004_BOUNDS", "1081"),
        (
            shapely.to_wkb(shapely.set_srid(shapely.box(0, 0, 1, 1), 3857), include_srid=True),
            "E007_CRS_MISMATCH",
            "3857",
        ),
    ],
)
def test_bad_polygons_name_their_fault(wkb: bytes, code: str, words: str) -> None:
    with pytest.raises(Segment1BError, match=words) as caught:
        CountryPolygon.from_wkb("FR", wkb, "world.parquet")
    assert caught.value.code == code
    assert "FR" in str(caught.value)
    assert "world.parquet" in str(caught.value)


def test_heights_are_ignored() -> None:
    flat, raised = shapely.box(1, 1, 3, 3), shapely.force_3d(shapely.box(1, 1, 3, 3), 7.0)
    assert ids(flat, "center") == ids(raised, "center")
