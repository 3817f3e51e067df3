"""Raster values at cells, against the whole array read at once."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from rasterio.shutil import copy as copy_raster

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.core.cell_runs import CellRuns
from segment1b_assets.core.mass_passes import NoStore
from segment1b_assets.core.masses import read_masses
from segment1b_assets.storage.raster_values import RasterValues
from segment1b_assets_tests.hypothesis_profiles import examples

Array = np.ndarray[Any, Any]


AFFINE = rasterio.Affine(0.1, 0, -10, 0, -0.1, 50)


def write(path: Path, pixels: Array, **options: Any) -> Path:
    with rasterio.open(
        path, "w", driver="GTiff", height=pixels.shape[0], width=pixels.shape[1], count=1,
        dtype=pixels.dtype, crs="EPSG:4326", transform=AFFINE, **options,
    ) as raster:  # fmt: skip
        raster.write(pixels, 1)
    return path


def read(reader: RasterValues, runs: CellRuns) -> Array:
    return np.concatenate([np.empty(0, reader.dtype), *reader.values(runs)])


def runs_of(mask: Array) -> CellRuns:
    return CellRuns.from_sorted_tile_ids([np.flatnonzero(mask).astype(np.uint64)], mask.shape[1])


LAYOUTS: dict[str, dict[str, Any]] = {
    "tiles": {"tiled": True, "blockxsize": 16, "blockysize": 32, "compress": "deflate"},
    "rows": {"blockysize": 1, "compress": "lzw"},
    "strips": {"blockysize": 7, "compress": "deflate"},
    "one block": {"blockysize": 70, "compress": "deflate"},
    "plain": {},
}


@pytest.mark.hypothesis
@pytest.mark.parametrize("layout", list(LAYOUTS))
def test_values_are_the_pixels_at_the_cells(tmp_path: Path, layout: str) -> None:
    pixels = np.arange(70 * 90, dtype=np.float32).reshape(70, 90)
    path = write(tmp_path / "r.tif", pixels, **LAYOUTS[layout])

    @examples(60)
    @given(st.integers(0, 2**32 - 1), st.sampled_from([0.002, 0.02, 0.3, 0.95]),
           st.sampled_from([400, 3000, 64 << 20]))  # fmt: skip
    def check(seed: int, share: float, held_bytes: int) -> None:
        draw = np.random.default_rng(seed)
        mask = draw.random(pixels.shape) < share
        mask[:, 30:60] &= draw.random() < 0.5
        assert np.array_equal(read(RasterValues(path, held_bytes), runs_of(mask)), pixels[mask])

    check()


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"])
def test_every_real_dtype_is_read_as_it_is(tmp_path: Path, dtype: str) -> None:
    kind = np.dtype(dtype)
    top = np.finfo(kind).max if kind.kind == "f" else np.iinfo(kind).max
    pixels = np.array([[0, 1, top], [2, 3, top]], dtype)
    reader = RasterValues(write(tmp_path / "r.tif", pixels))
    assert reader.dtype == kind
    got = read(reader, CellRuns(np.array([1, 3]), np.array([3, 6]), 3))
    assert got.dtype == kind
    assert got.tolist() == [1, top, 2, 3, top]


def test_only_blocks_with_cells_are_read_and_counted_once(tmp_path: Path) -> None:
    path = write(tmp_path / "r.tif", np.ones((100, 320), np.float32), **LAYOUTS["tiles"])
    mask = np.zeros((100, 320), bool)
    mask[5:9, 3:7] = True  # block (0, 0)
    mask[6, 300:310] = True  # blocks (0, 18) and (0, 19), far to the east
    mask[98, 0] = True  # block (3, 0), of which only 4 rows exist
    for held_bytes in (64 << 20, 100):
        reader = RasterValues(path, held_bytes)
        assert read(reader, runs_of(mask)).size == 16 + 10 + 1
        assert reader.bytes_read == 4 * (3 * 16 * 32 + 4 * 16)
    assert reader.bytes_uncompressed == 4 * 100 * 320


def test_a_whole_raster_is_read_once(tmp_path: Path) -> None:
    path = write(tmp_path / "r.tif", np.ones((100, 90), np.uint8), **LAYOUTS["tiles"])
    reader = RasterValues(path)
    read(reader, runs_of(np.ones((100, 90), bool)))
    assert reader.bytes_read == reader.bytes_uncompressed == 9000


def test_blocks_that_hold_no_cell_may_be_damaged(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).random((64, 64)).astype(np.float32)
    path = write(tmp_path / "r.tif", pixels, tiled=True, blockxsize=16, blockysize=16)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - 4 * 16 * 16])  # the last block is gone
    mask = np.ones((64, 64), bool)
    with pytest.raises(Segment1BError) as caught:
        read(RasterValues(path), runs_of(mask))
    assert caught.value.code == "E002_RASTER_MISMATCH"
    mask[48:, 48:] = False
    assert np.array_equal(read(RasterValues(path), runs_of(mask)), pixels[mask])


@pytest.mark.parametrize("keep", [0.5, 0.9])
def test_a_truncated_file_is_named_with_the_reason(
    tmp_path: Path, keep: float, capfd: pytest.CaptureFixture[str]
) -> None:
    pixels = np.random.default_rng(1).random((64, 64))
    path = write(tmp_path / "cut.tif", pixels, **LAYOUTS["tiles"])
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])
    with pytest.raises(Segment1BError) as caught:
        read(RasterValues(path), runs_of(np.ones((64, 64), bool)))
    assert (caught.value.code, caught.value.file) == ("E002_RASTER_MISMATCH", str(path))
    assert "Read error" in caught.value.detail
    assert capfd.readouterr() == ("", "")


def test_what_is_no_raster_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    text = tmp_path / "r.tif"
    text.write_text("no raster")
    with pytest.raises(Segment1BError, match=r"E002_RASTER_MISMATCH.*cannot be opened"):
        RasterValues(text)
    with pytest.raises(Segment1BError, match="E_INPUT_MISSING"):
        RasterValues(tmp_path / "none.tif")
    with pytest.raises(Segment1BError, match=r"E002_RASTER_MISMATCH.*complex64"):
        RasterValues(write(tmp_path / "c.tif", np.ones((2, 2), np.complex64)))
    assert capfd.readouterr() == ("", "")


def test_tiles_of_another_grid_are_refused(tmp_path: Path) -> None:
    reader = RasterValues(write(tmp_path / "r.tif", np.ones((4, 6), np.uint8)))
    for ncols, stop in ((5, 3), (6, 25)):
        with pytest.raises(Segment1BError, match="another grid"):
            read(reader, CellRuns(np.array([stop - 1]), np.array([stop]), ncols))


def with_nodata(folder: Path, gdal_type: str, text: str, pixels: Array) -> Path:
    """A TIFF whose nodata is spelt so, even where rasterio would refuse to write it."""
    write(folder / "plain.tif", pixels)
    (folder / "r.vrt").write_text(
        f"""<VRTDataset rasterXSize="{pixels.shape[1]}" rasterYSize="{pixels.shape[0]}">
        <SRS>EPSG:4326</SRS><GeoTransform>-10, 0.1, 0, 50, 0, -0.1</GeoTransform>
        <VRTRasterBand dataType="{gdal_type}" band="1"><NoDataValue>{text}</NoDataValue>
        <SimpleSource><SourceFilename relativeToVRT="1">plain.tif</SourceFilename>
        <SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>"""
    )
    copy_raster(folder / "r.vrt", folder / "r.tif", driver="GTiff")
    return folder / "r.tif"


@pytest.mark.parametrize(
    ("gdal_type", "dtype", "text", "expected"),
    [
        ("UInt64", "u8", str(2**64 - 1), 2**64 - 1),
        ("UInt64", "u8", str(2**53 + 1), 2**53 + 1),
        ("Int64", "i8", str(-(2**63)), -(2**63)),
        ("Int64", "i8", str(2**63 - 1), 2**63 - 1),
        ("Int16", "i2", "-32768", -32768),
        ("Byte", "u1", "255", 255),
        ("Byte", "u1", "-9999", None),
        ("Byte", "u1", "7.5", None),
        ("Float32", "f4", "-3.40282346600000016e+38", float(np.finfo("f4").min)),
        ("Float64", "f8", "-9999.25", -9999.25),
    ],
)
def test_nodata_is_exact_or_none(
    tmp_path: Path, gdal_type: str, dtype: str, text: str, expected: Any
) -> None:
    pixels = np.array([[1, 2, 3]], dtype)
    reader = RasterValues(with_nodata(tmp_path, gdal_type, text, pixels))
    if expected is None:
        assert reader.nodata is None
    else:
        assert reader.nodata == np.dtype(dtype).type(expected)
        assert reader.nodata.dtype == np.dtype(dtype)


def test_nodata_that_is_nan(tmp_path: Path) -> None:
    pixels = np.array([[1.0, np.nan, 3.0]], np.float32)
    reader = RasterValues(write(tmp_path / "r.tif", pixels, nodata=np.nan))
    held = read_masses("XX", CellRuns(np.array([0]), np.array([3]), 3), reader, NoStore())
    assert np.concatenate(list(held.passes())).tolist() == [1.0, 0.0, 3.0]
    assert held.total.fraction == 4


def test_threads_each_read_their_own_country(tmp_path: Path) -> None:
    pixels = np.random.default_rng(2).random((300, 300)).astype(np.float32)
    path = write(tmp_path / "r.tif", pixels, **LAYOUTS["tiles"])
    masks = [np.random.default_rng(seed).random(pixels.shape) < 0.3 for seed in range(6)]
    got: dict[int, Array] = {}

    def work(number: int) -> None:
        for _ in range(5):
            got[number] = read(RasterValues(path), runs_of(masks[number]))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, mask in enumerate(masks):
        assert np.array_equal(got[number], pixels[mask])
