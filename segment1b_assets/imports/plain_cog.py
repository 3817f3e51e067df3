"""A raster as the contract has it: one band of counts, EPSG:4326, as a Cloud Optimised GeoTIFF."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np
import rasterio
import rasterio.shutil
from affine import Affine
from numpy.typing import NDArray
from rasterio.io import DatasetWriter
from rasterio.windows import Window

from segment1b_assets.imports.target_grid import TargetGrid
from segment1b_assets.storage.gdal_settings import gdal_settings

BLOCK: Final = 512


@contextmanager
def open_draft(path: Path, grid: TargetGrid, dtype: str, *, nan: bool) -> Iterator[DatasetWriter]:
    """A tiled GeoTIFF to write windows into; blocks that nobody writes are zero.

    Args:
        path: where the draft lies.
        grid: its cells.
        dtype: float32 or float64.
        nan: whether NaN is declared as nodata.
    """
    options = {"nodata": float("nan")} if nan else {}
    with (
        gdal_settings(),
        rasterio.open(
            path, "w", driver="GTiff", count=1, dtype=dtype, crs="EPSG:4326",
            transform=Affine(grid.size_x, 0, grid.west, 0, -grid.size_y, grid.north),
            width=grid.ncols, height=grid.nrows, tiled=True, blockxsize=BLOCK, blockysize=BLOCK,
            compress="ZSTD", zstd_level=1, bigtiff="YES", sparse_ok=not nan, **options,
        ) as draft,
    ):  # fmt: skip
        yield draft


def write_windows(
    draft: DatasetWriter, windows: Iterable[tuple[Window, NDArray[np.float64]]]
) -> float:
    """Write windows in the draft's dtype; returns the sum of what is stored, NaN left out."""
    total = 0.0
    for window, values in windows:
        stored = values.astype(draft.dtypes[0])
        draft.write(stored, 1, window=window)
        total += float(np.nansum(stored, dtype=np.float64))
    return total


def write_cog(draft: Path, path: Path) -> None:
    """The draft's pixels as a COG without overviews; its bytes follow from the pixels alone."""
    with gdal_settings():
        rasterio.shutil.copy(
            draft, path, driver="COG", blocksize=BLOCK, compress="DEFLATE", level=6,
            predictor="YES", overviews="NONE", num_threads="1", bigtiff="IF_SAFER",
            sparse_ok="YES",
        )  # fmt: skip
