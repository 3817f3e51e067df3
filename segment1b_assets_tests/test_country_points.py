"""The validators' point test: GEOS inside, rationals on edges, a turn past the antimeridian."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from segment1b_assets.core.grid import Grid
from segment1b_assets.core.polygon import CountryPolygon
from segment1b_assets.validation.country_points import CountryPoints
from segment1b_assets_tests.hypothesis_profiles import examples
from segment1b_assets_tests.oracle.geometry import country_takes_point, parse_wkb

WORLD = Grid(a=1.0, c=-180.0, e=-1.0, f=90.0, nrows=180, ncols=360)
LAKE = shapely.Polygon(
    [(0, 0), (4, 0), (4, 4), (0, 4)], [[(1, 1), (3, 1), (3, 3), (1, 3)]]
)  # fmt: skip
ISLAND = shapely.Polygon([(1.5, 1.5), (2.5, 1.5), (2, 2.5)])


def points_of(shape: shapely.Geometry, grid: Grid = WORLD) -> CountryPoints:
    return CountryPoints(CountryPolygon.from_geometry("FR", shape), grid)


def belongs_to(points: CountryPoints, lon: float, lat: float) -> bool:
    (found,) = points.inside(np.array([lon]), np.array([lat])).tolist()
    return bool(found)


@pytest.mark.parametrize(
    ("lon", "lat", "belongs", "strictly"),
    [
        (0.5, 0.5, True, True),
        (0.0, 2.0, True, False),  # on the shell
        (4.0, 4.0, True, False),  # its corner
        (2.0, 1.0, False, False),  # on the hole's edge
        (1.0, 1.0, False, False),  # the hole's corner
        (1.2, 1.2, False, False),  # in the lake
        (2.0, 2.0, True, True),  # on the island
        (2.0, 1.5, True, False),  # on its shore
        (5.0, 5.0, False, False),
    ],
)
def test_edges(lon: float, lat: float, belongs: bool, strictly: bool) -> None:
    points = points_of(shapely.MultiPolygon([LAKE, ISLAND]))
    assert belongs_to(points, lon, lat) is belongs
    assert points.strictly_inside(np.array([lon]), np.array([lat])).tolist() == [strictly]


@pytest.mark.parametrize(("lon", "belongs"), [(179.5, True), (-179.5, True), (-177.5, False)])
def test_a_country_past_the_antimeridian(lon: float, belongs: bool) -> None:
    for shape in (shapely.box(179, 0, 182, 1), shapely.box(-181, 0, -178, 1)):
        points = points_of(shape)
        assert belongs_to(points, lon, 0.5) is belongs
        assert points.strictly_inside(np.array([lon]), np.array([0.5])).tolist() == [belongs]


def test_a_raster_past_the_antimeridian() -> None:
    grid = Grid(a=1.0, c=0.0, e=-1.0, f=90.0, nrows=180, ncols=360)
    points = points_of(shapely.box(-178, 0, -176, 1), grid)
    assert points.strictly_inside(np.array([183.0, 3.0]), np.array([0.5, 0.5])).tolist() == [
        True,
        False,
    ]
    assert belongs_to(points, 184.0, 1.0)


def test_names_of_a_longitude() -> None:
    grid = Grid(a=1.0, c=-229.0, e=-1.0, f=10.0, nrows=10, ncols=20)
    lon, lat = np.array([-228.5, -227.0, -226.0]), np.array([0.5, 0.5, 0.5])
    for turn in range(-2, 4):
        west = -229.0 + 360 * turn
        points = points_of(shapely.box(west, 0, west + 2, 1), grid)
        assert points.strictly_inside(lon, lat).tolist() == [True, False, False]
        assert points.inside(lon, lat).tolist() == [True, True, False]


def test_a_point_that_only_rounding_takes_inside_is_left_to_the_rationals() -> None:
    """Just west of the edge; a turn added in floats puts it a little past the edge."""
    grid = Grid(a=1.0, c=0.0, e=-1.0, f=10.0, nrows=10, ncols=10)
    edge = 362.0 - 2.0**-44  # one unit below 362 is 2^-44
    points = points_of(shapely.box(edge, 0, 364, 1), grid)
    lon = 2.0 - 2.0**-44 - 2.0**-47
    assert lon + 360.0 == edge or lon + 360.0 > edge
    for x, belongs in ((lon, False), (2.0 - 2.0**-44, True), (2.0 - 2.0**-45, True)):
        assert not points.strictly_inside(np.array([x]), np.array([0.5]))[0]
        assert belongs_to(points, x, 0.5) is belongs


EIGHTHS = st.integers(-2, 34).map(lambda k: k / 8)


@examples(300)
@given(EIGHTHS, EIGHTHS)
def test_rationals_agree_with_the_oracle(lon: float, lat: float) -> None:
    slanted = shapely.Polygon(
        [(0, 0), (4, 0.5), (3.5, 4), (0.5, 3)], [[(1, 1), (2, 1.5), (1.5, 2.5)]]
    )
    other = shapely.Polygon([(3.75, 3.5), (4.25, 3.5), (4.25, 4.25)])
    shape = shapely.MultiPolygon([slanted, other])
    country = parse_wkb(shapely.to_wkb(shape))
    points = points_of(shape)
    expected = country_takes_point(country, lon, lat)
    assert belongs_to(points, lon, lat) is expected
    assert expected or not points.strictly_inside(np.array([lon]), np.array([lat]))[0]
