"""`segment1b import raster`: any grid in, the contract's out, and nobody lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.typing import NDArray

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.core.cell_area import zone_area
from segment1b_assets.storage.open_root import open_root
from segment1b_assets.storage.raster_header import read_grid
from segment1b_assets_tests.import_support import FAULTY, segment1b, write_raster, write_vector

TARGET = "reference/spatial/population/2025/population.tif"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    segment1b("init", tmp_path / "root")
    return tmp_path / "root"


def stored(root: Path) -> NDArray[np.float64]:
    """The result's values, nodata as 0; its header is lawful."""
    read_grid(root / TARGET)
    with rasterio.open(root / TARGET) as raster:
        assert raster.block_shapes == [(512, 512)]
        return np.nan_to_num(raster.read(1, masked=True).astype(np.float64).filled(0))


def test_a_mollweide_raster_of_the_world_keeps_its_sum(tmp_path: Path, root: Path) -> None:
    # Cells of 100 km; those whose centre is off the map are nodata, others straddle its edge.
    x, y = np.meshgrid(np.arange(-179.5, 180) * 1e5, np.arange(89.5, -90, -1) * 1e5)
    people = np.random.default_rng(2).uniform(0, 1e6, x.shape).astype(np.float32)
    people[y > 0] *= 3
    on = (x / 18040095.7) ** 2 + (y / 9020047.85) ** 2 < 1
    people[~on] = -200
    source = write_raster(
        tmp_path / "m.tif", people, Affine(1e5, 0, -180e5, 0, -1e5, 90e5), crs="ESRI:54009",
        nodata=-200,
    )  # fmt: skip
    result = segment1b("import", "raster", source, "--root", root, "--cells-per-degree", "2")
    values = stored(root)
    before = people[on].sum(dtype=np.float64)
    assert values.sum() == pytest.approx(before, rel=1e-6)
    assert f"total before: {before:,.1f}" in result.output
    # People stay where they were: the sums by ten degrees of latitude, from the map's own formula.
    theta = np.arcsin(y / 9020047.85)
    with np.errstate(invalid="ignore"):
        lat = np.degrees(np.arcsin((2 * theta + np.sin(2 * theta)) / np.pi))
    band = np.floor((90 - lat[on]) / 10).astype(int)
    expected = np.bincount(band, weights=people[on], minlength=18)
    found = values[: values.shape[0] // 20 * 20].reshape(18, 20, -1).sum(axis=(1, 2))
    assert np.abs(found - expected).max() / before < 0.02


def test_a_utm_raster_keeps_its_sum_to_a_millionth(tmp_path: Path, root: Path) -> None:
    people = np.random.default_rng(2).exponential(20, (300, 200)).astype(np.float32)
    source = write_raster(
        tmp_path / "utm.tif", people, Affine(900, 0, 300e3, 0, -900, 5600e3), crs="EPSG:32632"
    )
    segment1b("import", "raster", source, "--root", root)
    with rasterio.open(root / TARGET) as raster:
        assert raster.res[0] == pytest.approx(1 / 120)
    assert stored(root).sum() == pytest.approx(people.sum(dtype=np.float64), rel=1e-6)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64"])
def test_a_plain_grid_is_kept_cell_for_cell(tmp_path: Path, root: Path, dtype: str) -> None:
    people = np.random.default_rng(1).uniform(0, 120, (70, 900)).astype(dtype)
    affine = Affine(1 / 120, 0, 5.7, 0, -1 / 120, 50.2)
    source = write_raster(tmp_path / "w.tif", people, affine, nodata=0)
    result = segment1b("import", "raster", source, "--root", root)
    assert np.array_equal(stored(root), people.astype(np.float64))
    with rasterio.open(root / TARGET) as raster:
        assert raster.transform == affine
    assert "kept" in result.output


def test_nodata_mask_scale_and_offset_are_resolved(tmp_path: Path, root: Path) -> None:
    pixels = np.array([[1, 2, 255], [4, 5, 6]], np.uint8)
    source = write_raster(
        tmp_path / "s.tif", pixels, Affine(0.5, 0, 10, 0, -0.5, 50), nodata=255, scale=0.5,
        offset=3.0,
    )  # fmt: skip
    segment1b("import", "raster", source, "--root", root)
    assert np.array_equal(stored(root), [[3.5, 4, 0], [5, 5.5, 6]])
    with rasterio.open(root / TARGET) as raster:
        assert (raster.scales, raster.offsets) == ((1.0,), (0.0,))
        assert raster.read_masks(1)[0].tolist() == [255, 255, 0]


def test_a_mosaic_of_countries_is_one_grid(tmp_path: Path, root: Path) -> None:
    size = 1 / 1200
    west = np.arange(12, dtype=np.float32).reshape(3, 4)
    east = 100 + np.arange(6, dtype=np.float32).reshape(2, 3)
    west[0, 3] = -99999
    # The east's first column is the west's last; each holds its own people there.
    a = write_raster(tmp_path / "a.tif", west, Affine(size, 0, 5, 0, -size, 50), nodata=-99999)
    b = write_raster(
        tmp_path / "b.tif", east, Affine(size, 0, 5 + 3 * size, 0, -size, 50 - size),
        nodata=-99999,
    )  # fmt: skip
    segment1b("import", "raster", a, b, "--root", root)
    expected = np.zeros((3, 6))
    expected[:, :4] += np.where(west < 0, 0, west)
    expected[1:, 3:] += east
    assert np.array_equal(stored(root), expected)


def test_density_becomes_counts_by_the_cells_area(tmp_path: Path, root: Path) -> None:
    density = np.full((4, 8), 10.0, np.float32)
    source = write_raster(tmp_path / "d.tif", density, Affine(0.5, 0, 10, 0, -0.5, 60))
    segment1b("import", "raster", source, "--root", root, "--kind", "density")
    edges = 60 - 0.5 * np.arange(5)
    km2 = zone_area(edges[1:], edges[:-1], 0.5) / 1e6
    assert stored(root) == pytest.approx(np.repeat(10 * km2[:, None], 8, axis=1), rel=1e-5)


def test_countries_cut_the_window_and_say_what_they_hold(tmp_path: Path, root: Path) -> None:
    segment1b("import", "polygons", write_vector(tmp_path / "f.gpkg", FAULTY), "--root", root)
    people = np.ones((180, 360), np.float32)
    source = write_raster(tmp_path / "w.tif", people, Affine(1, 0, -180, 0, -1, 90))
    result = segment1b(
        "import", "raster", source, "--root", root, "--countries", "BE,LU", "--cells-per-degree",
        "10",
    )  # fmt: skip
    values = stored(root)
    assert values.shape == (20, 30)
    assert values.sum() == pytest.approx(6, rel=1e-6)
    (line,) = (line for line in result.output.splitlines() if "│ BE" in line)
    assert line.split()[-2] == "2.0"


@pytest.mark.parametrize(
    ("value", "options", "code", "said"),
    [
        (-9999.0, {}, "E105_NORMALIZATION", "-a_nodata -9999"),
        (1.0, {"crs": None}, "E007_CRS_MISMATCH", "-a_srs"),
    ],
)
def test_what_cannot_be_right_is_refused_and_nothing_is_written(
    tmp_path: Path, root: Path, value: float, options: dict[str, Any], code: str, said: str
) -> None:
    people = np.full((3, 3), value, np.float32)
    source = write_raster(tmp_path / "w.tif", people, Affine(1, 0, 0, 0, -1, 9), **options)
    refused = segment1b("import", "raster", source, "--root", root, status=1).exception
    assert isinstance(refused, Segment1BError)
    assert refused.code == code
    assert said in refused.next_step
    assert not (root / TARGET).exists()
    assert open_root(root).sweep_staging() == 0
