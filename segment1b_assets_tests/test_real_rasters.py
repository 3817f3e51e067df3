"""Rasters as people have them: read right, or refused with a next step that works."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio import Affine
from rasterio.enums import Resampling
from rasterio.shutil import copy as copy_raster
from rasterio.warp import reproject

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.core.cell_runs import CellRuns
from segment1b_assets.core.mass_passes import NoStore
from segment1b_assets.core.masses import read_masses
from segment1b_assets.storage.raster_header import read_grid
from segment1b_assets.storage.raster_values import RasterValues
from segment1b_assets.storage.sidecars import ignored_sidecars
from segment1b_assets.storage.tiff_tags import read_tiff_tags
from segment1b_assets_tests.plain_tiff import (
    GEO_KEYS,
    NODATA,
    ORIENTATION,
    PIXEL_SCALE,
    geo_keys,
    placed,
    write_tiff,
)

Array = np.ndarray[Any, Any]
AFFINE = Affine(0.5, 0, 10, 0, -0.5, 50)
REPOSITORY = Path(__file__).resolve().parents[1]


def write(path: Path, pixels: Array, **options: Any) -> Path:
    profile = {"crs": "EPSG:4326", "transform": AFFINE, "dtype": pixels.dtype, **options}
    with rasterio.open(
        path, "w", driver="GTiff", height=pixels.shape[0], width=pixels.shape[1], count=1, **profile
    ) as raster:
        raster.write(pixels, 1)
    return path


def every_cell(path: Path) -> CellRuns:
    """Every cell of the raster, by the grid that S1 takes."""
    grid = read_grid(path)
    starts = np.arange(grid.nrows, dtype=np.int64) * grid.ncols
    return CellRuns(starts, starts + grid.ncols, grid.ncols)


def total(path: Path) -> float:
    """The sum of the masses of all cells, as S2 takes it."""
    masses = read_masses("LV", every_cell(path), RasterValues(path), NoStore())
    return float(masses.total.fraction)


def refused(path: Path) -> Segment1BError:
    with pytest.raises(Segment1BError) as caught:
        total(path)
    assert caught.value.file == str(path)
    return caught.value


@pytest.mark.parametrize("nodata", [None, -9999])
def test_what_an_internal_mask_masks_is_nodata(tmp_path: Path, nodata: float | None) -> None:
    valid = np.zeros((4, 6), bool)
    valid[0, 0] = True
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(
            tmp_path / "r.tif", "w", driver="GTiff", height=4, width=6, count=1, dtype="float32",
            crs="EPSG:4326", transform=AFFINE, nodata=nodata,
        ) as raster,
    ):  # fmt: skip
        raster.write(np.full((4, 6), 1000, np.float32), 1)
        raster.write_mask(valid)
    assert not (tmp_path / "r.tif.msk").exists()
    assert total(tmp_path / "r.tif") == 1000
    reader = RasterValues(tmp_path / "r.tif")
    assert reader.masked
    list(reader.values(every_cell(tmp_path / "r.tif")))
    assert reader.bytes_read == reader.bytes_uncompressed == 4 * 6 * (4 + 1)


def test_a_mask_in_blocks_of_its_own_is_read_where_the_cells_are(tmp_path: Path) -> None:
    draw = np.random.default_rng(5)
    pixels = draw.integers(1, 1000, (200, 300)).astype(np.uint16)
    valid = draw.random((200, 300)) < 0.4
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(
            tmp_path / "r.tif", "w", driver="GTiff", height=200, width=300, count=1, dtype="uint16",
            crs="EPSG:4326", transform=Affine(0.01, 0, 10, 0, -0.01, 50), tiled=True, blockxsize=64,
            blockysize=32, compress="deflate",
        ) as raster,
    ):  # fmt: skip
        raster.write(pixels, 1)
        raster.write_mask(valid)
    chosen = draw.random((200, 300)) < 0.1
    runs = CellRuns.from_sorted_tile_ids([np.flatnonzero(chosen).astype(np.uint64)], 300)
    got = np.concatenate(list(RasterValues(tmp_path / "r.tif", held_bytes=900).values(runs)))
    assert np.array_equal(got, np.where(valid, pixels, 0)[chosen])


def test_files_beside_the_raster_decide_nothing_and_are_named(tmp_path: Path) -> None:
    path = write(tmp_path / "population.tif", np.full((4, 6), 1000, np.float32))
    assert ignored_sidecars(path) == []
    (tmp_path / "population.tif.aux.xml").write_text(
        "<PAMDataset><PAMRasterBand band='1'><NoDataValue>1000</NoDataValue>"
        "<Offset>5</Offset><Scale>2</Scale></PAMRasterBand></PAMDataset>"
    )
    write(tmp_path / "population.tif.msk", np.zeros((4, 6), np.uint8))
    (tmp_path / "population.TFW").write_text("9\n0\n0\n-9\n0\n0\n")
    write(tmp_path / "population.tif.ovr", np.zeros((2, 3), np.float32))
    (tmp_path / "population.txt").write_text("a word about it")
    assert total(path) == 24_000
    assert read_grid(path).a == 0.5
    assert [p.name for p in ignored_sidecars(path)] == [
        "population.TFW", "population.tif.aux.xml", "population.tif.msk", "population.tif.ovr",
    ]  # fmt: skip


@pytest.mark.parametrize(("scale", "offset"), [(0.1, 100.0), (1.0, 1.0), (-1.0, 0.0)])
def test_scaled_pixels_are_refused(tmp_path: Path, scale: float, offset: float) -> None:
    path = write(tmp_path / "r.tif", np.arange(24, dtype=np.uint16).reshape(4, 6))
    with rasterio.open(path, "r+") as raster:
        raster.scales, raster.offsets = (scale,), (offset,)
    error = refused(path)
    assert (error.code, error.value) == ("E002_RASTER_MISMATCH", (scale, offset))
    assert "gdal_translate -unscale" in error.next_step
    # What that command writes.
    write(tmp_path / "r.tif", np.arange(24).reshape(4, 6) * scale + 200 * (scale < 0) + offset)
    assert total(path) == pytest.approx(276 * scale + 24 * (offset + 200 * (scale < 0)))


def test_a_scale_of_one_and_an_offset_of_none_are_none(tmp_path: Path) -> None:
    path = write(tmp_path / "r.tif", np.ones((4, 6), np.uint16))
    with rasterio.open(path, "r+") as raster:
        raster.scales, raster.offsets = (1.0,), (0.0,)
    assert total(path) == 24


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("big", [False, True])
def test_tags_that_gdal_keeps_to_itself_are_heeded(tmp_path: Path, order: str, big: bool) -> None:
    pixels = np.arange(24, dtype=np.float32).reshape(4, 6)
    tags = {**placed(10, 50, 0.5), NODATA: ("s", [b"23\0"])}
    path = write_tiff(tmp_path / "r.tif", pixels, tags, order=order, big=big)
    assert total(path) == 276 - 23
    assert read_tiff_tags(path).nodata_text == "23"
    for value in (2, 4, 8):
        write_tiff(path, pixels, {**tags, ORIENTATION: ("H", [value])}, order=order, big=big)
        error = refused(path)
        assert (error.code, error.value) == ("E002_RASTER_MISMATCH", value)
        assert "Orientation" in error.detail
    write_tiff(path, pixels, {**tags, ORIENTATION: ("H", [1])}, order=order, big=big)
    assert total(path) == 276 - 23
    write_tiff(path, pixels, {**tags, PIXEL_SCALE: ("d", [0.5, -0.5, 0])}, order=order, big=big)
    error = refused(path)
    assert (error.code, error.value) == ("E002_RASTER_MISMATCH", -0.5)
    assert "ScaleY" in error.detail


def test_a_damaged_directory_is_left_to_gdal(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "r.tif", np.ones((4, 6), np.float32), placed(10, 50, 0.5))
    whole = path.read_bytes()
    for cut in (0, 3, 7, 9, len(whole) - 40, len(whole) - 1):
        path.write_bytes(whole[:cut])
        assert read_tiff_tags(path).orientation == 1
    path.write_bytes(whole[:4] + b"\xff\xff\xff\x7f" + whole[8:])
    assert refused(path).code == "E002_RASTER_MISMATCH"


#: Options that would each change what one of the files below says.
HOSTILE = {
    "GTIFF_POINT_GEO_IGNORE": "TRUE",
    "GTIFF_IGNORE_READ_ERRORS": "TRUE",
    "GTIFF_HONOUR_NEGATIVE_SCALEY": "YES",
    "GTIFF_SRS_SOURCE": "GEOKEYS",
    "GTIFF_REPORT_COMPD_CS": "YES",
    "GTIFF_LINEAR_UNITS": "BROKEN",
    "GTIFF_DIRECT_IO": "YES",
    "GTIFF_VIRTUAL_MEM_IO": "YES",
    "GTIFF_READ_ANGULAR_PARAMS_IN_DEGREE": "YES",
    "GTIFF_IMPORT_FROM_EPSG": "NO",
    "GDAL_TIFF_INTERNAL_MASK": "NO",
    "GDAL_TIFF_INTERNAL_MASK_TO_8BIT": "NO",
    "GDAL_DISABLE_READDIR_ON_OPEN": "FALSE",
    "GDAL_PAM_ENABLED": "YES",
    "GDAL_GEOREF_SOURCES": "WORLDFILE,PAM,INTERNAL",
    "GDAL_IGNORE_AXIS_ORIENTATION": "YES",
    "GDAL_MAX_BAND_COUNT": "0",
    "GDAL_SKIP": "GTiff VRT",
    "GDAL_DRIVER_PATH": "/nowhere",
    "GDAL_NUM_THREADS": "ALL_CPUS",
    "GDAL_FORCE_CACHING": "YES",
    "GDAL_ONE_BIG_READ": "YES",
    "OSR_DEFAULT_AXIS_MAPPING_STRATEGY": "TRADITIONAL_GIS_ORDER",
    "ESRI_XML_PAM": "YES",
    "VSI_CACHE": "YES",
    "CPL_TMPDIR": "/nowhere",
}
READ_ALL = """
import json, sys
from pathlib import Path
import numpy as np
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.core.cell_runs import CellRuns
from segment1b_assets.storage.raster_header import read_grid
from segment1b_assets.storage.raster_values import RasterValues
from segment1b_assets.storage.references import is_wgs84
found = {}
for path in sorted(Path(sys.argv[1]).glob("*.tif")):
    try:
        grid = read_grid(path)
        rows = np.arange(grid.nrows, dtype=np.int64) * grid.ncols
        values = RasterValues(path).values(CellRuns(rows, rows + grid.ncols, grid.ncols))
        people = sum(float(v.sum()) for v in values)
        found[path.name] = [grid.a, grid.c, grid.e, grid.f, grid.nrows, grid.ncols, people]
    except Segment1BError as err:
        found[path.name] = [err.code]
