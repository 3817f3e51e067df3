"""What must not change, or change in a known way, when the world does: no oracle needed.

Worlds are drawn on a lattice of half cells, so that corners and edges fall on centroids and cell
edges, and everything is exact in binary64: moved shapes are the same shapes.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from segment1b_assets.core.allocation import alloc_plan
from segment1b_assets.core.cell_area import row_areas
from segment1b_assets.core.cell_runs import CellRuns
from segment1b_assets.core.eligibility import eligible_cells
from segment1b_assets.core.grid import Grid
from segment1b_assets.core.point_in_country import CountryTest
from segment1b_assets.core.polygon import CountryPolygon
from segment1b_assets.core.weights import tile_weights
from segment1b_assets.storage.raster_values import RasterValues
from segment1b_assets_tests.exact_geometry import parts_of, place
from segment1b_assets_tests.hypothesis_profiles import examples

RULES = ("center", "any_overlap")
Array = np.ndarray[Any, Any]
Cells = set[tuple[int, int]]
#: The half-degree squares of a 6 x 6 degree world, as labels: 0 is sea, 1 and 2 are countries.
LABELS = hnp.arrays(np.int8, (12, 12), elements=st.integers(0, 2), fill=st.integers(0, 2))


def globe(step: float = 1.0) -> Grid:
    """All longitudes, twenty rows about the equator."""
    return Grid(step, -180.0, -step, 10 * step, 20, round(360 / step))


def land(labels: Array, of: tuple[int, ...], west: float = 0.0, north: float = 3.0) -> Any:
    """The squares with these labels as one shape; its corners are multiples of half a degree."""
    squares = [
        shapely.box(west + c / 2, north - (r + 1) / 2, west + (c + 1) / 2, north - r / 2)
        for r, c in np.argwhere(np.isin(labels, of)).tolist()
    ]
    return shapely.union_all(squares)


def polygon(shape: Any) -> CountryPolygon:
    return CountryPolygon.from_wkb("XX", shapely.to_wkb(shape))


def runs_of(shape: Any, grid: Grid, rule: str) -> CellRuns:
    return eligible_cells(polygon(shape), grid, rule).runs  # type: ignore[arg-type]


def cells_of(shape: Any, grid: Grid, rule: str) -> Cells:
    if shape.is_empty:
        return set()
    rows, cols = runs_of(shape, grid, rule).rows_and_cols()
    return set(zip(rows.tolist(), cols.tolist(), strict=True))


def weights_of(runs: CellRuns, basis: str, dp: int, masses: Any) -> dict[int, int]:
    stream = tile_weights("XX", runs, basis, dp, masses)  # type: ignore[arg-type]
    rows = [row for chunk in stream.chunks for row in chunk.rows.to_pylist()]
    return {row["tile_id"]: row["weight_fp"] for row in rows}


def raster(path: Path, pixels: Array, grid: Grid) -> RasterValues:
    affine = rasterio.Affine(grid.a, 0, grid.c, 0, grid.e, grid.f)
    with rasterio.open(
        path, "w", driver="GTiff", height=grid.nrows, width=grid.ncols, count=1,
        dtype=pixels.dtype, crs="EPSG:4326", transform=affine,
    ) as file:  # fmt: skip
        file.write(pixels, 1)
    return RasterValues(path)


# ---- the fill -----------------------------------------------------------------------------


@pytest.mark.parametrize("rule", RULES)
@examples(60)
@given(labels=LABELS, east=st.integers(-540, 540), south=st.integers(-6, 6))
def test_a_country_moved_by_whole_cells_has_its_tiles_moved(
    rule: str, labels: Array, east: int, south: int
) -> None:
    assume(labels.any())
    grid = globe()
    at_home = cells_of(land(labels, (1, 2)), grid, rule)
    # Past ±180 and round the globe, too: columns wrap.
    moved = cells_of(land(labels, (1, 2), east, 3.0 - south), grid, rule)
    assert moved == {(r + south, (c + east) % grid.ncols) for r, c in at_home}


@pytest.mark.parametrize("rule", RULES)
@examples(60)
@given(labels=LABELS)
def test_a_mirrored_country_has_mirrored_tiles(rule: str, labels: Array) -> None:
    assume(labels.any())
    grid, shape = globe(), land(labels, (1, 2))
    rows, cols = grid.nrows - 1, grid.ncols - 1
    at_home = cells_of(shape, grid, rule)
    for turn, same in (
        (np.array([1.0, -1.0]), {(rows - r, c) for r, c in at_home}),
        (np.array([-1.0, 1.0]), {(r, cols - c) for r, c in at_home}),
    ):
        mirrored = shapely.transform(shape, lambda xy, by=turn: xy * by)
        assert cells_of(mirrored, grid, rule) == same


@examples(100)
@given(labels=LABELS)
def test_two_countries_merged_have_the_tiles_of_both(labels: Array) -> None:
    assume((labels == 1).any() and (labels == 2).any())
    grid = globe()
    one, other, both = (land(labels, of) for of in ((1,), (2,), (1, 2)))
    for rule in RULES:
        apart = cells_of(one, grid, rule) | cells_of(other, grid, rule)
        merged = cells_of(both, grid, rule)
        if rule == "any_overlap":
            assert merged == apart
            continue
        # An outer boundary of one can become the rim of a hole of both, and a hole's rim is out.
        assert merged <= apart
        rims = [rim for _, holes in parts_of(both) for rim in holes]
        for row, col in apart - merged:
            centre = (
                Fraction(float(grid.centroid_lon[col])),
                Fraction(float(grid.centroid_lat[row])),
            )
            assert any(place(rim, centre) == 0 for rim in rims)


@examples(40)
@given(labels=LABELS, east=st.integers(-400, 400), seed=st.integers(0, 2**32 - 1))
def test_points_moved_with_their_country_are_judged_as_before(
    labels: Array, east: int, seed: int
) -> None:
    assume(labels.any())
    grid, shape = globe(), land(labels, (1, 2))
    draw = np.random.default_rng(seed)
    # Multiples of 1/16 degree, of which many lie on edges and corners.
    lon = draw.integers(0, 6 * 16, 200) / 16
    lat = draw.integers(-3 * 16, 3 * 16, 200) / 16
    row = np.minimum((10 - lat).astype(np.int64), grid.nrows - 1)
    col = (lon + 180).astype(np.int64)

    def judged(at: Any, lon: Array, col: Array) -> list[bool]:
        tile = (row * grid.ncols + col).astype(np.uint64)
        found: list[bool] = CountryTest(polygon(at), grid, tile).inside(tile, lon, lat).tolist()
        return found

    moved = land(labels, (1, 2), east)
    turned = (lon + east + 180) % 360 - 180
    assert judged(moved, turned, (col + east) % grid.ncols) == judged(shape, lon, col)


# ---- the weights --------------------------------------------------------------------------


@examples(30)
@given(
    labels=LABELS, east=st.integers(0, 354), south=st.integers(-6, 6),
    dp=st.integers(0, 18), seed=st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_a_world_moved_by_whole_cells_has_its_weights_moved(
    labels: Array, east: int, south: int, dp: int, seed: int
) -> None:
    assume(labels.any())
    # Never round the globe: columns that wrap come in another order, and ties go by tile_id.
    grid, west, step = globe(), -180.0, south * 360 + east
    home = runs_of(land(labels, (1, 2), west), grid, "center")
    away = runs_of(land(labels, (1, 2), west + east, 3.0 - south), grid, "center")
    assume(home.count > 0)
    values = [0, 1, 1, 2.5, 3, 1e-3, 7e8]
    pixels = np.random.default_rng(seed).choice(values, (20, 360)).astype(np.float32)
    found = []
    for runs, world in ((home, pixels), (away, np.roll(pixels, (south, east), (0, 1)))):
        with TemporaryDirectory() as folder:
            reader = raster(Path(folder) / "raster.tif", world, grid)
            found.append(weights_of(runs, "population", dp, reader))
    assert {tile + step: weight for tile, weight in found[0].items()} == found[1]
    # Areas stay the same along a parallel.
    areas = row_areas(grid, 0, grid.nrows)
    beside = runs_of(land(labels, (1, 2), west + east), grid, "center")
    by_area = [weights_of(runs, "area_m2", dp, areas) for runs in (home, beside)]
    assert {tile + east: weight for tile, weight in by_area[0].items()} == by_area[1]


@examples(100)
@given(
    st.lists(st.integers(0, 2**20), min_size=1, max_size=40),
    st.integers(1, 2**32),
    st.integers(0, 18),
)
def test_masses_times_a_whole_number_give_the_same_weights(
    masses: list[int], factor: int, dp: int
) -> None:
    runs = CellRuns(np.array([0]), np.array([len(masses)]), len(masses))
    grid = Grid(1.0, 0.0, -1.0, 1.0, 1, len(masses))
    found = []
    for times in (1, factor):
        # Exact: below 2^53 in float64, and as whole numbers where the raster has those.
        values = np.array([[m * times for m in masses]], np.uint64)
        kinds = (np.uint64, np.float64) if int(values.max()) < 2**53 else (np.uint64,)
        for kind in kinds:
            with TemporaryDirectory() as folder:
                path = Path(folder) / "raster.tif"
                reader = raster(path, values.astype(kind), grid)
                found.append(weights_of(runs, "population", dp, reader))
    assert all(weights == found[0] for weights in found)


# ---- shares, against every other way to share ---------------------------------------------


def every_way(units: int, places: int) -> list[tuple[int, ...]]:
    """All ways to put equal units into numbered places."""
    bars = combinations(range(units + places - 1), places - 1)
    return [
        tuple(b - a - 1 for a, b in zip((-1, *bar), (*bar, units + places - 1), strict=True))
        for bar in bars
    ]


def nearest(quotas: list[Fraction], units: int) -> tuple[int, ...]:
    """The whole numbers nearest to the quotas, of all that sum to `units`; ties to early places.

    The largest remainder is what makes the sum of squared differences least.
    """
    ways = every_way(units, len(quotas))
    cost = {w: sum((x - q) ** 2 for x, q in zip(w, quotas, strict=True)) for w in ways}
    least = min(cost.values())
    return max(w for w in ways if cost[w] == least)


@examples(60)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=4).filter(any))
def test_no_other_weights_are_nearer_to_the_masses(masses: list[int]) -> None:
    runs = CellRuns(np.array([0]), np.array([len(masses)]), len(masses))
    grid = Grid(1.0, 0.0, -1.0, 1.0, 1, len(masses))
    with TemporaryDirectory() as folder:
        reader = raster(Path(folder) / "raster.tif", np.array([masses], np.uint8), grid)
        found = weights_of(runs, "population", 1, reader)
    quotas = [Fraction(10 * m, sum(masses)) for m in masses]
    assert tuple(found.values()) == nearest(quotas, 10)


@examples(60)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=5).filter(any), st.integers(1, 7))
def test_no_other_plan_is_nearer_to_the_weights(parts: list[int], sites: int) -> None:
    total = sum(parts)
    weights = [p * 100 // total for p in parts]
    weights[0] += 100 - sum(weights)
    tiles = np.arange(len(weights), dtype=np.uint64)
    stream = alloc_plan(
        "FR", np.array([9], np.uint64), np.array([sites]), [(tiles, np.array(weights))], 2
    )
    rows = [row for chunk in stream.chunks for row in chunk.rows.to_pylist()]
    found = {row["tile_id"]: row["n_sites_tile"] for row in rows}
    plan = tuple(found.get(tile, 0) for tile in range(len(weights)))
    assert plan == nearest([Fraction(w * sites, 100) for w in weights], sites)
