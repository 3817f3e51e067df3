"""The judge of uniform_v2: it passes what S6 publishes and no other box."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from hypothesis import assume, given
from hypothesis import strategies as st

from segment1b_assets.core.cell_box import Box, CellBoxes
from segment1b_assets.core.grid import Grid
from segment1b_assets.core.polygon import CountryPolygon
from segment1b_assets.validation import cell_box
from segment1b_assets.validation.cell_box import CODE, JudgedBoxes, exact_box
from segment1b_assets.validation.country_points import CountryPoints
from segment1b_assets.validation.findings import Findings
from segment1b_assets.validation.grid_cells import cell_lines
from segment1b_assets_tests.adversarial_shapes import grids, polygons, usable
from segment1b_assets_tests.hypothesis_profiles import examples
from segment1b_assets_tests.oracle.boxes import drawn_cell
from segment1b_assets_tests.oracle.geometry import parse_wkb
from segment1b_assets_tests.oracle.tiles import Grid as ScalarGrid
from segment1b_assets_tests.site_files import (
    SiteFiles,
    changed,
    failed,
    make_site_files,
    with_value,
)

DELTAS = ("delta_lon_deg", "delta_lat_deg")


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> SiteFiles:
    return make_site_files(tmp_path_factory.mktemp("boxes"), "uniform_v2")


def test_what_the_state_publishes_passes(clean: SiteFiles) -> None:
    for verdicts in (judge() for judge in clean.judges().values()):
        assert failed(verdicts) == {}


@pytest.mark.parametrize("mode", ["uniform_v1", "uniform_v2"])
def test_the_other_mode_draws_otherwise(tmp_path: Path, mode: str) -> None:
    other = {"uniform_v1": "uniform_v2", "uniform_v2": "uniform_v1"}[mode]
    made = make_site_files(tmp_path, mode)  # type: ignore[arg-type]
    broken = failed(SiteFiles(made.root, other).judge_s6())  # type: ignore[arg-type]
    assert "is not what its counter draws" in broken[CODE]


@pytest.mark.parametrize("column", DELTAS)
def test_one_bit_of_a_row(clean: SiteFiles, tmp_path: Path, column: str) -> None:
    shutil.copytree(clean.root, tmp_path / "copy")
    spoiled = SiteFiles(tmp_path / "copy", "uniform_v2")

    def change(table: pa.Table) -> pa.Table:
        return with_value(table, column, 7, changed(table.column(column)[7].as_py(), column))

    spoiled.respell("s6_site_jitter", change)
    assert CODE in failed(spoiled.judge_s6())


def test_a_tile_off_the_grid_is_a_fault_and_no_crash(clean: SiteFiles, tmp_path: Path) -> None:
    shutil.copytree(clean.root, tmp_path / "copy")
    spoiled = SiteFiles(tmp_path / "copy", "uniform_v2")
    for tile in (64, 2**64 - 1):
        spoiled.respell("s6_site_jitter", lambda t, tile=tile: with_value(t, "tile_id", 5, tile))
        assert "E606_FK_TILE_INDEX" in failed(spoiled.judge_s6())


# ---- boxes that are not the law's ---------------------------------------------------------


def spoil_boxes(monkeypatch: pytest.MonkeyPatch, change: Callable[[Box], Box]) -> None:
    """Give the judge boxes that a defect of the state's code would give."""
    right = CellBoxes.of

    def wrong(polygon: CountryPolygon, grid: Grid, tiles: np.ndarray) -> CellBoxes:
        boxes = right(polygon, grid, tiles)
        return CellBoxes(grid, boxes.met, change(boxes.box))

    monkeypatch.setattr(cell_box.CellBoxes, "of", wrong)


