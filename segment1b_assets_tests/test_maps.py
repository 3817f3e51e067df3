"""Maps: what is summed, what part of the globe is shown, and what the picture tells."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import colormaps
from matplotlib.colors import to_hex, to_rgba_array
from numpy.typing import NDArray
from PIL import Image

from segment1b_assets.command_line.map import draw_map
from segment1b_assets.core.grid import Grid
from segment1b_assets.maps.blocks import Blocks, block_size, sum_into_blocks
from segment1b_assets.maps.country_map import Subject, site_map, tile_map, weight_map
from segment1b_assets.maps.figure import BOTTOM, LAND, LEFT, TOP
from segment1b_assets.maps.frame import BORDER, frame_of
from segment1b_assets.maps.marks import decades, degree, degree_marks, number
from segment1b_assets_tests.finished_world import make_finished, part
from segment1b_assets_tests.hypothesis_profiles import examples

WORLD = Grid(a=1.0, c=-180.0, e=-1.0, f=90.0, nrows=180, ncols=360)
Cells = set[tuple[int, int]]
#: What cividis gives a pixel wholly in the country.
DARK = to_hex(colormaps["cividis"](0.0))


def ids_of(cells: Cells, grid: Grid = WORLD) -> NDArray[np.uint64]:
    return np.array(sorted(r * grid.ncols + c for r, c in cells), dtype=np.uint64)


def blocks_of(cells: Cells, grid: Grid = WORLD, size: int = 1) -> Blocks:
    return sum_into_blocks([(ids_of(cells, grid), None)], grid, size)


def opened(png: bytes) -> NDArray[np.uint8]:
    image = Image.open(io.BytesIO(png))
    assert image.format == "PNG"
    return np.asarray(image.convert("RGB"))


def pixels_like(picture: NDArray[np.uint8], colour: str) -> int:
    """Pixels of the plot within what five bits a channel make of a colour."""
    wanted = (to_rgba_array(colour)[0, :3] * 255).round()
    plot = picture[TOP:-BOTTOM, LEFT:]
    return int((np.abs(plot.astype(int) - wanted) <= 8).all(axis=-1).sum())


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
    border = BORDER * 7.0 / frame.width
    assert frame.extent.longitudes == pytest.approx((176.0 - border, 183.0 + border))
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
    assert frame.extent.middle == pytest.approx(60.0)
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


@pytest.mark.parametrize(
    ("low", "high", "marks"),
    [(2e-5, 10.0, [1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0]), (1.0, 6.0, [1.0, 6.0])],
)
def test_a_logarithmic_bar_has_at_most_five_marks(
    low: float, high: float, marks: list[float]
) -> None:
    found = decades(low, high)
    assert len(found) <= 5
    assert set(found) <= set(marks)
    assert found[-1] == pytest.approx(high)


@pytest.mark.parametrize(
    ("value", "names", "digits", "text"),
    [(181.0, "EW", 0, "179°W"), (180.0, "EW", 0, "180°"), (-17.5, "NS", 1, "17.5°S")],
)
def test_degrees_beyond_the_antimeridian_are_turned_back(
    value: float, names: str, digits: int, text: str
) -> None:
    assert degree(value, names, digits) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.25, "0.25"), (12.0, "12"), (3400.0, "3,400"), (2e-6, "2e-6"), (1.5e7, "1.5e7")],
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("low", "high", "marks", "digits"),
    [(176.2, 179.9, [177.0, 178.0, 179.0], 0), (0.0, 0.06, [0.0, 0.02, 0.04, 0.06], 2)],
)
def test_marks_stand_at_round_degrees(
    low: float, high: float, marks: list[float], digits: int
) -> None:
    found, decimals = degree_marks(low, high, 4)
    assert found == pytest.approx(marks)
    assert decimals == digits


SQUARE: Cells = {(r, c) for r in range(40, 60) for c in range(180, 200)}
SUBJECT = Subject("CI", "Côte d'Ivoire", "tile_index", len(SQUARE))


def test_the_tile_map_fills_the_country_and_nothing_else() -> None:
    whole, holed = blocks_of(SQUARE), blocks_of(SQUARE - {(50, 190)})
    frame = frame_of(whole, WORLD)
    full, hole = (opened(tile_map(SUBJECT, WORLD, found)) for found in (whole, holed))
    a_cell = frame.width * frame.height / 400
    changed = int((full != hole).any(axis=-1).sum())
    assert changed == pytest.approx(a_cell, rel=0.1)
    # The graticule crosses some cells.
    assert pixels_like(full, DARK) == pytest.approx(400 * a_cell, rel=0.05)


def test_the_weight_map_shows_heavy_cells_lighter_and_weightless_ones_grey() -> None:
    ids = ids_of(SQUARE)
    weights = np.where(ids % 360 < 190, 10, 100_000).astype(np.int64)
    weights[:20] = 0
    blocks = sum_into_blocks([(ids, weights)], WORLD, 1)
    frame = frame_of(blocks, WORLD)
    picture = opened(weight_map(SUBJECT, WORLD, blocks))
    half = frame.width * frame.height * 19 / 40
    light, dark = (to_hex(colormaps["viridis"](share)) for share in (1.0, 0.0))
    assert pixels_like(picture, light) == pytest.approx(half, rel=0.05)
    assert pixels_like(picture, dark) == pytest.approx(half, rel=0.05)
    assert pixels_like(picture, LAND) == pytest.approx(half * 2 / 19, rel=0.1)


def test_the_site_map_has_a_dot_for_every_place_and_none_elsewhere() -> None:
    blocks = blocks_of(SQUARE)
    rows, cols = np.array([42.5, 55.5, 55.5]), np.array([182.5, 197.5, 197.5])
    with_sites = opened(site_map(SUBJECT, WORLD, blocks, [(rows, cols, None)]))
    without = opened(site_map(SUBJECT, WORLD, blocks, []))
    changed = (with_sites != without).any(axis=-1)[TOP:-BOTTOM]
    # 25 pixels a dot; one of a single site is yellow, one of two sites is dark.
    assert int(changed.sum()) == 50
    one, two = (to_hex(colormaps["viridis_r"](share)) for share in (0.0, 1.0))
    assert pixels_like(with_sites, one) == pixels_like(with_sites, two) == 25
    assert pixels_like(without, one) == pixels_like(without, two) == 0


def test_a_country_without_tiles_gets_a_note() -> None:
    picture = opened(tile_map(SUBJECT, WORLD, blocks_of(set())))
    assert picture.shape[0] < 80
    assert (picture < 128).any()


def test_the_noisiest_map_stays_under_100_kb() -> None:
    fine = Grid(a=0.1, c=-180.0, e=-0.1, f=90.0, nrows=1800, ncols=3600)
    random = np.random.default_rng(1)
    cells = {(r, c) for r in range(200, 456) for c in range(100, 600)}
    ids = ids_of(cells, fine)
    weights = (10.0 ** random.uniform(0, 7, ids.size)).astype(np.int64)
    picture = weight_map(SUBJECT, fine, sum_into_blocks([(ids, weights)], fine, 1))
    assert len(picture) < 100_000
    assert opened(picture).shape[1] <= 450


def test_a_map_depends_on_its_data_only_whatever_other_threads_draw() -> None:
    holed = blocks_of(SQUARE - {(50, 190)})
    small = blocks_of({(30, 2), (31, 2)})
    draw: list[Callable[[], bytes]] = [
        lambda: tile_map(SUBJECT, WORLD, holed),
        lambda: weight_map(SUBJECT, WORLD, small),
        lambda: site_map(SUBJECT, WORLD, small, []),
        lambda: tile_map(SUBJECT, WORLD, blocks_of(set())),
    ]
    alone = [one() for one in draw]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda k: draw[k % 4](), range(24)))
    assert together == [alone[k % 4] for k in range(24)]
    assert len(set(alone)) == 4


def test_the_commands_import_matplotlib_only_to_draw() -> None:
    code = (
        "import sys, segment1b_assets.cli, segment1b_assets.command_line.map; "
        "sys.exit('matplotlib' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    return make_finished(tmp_path_factory.mktemp("maps"))


def drawn(root: Path, out: Path, *arguments: str) -> Result:
    return CliRunner().invoke(draw_map, ["--root", str(root), "--out", str(out), *arguments])


def test_the_world_map_counts_the_sites_of_every_country(
    finished: tuple[Path, list[str]], tmp_path: Path
) -> None:
    root, countries = finished
    out, fewer = tmp_path / "world.png", tmp_path / "fewer.png"
    wanted = ("--world", "--dataset", "site_locations")
    assert drawn(root, out, *wanted).exit_code == 0
    assert out.stat().st_size < 200_000
    hidden = part(root, "site_locations", countries[0]).parent
    hidden.rename(tmp_path / "hidden")
    try:
        assert drawn(root, fewer, *wanted).exit_code == 0
    finally:
        (tmp_path / "hidden").rename(hidden)
    assert (opened(out.read_bytes()) != opened(fewer.read_bytes())).any()


def test_what_the_map_command_cannot_draw_is_an_error(
    finished: tuple[Path, list[str]], tmp_path: Path
) -> None:
    root, countries = finished
    out = tmp_path / "none.png"
    no_country = drawn(root, out, "--dataset", "site_locations")
    both = drawn(root, out, "--world", "--country", countries[0], "--dataset", "site_locations")
    tiles = drawn(root, out, "--world", "--dataset", "tile_index")
    assert [found.exit_code for found in (no_country, both, tiles)] == [2, 2, 2]
    assert "the world map shows sites" in tiles.output
    assert not out.exists()
