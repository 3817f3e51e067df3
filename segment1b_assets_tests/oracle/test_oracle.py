"""The referee against truths from outside of it: published vectors, hand-worked sums, shapely."""

from __future__ import annotations

import ast
import math
import random
from fractions import Fraction
from pathlib import Path

import pytest
import shapely

from .allocation import SiteOrderBroken, allocate, requirements
from .area import cell_area_m2
from .geometry import BOUNDARY, Country, Ring, Strip, country_takes_point, parse_wkb
from .identity import enc_str, enc_u64, find_tokens, parameter_hash, run_id
from .inputs import read_countries, read_raster
from .iso_codes import ISO_CODES, ISO_ROWS
from .layout import catalogue_dir, policy_path
from .philox import MASK64, Substream, philox2x64_10, uniform
from .tiles import Grid
from .weights import BadMass, mass_of_value, quantise
from .world import make_world


def _country(geometry: shapely.Geometry) -> Country:
    return parse_wkb(bytes(shapely.to_wkb(geometry)))


@pytest.mark.parametrize(
    ("low", "high", "key", "words"),
    [
        (0, 0, 0, (0xCA00A0459843D731, 0x66C24222C9A845B5)),
        (MASK64, MASK64, MASK64, (0x65B021D60CD8310F, 0x4D02F3222F86DF20)),
        (
            0x243F6A8885A308D3,
            0x13198A2E03707344,
            0xA4093822299F31D0,
            (0x0A5E742C2997341C, 0xB0F883D38000DE5D),
        ),
    ],
)
def test_philox_known_answers(low: int, high: int, key: int, words: tuple[int, int]) -> None:
    assert philox2x64_10((high << 64) | low, key) == words


def test_counter_carries_into_the_high_half_and_wraps() -> None:
    assert Substream(0, MASK64).before(1) == 1 << 64
    assert Substream(0, (1 << 128) - 1).before(1) == 0


def test_uniform_is_open_and_rounds_to_even() -> None:
    assert uniform(0) == 2.0**-64
    assert uniform(MASK64) == 1 - 2.0**-53
    assert uniform((1 << 64) - (1 << 11) - 1) == 1 - 2.0**-53
    # 2^63 + 2^10 lies midway between two doubles of spacing 2^11: the even one is 2^63.
    assert uniform((1 << 63) + (1 << 10) - 1) == 0.5
    assert uniform((1 << 63) + (1 << 10)) == 0.5 + 2.0**-53


def test_largest_remainder_by_hand() -> None:
    # 100/6, 200/6, 300/6: floors 16, 33, 50 and one unit for the largest rest, the first.
    assert quantise([Fraction(1), Fraction(2), Fraction(3)], 2).weights == [17, 33, 50]
    tied = quantise([Fraction(1)] * 3, 1)
    assert (tied.weights, tied.residue_allocations) == ([4, 3, 3], 1)
    empty_land = quantise([Fraction(0)] * 4, 1)
    assert (empty_land.weights, empty_land.zero_mass_fallback) == ([3, 3, 2, 2], True)
    assert quantise([], 12).weights == []
    # A mass below the other's last bit still decides the rest.
    assert quantise([Fraction(1), Fraction(1 + 2.0**-52)], 0).weights == [0, 1]


def test_masses() -> None:
    assert mass_of_value(math.nan, None) == mass_of_value(-9999.0, -9999.0) == 0
    assert mass_of_value(0.1, None) == Fraction(3602879701896397, 36028797018963968)
    for bad in (-1, -1e-300, math.inf):
        with pytest.raises(BadMass):
            mass_of_value(bad, None)


def test_allocation_by_hand() -> None:
    tiles = [(7, 17), (8, 33), (9, 50)]
    assert allocate(tiles, 3, 100) == [(7, 1), (8, 1), (9, 1)]
    assert allocate(tiles, 2, 100) == [(8, 1), (9, 1)]
    assert allocate([(1, 5), (2, 5)], 3, 10) == [(1, 2), (2, 1)]
    assert requirements([(5, 2), (3, 1), (5, 1)]) == [(3, 1), (5, 2)]
    for broken in ([(5, 1), (5, 3)], [(5, 0)], [(5, 1), (5, 1)]):
        with pytest.raises(SiteOrderBroken):
            requirements(broken)