@pytest.mark.parametrize("side", range(4))
@pytest.mark.parametrize("towards", [-np.inf, np.inf])
def test_fractions_see_one_bit_of_a_box(
    clean: SiteFiles, monkeypatch: pytest.MonkeyPatch, side: int, towards: float
) -> None:
    def change(box: Box) -> Box:
        sides = [box.min_lon, box.max_lon, box.min_lat, box.max_lat]
        sides[side] = sides[side].copy()
        sides[side][3] = np.nextafter(sides[side][3], towards)
        return Box(*sides)

    spoil_boxes(monkeypatch, change)
    assert "the box of tile" in failed(clean.judge_s6())[CODE]


@pytest.mark.parametrize("side", range(4))
@pytest.mark.parametrize("by", [-1e-6, 1e-6])
def test_geos_sees_every_box(
    clean: SiteFiles, monkeypatch: pytest.MonkeyPatch, side: int, by: float
) -> None:
    monkeypatch.setattr(cell_box, "_judge_sample", lambda *_: None)

    def change(box: Box) -> Box:
        sides = [box.min_lon, box.max_lon, box.min_lat, box.max_lat]
        sides[side] = sides[side] + by
        return Box(*sides)

    spoil_boxes(monkeypatch, change)
    assert "is not what its cell shares with the country" in failed(clean.judge_s6())[CODE]


def test_geos_sees_a_cell_that_was_taken_for_whole(
    clean: SiteFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = CellBoxes.of

    def wrong(polygon: CountryPolygon, grid: Grid, tiles: np.ndarray) -> CellBoxes:
        boxes = right(polygon, grid, tiles)
        b = boxes.box
        return CellBoxes(
            grid, boxes.met[1:], Box(b.min_lon[1:], b.max_lon[1:], b.min_lat[1:], b.max_lat[1:])
        )

    monkeypatch.setattr(cell_box.CellBoxes, "of", wrong)
    assert "is not what its cell shares with the country" in failed(clean.judge_s6())[CODE]


@examples(40)
@given(data=st.data(), turn=st.sampled_from([0.0, 360.0, -720.0]))
def test_the_judges_fractions_equal_the_definition(data: st.DataObject, turn: float) -> None:
    grid = data.draw(grids())
    grid = Grid(grid.a, grid.c, grid.e, grid.f, min(grid.nrows, 3), min(grid.ncols, 3))
    shape = data.draw(polygons(grid, turn))
    assume(usable(shape))
    points = CountryPoints(CountryPolygon.from_geometry("XX", shape), grid)
    scalar = ScalarGrid(grid.a, grid.c, grid.e, grid.f, grid.nrows, grid.ncols)
    country = parse_wkb(shapely.to_wkb(shape))
    for row in range(grid.nrows):
        for col in range(grid.ncols):
            cell = drawn_cell(scalar.tile(row, col), country)
            want = (cell.min_lon, cell.max_lon, cell.min_lat, cell.max_lat)
            assert exact_box(points, cell_lines(grid), row, col) == want


def test_a_box_without_width_passes(tmp_path: Path) -> None:
    """A diagonal strip cuts a corner off its cell by less than a float's step."""
    grid = Grid(a=7.3, c=-171.1, e=-1.7, f=33.3, nrows=33, ncols=17)
    south = 14.174999999999997
    strip = shapely.Polygon(
        [(-161.975, south), (-161.464, south), (-139.564, 9.075), (-140.075, 9.075)]
    )
    polygon, tile = CountryPolygon.from_geometry("XX", strip), 223
    tiles = np.array([tile], np.uint64)
    box = CellBoxes.of(polygon, grid, tiles).bounds(tiles)
    assert box.min_lon == box.max_lon == -149.2 and box.min_lat < box.max_lat
    sites = tmp_path / "sites.parquet"
    pq.write_table(pa.table({"tile_id": pa.array([tile], pa.uint64())}), sites)
    found = Findings([CODE])
    JudgedBoxes(found, polygon, CountryPoints(polygon, grid), grid, [sites])
    assert failed(found.verdicts({})) == {}