crs = json.loads(Path(sys.argv[1], "crs.json").read_text())
found["polygons"] = [is_wgs84(crs)]
print(json.dumps(found))
"""


def test_the_environment_decides_nothing(tmp_path: Path) -> None:
    files, home, empty = tmp_path / "files", tmp_path / "home", tmp_path / "empty"
    for folder in (files, home / ".gdal", empty):
        folder.mkdir(parents=True)
    draw = np.random.default_rng(3)
    pixels = draw.integers(0, 100, (40, 60)).astype(np.float32)
    tags = placed(10, 50, 0.5)
    write_tiff(files / "point.tif", pixels, {**tags, GEO_KEYS: geo_keys(point=True)})
    write_tiff(files / "scale.tif", pixels, {**tags, PIXEL_SCALE: ("d", [0.5, -0.5, 0])})
    write(files / "damaged.tif", pixels, tiled=True, blockxsize=16, blockysize=16, compress="lzw")
    whole = bytearray((files / "damaged.tif").read_bytes())
    whole[len(whole) // 2 : len(whole) // 2 + 400] = b"\xff" * 400
    (files / "damaged.tif").write_bytes(whole)
    write(files / "sidecar.tif", pixels)
    (files / "sidecar.tfw").write_text("9\n0\n0\n-9\n0\n0\n")
    (files / "sidecar.tif.aux.xml").write_text(
        "<PAMDataset><PAMRasterBand band='1'><NoDataValue>50</NoDataValue></PAMRasterBand>"
        "</PAMDataset>"
    )
    write(files / "height.tif", pixels, crs="EPSG:4326+5773")
    plain = rasterio.crs.CRS.from_epsg(4326).to_dict(projjson=True)
    plain.pop("id")
    (files / "crs.json").write_text(json.dumps(plain))
    options = "\n".join(f"{k}={v}" for k, v in HOSTILE.items() if k.startswith("GTIFF"))
    (home / ".gdal" / "gdalrc").write_text(f"[configoptions]\n{options}\n")

    def read(**environment: str) -> dict[str, list[Any]]:
        kept = {k: v for k, v in os.environ.items() if k not in ("PROJ_DATA", "PROJ_LIB")}
        done = subprocess.run(
            [sys.executable, "-c", READ_ALL, str(files)], cwd=REPOSITORY, text=True,
            env={**kept, **environment}, capture_output=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        found: dict[str, list[Any]] = json.loads(done.stdout)
        return found

    sum_of_all = float(pixels.sum())
    expected = {
        "damaged.tif": ["E002_RASTER_MISMATCH"],
        "height.tif": [0.5, 10, -0.5, 50, 40, 60, sum_of_all],
        "point.tif": [0.5, 9.75, -0.5, 50.25, 40, 60, sum_of_all],
        "polygons": [True],
        "scale.tif": ["E002_RASTER_MISMATCH"],
        "sidecar.tif": [0.5, 10, -0.5, 50, 40, 60, sum_of_all],
    }
    assert read(**HOSTILE, PROJ_DATA=str(empty), PROJ_LIB=str(empty)) == expected
    rc = str(home / ".gdal" / "gdalrc")
    assert read(HOME=str(home), GDAL_CONFIG_FILE=rc, PROJ_DATA="/nowhere") == expected


def test_nodata_that_is_not_the_pixel_is_shown_beside_it(tmp_path: Path) -> None:
    pixels = np.full((4, 6), 1000, np.float32)
    pixels[1, 2] = np.finfo(np.float32).min
    text = b"-3.39999999999999996e+38\0"
    tags = placed(10, 50, 0.5)
    path = write_tiff(tmp_path / "r.tif", pixels, {**tags, NODATA: ("s", [text])})
    error = refused(path)
    assert error.code == "E105_NORMALIZATION"
    assert error.value == -3.4028234663852886e38
    assert "'-3.39999999999999996e+38'" in error.detail
    assert "-3.4028234663852886e+38" in error.detail
    assert "row 1, column 2" in error.detail
    (told,) = [w for w in error.next_step.split() if w.startswith("-3.4")]
    spelt = told.rstrip(");").encode() + b"\0"
    write_tiff(path, pixels, {**tags, NODATA: ("s", [spelt])})
    assert total(path) == 23_000


def test_an_error_of_a_mass_without_a_nodata_value_says_so(tmp_path: Path) -> None:
    path = write(tmp_path / "r.tif", np.full((4, 6), -1, np.float32))
    error = refused(path)
    assert error.code == "E105_NORMALIZATION"
    assert "declare its nodata value" in error.next_step


@pytest.mark.parametrize(
    "options",
    [
        *({"compress": c} for c in ("lzw", "deflate", "packbits", "zstd", "lzma")),
        *({"compress": c, "max_z_error": 0} for c in ("lerc", "lerc_deflate", "lerc_zstd")),
        {"compress": "zstd", "predictor": 2},
        {"compress": "deflate", "predictor": 3, "dtype": "float32"},
        {"compress": "lzw", "predictor": 3, "dtype": "float64"},
        {"dtype": "float32", "nbits": 16},
        {"dtype": "uint16", "nbits": 11},
        {"dtype": "int8"},
        {"dtype": "uint8", "nbits": 7},
        {"bigtiff": "YES"},
        {"endianness": "BIG"},
        {"tiled": True, "blockxsize": 16, "blockysize": 16, "sparse_ok": True},
        {"photometric": "MINISWHITE"},
    ],
    ids=str,
)
def test_codecs_and_layouts_are_read_right(tmp_path: Path, options: dict[str, Any]) -> None:
    dtype = options.pop("dtype", "uint16")
    pixels = np.random.default_rng(7).integers(0, 100, (40, 60)).astype(dtype)
    path = write(tmp_path / "r.tif", pixels, **options)
    assert total(path) == pixels.sum(dtype=np.float64)


@pytest.mark.parametrize(
    ("text", "dtype", "left_out"),
    [
        ("-9999,0", "float32", 1), ("  -9999", "float32", 1), ("-9999 ", "float32", 1),
        ("-9.999e3", "float64", 1), ("-9999", "int16", 1), ("nan", "float32", 0),
        ("nan", "uint8", 0), ("", "float32", 0),
    ],
)  # fmt: skip
def test_nodata_however_it_is_spelt(tmp_path: Path, text: str, dtype: str, left_out: int) -> None:
    pixels = np.full((4, 6), 100, dtype)
    if left_out:
        pixels[0, 0] = -9999
    elif dtype == "float32":
        pixels[0, 0] = np.nan
    tags = {**placed(10, 50, 0.5), NODATA: ("s", [text.encode() + b"\0"])}
    path = write_tiff(tmp_path / "r.tif", pixels, tags)
    assert total(path) == (2400 if dtype == "uint8" else 2300)


def test_a_rotation_of_minus_zero_is_none(tmp_path: Path) -> None:
    matrix = [0.5, -0.0, 0, 10, -0.0, -0.5, 0, 50, 0, 0, 0, 0, 0, 0, 0, 1]
    tags = {34264: ("d", [float(v) for v in matrix]), GEO_KEYS: geo_keys()}
    path = write_tiff(tmp_path / "r.tif", np.ones((4, 6), np.float32), tags)
    grid = read_grid(path)
    assert (grid.a, grid.c, grid.e, grid.f) == (0.5, 10, -0.5, 50)
    assert total(path) == 24


def test_the_grid_of_ghs_pop_is_taken_as_it_is(tmp_path: Path) -> None:
    size, west, north = 0.008333333300326923, -180.00791593130032, 89.0995831776456
    with rasterio.open(
        tmp_path / "r.tif", "w", driver="GTiff", height=21384, width=43202, count=1,
        dtype="float64", crs="EPSG:4326", sparse_ok=True, tiled=True, compress="lzw", nodata=-200,
        transform=Affine(size, 0, west, 0, -size, north),
    ):  # fmt: skip
        pass
    grid = read_grid(tmp_path / "r.tif")
    assert (grid.ncols, grid.nrows, grid.a, grid.c, grid.f) == (43202, 21384, size, west, north)
    assert grid.lon_edges[-1] > 180


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:4326+5773", "OGC:CRS84", "EPSG:4979"])
def test_names_of_wgs84(tmp_path: Path, crs: str) -> None:
    path = write(tmp_path / "r.tif", np.ones((4, 6), np.float32), crs=crs)
    if crs == "EPSG:4979":
        assert refused(path).code == "E007_CRS_MISMATCH"
    else:
        assert total(path) == 24


def test_the_advice_for_another_crs_keeps_the_people(tmp_path: Path) -> None:
    draw = np.random.default_rng(11)
    people = np.zeros((60, 60))
    people.flat[draw.choice(3600, 300, replace=False)] = draw.integers(1, 2000, 300)
    at = Affine(1000, 0, 1_000_000, 0, -1000, 6_000_000)
    path = write(tmp_path / "r.tif", people, crs="ESRI:54009", transform=at)
    error = refused(path)
    assert error.code == "E007_CRS_MISMATCH"
    assert "-r sum" in error.next_step
    # The command's work, on a grid of our own: 0.01 degrees over the same ground.
    west, north, width, height = 13.2, 51.3, 100, 75
    transform = Affine(0.01, 0, west, 0, -0.01, north)
    warped = np.zeros((height, width))
    reproject(
        people, warped, src_transform=at, src_crs="ESRI:54009", dst_transform=transform,
        dst_crs="EPSG:4326", resampling=Resampling.sum,
    )  # fmt: skip
    write(path, warped, transform=transform)
    assert total(path) == pytest.approx(people.sum(), rel=1e-6)


@pytest.mark.parametrize("change", ["two bands", "south-up", "rotated", "no crs", "text"])
def test_each_refusal_says_what_is_to_be_done(tmp_path: Path, change: str) -> None:
    path = write(tmp_path / "r.tif", np.ones((4, 6), np.float32))
    if change == "two bands":
        copy_raster(path, tmp_path / "one.tif", driver="GTiff")
        with rasterio.open(tmp_path / "one.tif") as one:
            profile = {**one.profile, "count": 2}
        with rasterio.open(path, "w", **profile):
            pass
    elif change == "text":
        path.write_text("no raster")
    else:
        transform = {
            "south-up": Affine(0.5, 0, 10, 0, 0.5, 40),
            "rotated": AFFINE @ Affine.rotation(3),
        }.get(change, AFFINE)
        crs = None if change == "no crs" else "EPSG:4326"
        write(path, np.ones((4, 6), np.float32), transform=transform, crs=crs)
    said = {
        "two bands": "-b 1", "south-up": "numpy.flip", "rotated": "-r sum",
        "no crs": "-a_srs EPSG:4326", "text": "gdal_translate",
    }  # fmt: skip
    error = refused(path)
    assert said[change] in error.next_step
    assert ("gdalwarp" in error.next_step) == (change in ("rotated", "no crs"))
