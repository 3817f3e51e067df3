"""The population raster: towns spread over the land round them, and a rural background.

Written in bands of rows, so that 725 million cells need a few hundred megabytes. Each cell's sum
is over towns in one fixed order, so the bands do not change the bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
import rasterio.shutil
from numpy.typing import NDArray
from rasterio.windows import Window

from segment1b_assets.reference_world.gazetteer import Settlements
from segment1b_assets.reference_world.grid import WorldGrid
from segment1b_assets.reference_world.land import LandCover
from segment1b_assets.reference_world.rural import RuralDensity
from segment1b_assets.reference_world.towns import TownKernels

NODATA = -9999.0
BLOCK = 512  # cells along a tile of the GeoTIFF
BAND_BLOCKS = 2  # rows of tiles that one band holds
SIGNIFICANT_BITS = 18  # of 24: enough for an invented density, and the file is a fifth smaller
GDAL_CACHE_MB = 128  # GDAL would take a twentieth of the machine


@dataclass(frozen=True)
class RasterSummary:
    """Burnt cells of each owner (index = owner, 0 = sea) and people in the raster."""

    cells_by_owner: NDArray[np.int64]
    people: float


def write_population(
    path: Path,
    grid: WorldGrid,
    land: LandCover,
    settlements: Settlements,
    progress: Callable[[str], None],
) -> RasterSummary:
    """Cloud-optimised GeoTIFF, float32, EPSG:4326, people per cell on land, NODATA at sea."""
    draft = path.with_name("draft.tif")
    towns = TownKernels(grid, settlements)
    rural = RuralDensity(settlements, land)
    counts = np.zeros(land.owner_count + 1, dtype=np.int64)
    people = 0.0
    with (
        rasterio.Env(GDAL_CACHEMAX=GDAL_CACHE_MB),
        rasterio.open(
            draft,
            "w",
            driver="GTiff",
            width=grid.cols,
            height=grid.rows,
            count=1,
            dtype="float32",
            crs="EPSG:4326",
            transform=grid.affine,
            nodata=NODATA,
            tiled=True,
            blockxsize=BLOCK,
            blockysize=BLOCK,
            compress="zstd",
            zstd_level=1,
            sparse_ok=True,
            num_threads=2,
        ) as target,
    ):
        for first, stop in _bands(grid):
            halo = towns.halo_rows(first, stop)
            top, bottom = max(0, first - halo), min(grid.rows, stop + halo)
            owner = land.owners(grid, top, bottom)
            own = owner[first - top : stop - top]
            counts += np.bincount(own.ravel(), minlength=len(counts))
            cells = towns.spread(owner > 0, top, first, stop)
            on_land = (own > 0) | (cells > 0)
            rural.add_to(cells, grid, first)
            cells = round_mantissa(cells, SIGNIFICANT_BITS)
            np.copyto(cells, NODATA, where=~on_land)
            people += float(np.sum(cells, where=on_land, dtype=np.float64))
            target.write(cells, 1, window=Window(0, first, grid.cols, stop - first))
            progress(f"population raster: {stop} of {grid.rows} rows")
    _optimise(draft, path)
    draft.unlink()
    return RasterSummary(counts, people)


def _optimise(draft: Path, path: Path) -> None:
    """The draft as a COG without overviews (nothing reads them) and without all-sea tiles.

    Horizontal differencing of the float bits beat the floating-point predictor at 30 arc-seconds
    both in size (97 MB against 105) and in decoding (2.4 s against 3.1, one thread).
    """
    with rasterio.Env(GDAL_CACHEMAX=GDAL_CACHE_MB):
        rasterio.shutil.copy(
            draft,
            path,
            driver="COG",
            blocksize=BLOCK,
            compress="zstd",
            level=9,
            predictor="STANDARD",
            overviews="NONE",
            sparse_ok="YES",
            num_threads="2",
        )


def round_mantissa(values: NDArray[np.float32], bits: int) -> NDArray[np.float32]:
    """Non-negative finite float32 rounded half up to `bits` significant bits."""
    drop = 24 - bits
    raw = values.view(np.uint32)
    return ((raw + (1 << (drop - 1))) >> drop << drop).astype(np.uint32).view(np.float32)


def _bands(grid: WorldGrid) -> Iterator[tuple[int, int]]:
    height = BLOCK * BAND_BLOCKS
    for first in range(0, grid.rows, height):
        yield first, min(first + height, grid.rows)
