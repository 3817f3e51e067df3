"""Maps: what is summed, what part of the globe is shown, and what the picture tells."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from segment1b_assets.core.grid import Grid
from segment1b_assets.maps.blocks import Blocks, block_size, sum_into_blocks
from segment1b_assets.maps.country_map import Subject, site_map, tile_map, weight_map
from segment1b_assets.maps.frame import frame_of
from segment1b_assets.maps.palette import ABROAD, LAND, STEPS, ramp
from segment1b_assets.maps.scales import Scale, log_scale, number, round_step
from segment1b_assets_tests.hypothesis_profiles import examples

WORLD = Grid(a=1.0, c=-180.0, e=-1.0, f=90.0, nrows=180, ncols=360)
Cells = set[tuple[int, int]]


def ids_of(cells: Cells, grid: Grid = WORLD) -> NDArray[np.uint64]:
    return np.array(sorted(r * grid.ncols + c for r, c in cells), dtype=np.uint64)


def blocks_of(cells: Cells, grid: Grid = WORLD, size: int = 1) -> Blocks:
    return sum_into_blocks([(ids_of(cells, grid), None)], grid, size)


def opened(png: bytes) -> NDArray[np.uint8]:
    image = Image.open(io.BytesIO(png))
    assert image.format == "PNG"
    return np.asarray(image.convert("RGB"))


def pixels_coloured(picture: NDArray[np.uint8], colours: NDArray[np.uint8]) -> int:
    return sum(int((picture == c).all(axis=-1).sum()) for c in np.unique(colours, axis=0))


@examples(150)
@given(
    ncols=st.integers(1, 23),
    size=st.integers(1, 9),
    cells=st.sets(st.integers(0, 23 * 12 - 1), min_size=1, max_size=120),
    cut=st.integers(1, 40),
)
def test_blocks_hold_every_cell_and_its_number_once(
    ncols: int, size: int, cells: set[int], cut: int
) -> None:
    grid = Grid(a=1.0, c=0.0, e=-1.0, f=0.0, nrows=23 * 12, ncols=ncols)
    ids = np.array(sorted(cells), dtype=np.uint64)
    numbers = (ids.astype(np.int64) * 7919) % 1009
    batches = [(ids[i : i + cut], numbers[i : i + cut]) for i in range(0, ids.size, cut)]

    found = sum_into_blocks(batches, grid, size)

    expected: dict[tuple[int, int], tuple[int, int]] = {}
    for tile, value in zip(ids.tolist(), numbers.tolist(), strict=True):
        key = (tile // ncols // size, tile % ncols // size)
        count, total = expected.get(key, (0, 0))
        expected[key] = (count + 1, total + value)
    keys = list(zip(found.rows.tolist(), found.cols.tolist(), strict=True))
    assert keys == sorted(expected)
    assert [(int(c), int(v)) for c, v in zip(found.cells, found.values, strict=True)] == [
        expected[k] for k in keys
    ]


def test_a_tile_outside_of_the_grid_is_refused() -> None:
    with pytest.raises(ValueError, match="tile id 64800 is not on a grid of 180 x 360"):
        sum_into_blocks([(np.array([64800], dtype=np.uint64), None)], WORLD, 1)


@pytest.mark.parametrize(
    ("last_row", "size"), [(0, 1), (255, 1), (256, 2), (511, 2), (512, 3), (21599, 85)]
)
def test_blocks_are_as_small_as_256_rows_of_them_allow(last_row: int, size: int) -> None:
    assert block_size(0, last_row) == size


def test_a_country_on_both_sides_of_the_antimeridian_is_shown_in_one_piece() -> None:
    cells = {(r, c) for r in range(105, 110) for c in (*range(356, 360), *range(3))}
    frame = frame_of(blocks_of(cells), WORLD)
    assert (frame.first_col, frame.block_cols) == (356, 7)
    assert frame.west == pytest.approx(176.0)
    assert frame.degrees_wide == pytest.approx(7.0)
    covered, _ = frame.averaged(blocks_of(cells))
    assert (covered == 1.0).all()


def test_a_grid_that_ends_is_not_joined_at_its_ends() -> None:
    europe = Grid(a=1.0, c=0.0, e=-1.0, f=60.0, nrows=20, ncols=40)
    frame = frame_of(blocks_of({(3, 0), (3, 39)}, europe), europe)
    assert (frame.first_col, frame.block_cols) == (0, 40)


def test_a_country_all_around_the_globe_keeps_the_grids_own_edge() -> None:
    frame = frame_of(blocks_of({(r, c) for r in (178, 179) for c in range(360)}), WORLD)
    assert (frame.first_col, frame.block_cols) == (0, 360)


def test_pixels_are_square_on_the_ground_at_the_middle_latitude() -> None:
    # At 60 degrees north a degree of longitude is half a degree of latitude long.
    frame = frame_of(blocks_of({(r, c) for r in range(20, 40) for c in range(100, 120)}), WORLD)
    assert frame.middle_latitude == pytest.approx(60.0)
    assert frame.width / frame.height == pytest.approx(0.5, abs=0.01)


def test_points_fall_on_the_pixels_of_their_tiles() -> None:
    cells = {(105, 359), (105, 0), (106, 359), (106, 0)}
    frame = frame_of(blocks_of(cells), WORLD)
    rows = np.array([105.5, 106.5, 106.5, 20.0])
    cols = np.array([359.5, 0.5, 0.5, 0.5])
    counts = frame.counted(rows, cols, None)
    middle_y, middle_x = frame.height // 2, frame.width // 2
    quarters = [
        counts[:middle_y, :middle_x].sum(), counts[:middle_y, middle_x:].sum(),
        counts[middle_y:, :middle_x].sum(), counts[middle_y:, middle_x:].sum(),
    ]  # fmt: skip
    assert quarters == [1.0, 0.0, 0.0, 2.0]


def test_the_ramp_can_be_read_without_its_hues() -> None:
    colours = ramp(np.linspace(0.0, 1.0, STEPS)).astype(np.float64) / 255
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    luminance = linear @ np.array([0.2126, 0.7152, 0.0722])
    assert (np.diff(luminance) > 0).all()
    # Red-green blindness (protanopia, Vienot 1999: red and green answer as one) keeps the order.
    red_green = linear @ np.array([0.11238, 0.88762, 0.0])
    assert (np.diff(red_green) > 0).all()


def test_scales_put_their_numbers_where_the_colours_are() -> None:
    scale = log_scale(np.array([0.0, 1e-9, 1e-3, 10.0]), "x")
    assert scale is not None and (scale.low, scale.high) == (1e-5, 10.0)
    assert scale.share(np.array([0.0, 1e-5, 1e-2, 10.0])) == pytest.approx([0.0, 0.0, 0.5, 1.0])
    assert [text for _, text in scale.ticks] == ["1e-5", "0.001", "0.1", "10"]
    assert log_scale(np.zeros(3), "x") is None
    assert Scale(1.0, 1.0, False, "x").ticks == [(1.0, "1")]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.25, "0.25"), (12.0, "12"), (3400.0, "3,400"), (2e-6, "2e-6"), (1.5e7, "1.5e7")],
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(("reach", "step"), [(1.0, 0.5), (4.1, 2.0), (9.0, 5.0), (0.03, 0.01)])
def test_marks_stand_at_round_numbers(reach: float, step: float) -> None:
    assert round_step(reach, 3) == pytest.approx(step)


SQUARE: Cells = {(r, c) for r in range(40, 60) for c in range(180, 200)}
SUBJECT = Subject("CI", "Côte d'Ivoire", "tile_index", len(SQUARE))


def test_the_tile_map_fills_the_country_and_nothing_else() -> None:
    blocks = blocks_of(SQUARE - {(50, 190)})
    frame = frame_of(blocks, WORLD)
    picture = opened(tile_map(SUBJECT, WORLD, blocks))
    hole = pixels_coloured(picture, np.array([ABROAD]))
    border = (frame.width + 16) * (frame.height + 16) - frame.width * frame.height
    a_cell = frame.width * frame.height / 400
    assert hole == pytest.approx(border + a_cell, rel=0.02)


def test_the_weight_map_shows_heavy_cells_lighter_and_weightless_ones_grey() -> None:
    ids = ids_of(SQUARE)
    weights = np.where(ids % 360 < 190, 10, 100_000).astype(np.int64)
    weights[:20] = 0
    blocks = sum_into_blocks([(ids, weights)], WORLD, 1)
    frame = frame_of(blocks, WORLD)
    picture = opened(weight_map(SUBJECT, WORLD, blocks))
    left, top = np.argwhere((picture == ABROAD).all(axis=-1))[0][::-1] + 8
    plot = picture[top : top + frame.height, left : left + frame.width].astype(int)
    row = plot[frame.height // 2]
    assert tuple(plot[2, frame.width // 2]) == LAND
    assert tuple(row[5]) == tuple(ramp(np.zeros(1))[0])
    assert tuple(row[-5]) == tuple(ramp(np.ones(1))[0])


def test_the_site_map_has_a_dot_for_every_place_and_none_elsewhere() -> None:
    blocks = blocks_of(SQUARE)
    rows, cols = np.array([42.5, 55.5, 55.5]), np.array([182.5, 197.5, 197.5])
    with_sites = opened(site_map(SUBJECT, WORLD, blocks, [(rows, cols, None)]))
    without = opened(site_map(SUBJECT, WORLD, blocks, []))
    one, two = ramp(np.zeros(1)), ramp(np.ones(1))
    # 25 pixels a dot; the colour bar, below the plot, has the same two colours at its ends.
    plot = slice(40, 40 + 250)
    assert pixels_coloured(with_sites[plot], one) == 25
    assert pixels_coloured(with_sites[plot], two) == 25
    assert pixels_coloured(without[plot], one) == pixels_coloured(without[plot], two) == 0


def test_a_country_without_tiles_gets_a_note() -> None:
    picture = opened(tile_map(SUBJECT, WORLD, blocks_of(set())))
    assert picture.shape[0] < 80
    assert (picture < 128).any()


def test_the_noisiest_map_stays_under_100_kb_and_is_the_same_every_time() -> None:
    fine = Grid(a=0.1, c=-180.0, e=-0.1, f=90.0, nrows=1800, ncols=3600)
    random = np.random.default_rng(1)
    cells = {(r, c) for r in range(200, 456) for c in range(100, 600)}
    ids = ids_of(cells, fine)
    weights = (10.0 ** random.uniform(0, 7, ids.size)).astype(np.int64)
    pictures = {
        weight_map(SUBJECT, fine, sum_into_blocks([(ids, weights)], fine, 1)) for _ in range(2)
    }
    (picture,) = pictures
    assert len(picture) < 100_000
    assert opened(picture).shape[1] <= 430