def test_boundaries_and_holes_by_hand() -> None:
    hole = [(2, 2), (6, 2), (6, 6), (2, 6)]
    ring = shapely.Polygon([(0, 0), (8, 0), (8, 8), (0, 8)], [hole])
    donut = _country(ring)
    inside = [(1, 1), (0, 0), (0, 5), (8, 8), (4, 0), (7, 2), (1, 6)]
    outside = [(2, 2), (4, 2), (2, 4), (4, 4), (9, 2), (-1, 0), (-1, 8), (4, 8.000000000000002)]
    assert [country_takes_point(donut, *point) for point in inside] == [True] * len(inside)
    assert [country_takes_point(donut, *point) for point in outside] == [False] * len(outside)
    # An island in the hole takes its boundary, even where it touches the hole's.
    island = shapely.Polygon([(2, 4), (4, 3), (4, 5)])
    both = _country(shapely.MultiPolygon([ring, island]))
    assert country_takes_point(both, 2, 4)
    assert country_takes_point(both, 3, 4)
    assert not country_takes_point(both, 2, 3)
    # Where a hole touches its own shell the hole wins.
    touching = shapely.Polygon([(0, 0), (8, 0), (8, 8), (0, 8)], [[(0, 4), (4, 3), (4, 5)]])
    assert not country_takes_point(_country(touching), 0, 4)
    assert country_takes_point(_country(touching), 0, 3)


def test_a_point_one_ulp_off_a_diagonal() -> None:
    third = 1 / 3
    wedge = _country(shapely.Polygon([(0, 0), (3, 1), (0, 1)]))
    # 3 * float(1/3) is below 1 as a rational, so (1, float(1/3)) lies below the diagonal.
    assert not country_takes_point(wedge, 1.0, third)
    assert country_takes_point(wedge, 1.0, math.nextafter(third, 1))
    half = _country(shapely.Polygon([(0, 0), (2, 1), (0, 1)]))
    assert country_takes_point(half, 1.0, 0.5)


def test_longitudes_wrap() -> None:
    past = _country(shapely.box(175, -5, 190, 5))
    inside = (175.0, 180.0, -180.0, -175.0, -170.0, 190.0, -185.0)
    assert all(country_takes_point(past, lon, 0.0) for lon in inside)
    assert not any(country_takes_point(past, lon, 0.0) for lon in (-169.9, 174.9, 190.1, 0.0))
    strip = Strip(past, -1.0, 1.0)
    assert strip.shared_area(-180.0, -179.0) == strip.shared_area(180.0, 181.0) == 2
    assert strip.shared_area(-170.0, -169.0) == 0
    assert strip.shared_area(174.5, 175.5) == 1


def _random_polygon(rng: random.Random) -> shapely.Polygon:
    angles = sorted(rng.uniform(0, 2 * math.pi) for _ in range(rng.randint(5, 14)))
    shell = []
    for angle in angles:
        reach = rng.uniform(6, 20)
        shell.append((reach * math.cos(angle), reach * math.sin(angle)))
    hole = [(3 * math.cos(angle), 2 * math.sin(angle)) for angle in (0.1, 2.0, 4.1)]
    return shapely.Polygon(shell, [hole])


def test_geometry_agrees_with_shapely_off_the_boundary() -> None:
    rng = random.Random(7)
    compared = taken = 0
    for _ in range(30):
        polygon = _random_polygon(rng)
        if not polygon.is_valid:
            continue
        country = _country(polygon)
        for _ in range(60):
            lon, lat = rng.uniform(-21, 21), rng.uniform(-21, 21)
            want = shapely.Point(lon, lat).within(polygon)
            assert country_takes_point(country, lon, lat) == want
            compared, taken = compared + 1, taken + want
    assert compared > 600 and taken > 60


def test_shared_area_agrees_with_shapely() -> None:
    rng = random.Random(8)
    compared = 0
    for _ in range(30):
        polygon = _random_polygon(rng)
        if not polygon.is_valid:
            continue
        for _ in range(20):
            x, y, size = rng.uniform(-21, 20), rng.uniform(-21, 20), rng.uniform(0.5, 6)
            cell = shapely.box(x, y, x + size, y + size)
            have = Strip(_country(polygon), y, y + size).shared_area(x, x + size)
            assert float(have) == pytest.approx(polygon.intersection(cell).area, abs=1e-9)
            compared += 1
    assert compared > 200


def test_a_touch_is_no_overlap_and_a_hair_is() -> None:
    square = _country(shapely.box(0, 0, 1, 1))
    assert Strip(square, 0.0, 1.0).shared_area(1.0, 2.0) == 0
    assert Strip(square, 1.0, 2.0).shared_area(0.0, 1.0) == 0
    assert Strip(square, 1.0, 2.0).shared_area(1.0, 2.0) == 0
    hair = math.nextafter(1.0, 0.0)
    assert Strip(square, 0.0, 1.0).shared_area(hair, 2.0) > 0
    # A cell that is all hole, and one whose corner alone is land.
    hole = shapely.box(2, 2, 6, 6).exterior
    donut = _country(shapely.Polygon(shapely.box(0, 0, 9, 9).exterior, [hole]))
    assert Strip(donut, 3.0, 4.0).shared_area(3.0, 4.0) == 0
    assert Strip(donut, 2.0, 6.0).shared_area(2.0, 6.0) == 0
    assert Strip(donut, 5.0, 6.5).shared_area(5.0, 6.5) == Fraction(5, 4)


def test_area_of_the_ellipsoid_and_of_a_cell() -> None:
    whole = cell_area_m2(-180.0, 180.0, -90.0, 90.0)
    assert float(whole) == pytest.approx(510065621724088.44, rel=1e-13)
    # Authalic closed form in floats, for a cell wide enough not to cancel.
    e2 = (1 / 298.257223563) * (2 - 1 / 298.257223563)
    e = math.sqrt(e2)

    def q(degrees: float) -> float:
        s = math.sin(math.radians(degrees))
        return s / (1 - e2 * s * s) + math.atanh(e * s) / e

    want = math.radians(2) * 6378137.0**2 * (1 - e2) / 2 * (q(40) - q(30))
    assert float(cell_area_m2(10.0, 12.0, 30.0, 40.0)) == pytest.approx(want, rel=1e-12)


def test_encodings() -> None:
    assert enc_str("é") == b"\x02\x00\x00\x00\xc3\xa9"
    assert enc_u64(2**63 + 1) == b"\x01\0\0\0\0\0\0\x80"
    assert len(run_id("0" * 64, 7, "f" * 64)) == 32
    assert run_id("0" * 64, 7, "f" * 64) != run_id("0" * 64, 8, "f" * 64)


def test_iso_codes_are_the_249() -> None:
    assert len(ISO_CODES) == len(set(ISO_CODES)) == 249
    assert len({row[1] for row in ISO_ROWS}) == len({row[2] for row in ISO_ROWS}) == 249
    assert ("FR", "FRA", 250) in ISO_ROWS and "XK" not in ISO_CODES


def test_worlds_repeat_byte_for_byte(tmp_path: Path) -> None:
    trees = []
    for name in ("a", "b"):
        make_world(tmp_path / name, 3)
        files = sorted(path for path in (tmp_path / name).rglob("*") if path.is_file())
        trees.append([(path.relative_to(tmp_path / name), path.read_bytes()) for path in files])
    assert trees[0] == trees[1]
    assert len(trees[0]) >= 17


def test_worlds_are_valid_and_put_centres_on_boundaries(tmp_path: Path) -> None:
    on_boundary = 0
    for seed in range(12):
        world = make_world(tmp_path / str(seed), seed)
        for country in read_countries(world.root).values():
            rings = [ring for part in country for ring in (part.shell, *part.holes)]
            on_boundary += _centres_on(world.grid, rings)
    assert on_boundary > 100


def _centres_on(grid: Grid, rings: list[Ring]) -> int:
    count = 0
    for row in range(grid.nrows):
        for col in range(grid.ncols):
            tile = grid.tile(row, col)
            lon, lat = Fraction(tile.centroid_lon), tile.centroid_lat
            count += any(ring.locate(lon, lat) == BOUNDARY for ring in rings)
    return count


def test_parameter_hash_follows_every_file(tmp_path: Path) -> None:
    make_world(tmp_path, 5)
    before = parameter_hash(tmp_path)
    path = policy_path(tmp_path, "s6.jitter")
    path.write_text(path.read_text() + "# a comment\n")
    assert parameter_hash(tmp_path) != before


def test_grids_survive_the_file_to_the_bit(tmp_path: Path) -> None:
    for seed in range(12):
        world = make_world(tmp_path / str(seed), seed)
        assert read_raster(world.root).grid == world.grid


def test_the_referee_knows_nothing_of_the_product() -> None:
    for path in Path(__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [name.name for name in node.names] if isinstance(node, ast.Import) else []
            assert not any(name.split(".")[0] == "segment1b_assets" for name in names), path.name


def test_two_catalogues_are_no_choice(tmp_path: Path) -> None:
    make_world(tmp_path, 5)
    catalogue_dir(tmp_path, 1, "0" * 64).mkdir(parents=True)
    with pytest.raises(ValueError, match="expected one outlet catalogue"):
        find_tokens(tmp_path)
