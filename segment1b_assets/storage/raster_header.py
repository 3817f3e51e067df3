"""The raster's header: its grid, or why we do not take it (contract §3)."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.input_files import require_file
from segment1b_assets.core.grid import Grid
from segment1b_assets.core.polygon import MAX_ABS_LON

#: How a raster is opened: a GeoTIFF and nothing else (a virtual raster's pixels lie elsewhere),
#: its place taken from itself. GDAL's names.
PLAIN_TIFF: Final = {"driver": "GTiff", "GEOREF_SOURCES": "INTERNAL"}
#: No file beside it counts: parameter_hash covers the raster's own bytes only.
ALONE: Final = {"GDAL_PAM_ENABLED": "NO", "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR"}
#: Rows and columns at most: a third of an arc-second round the globe; 32 MiB for an axis.
MAX_SIDE: Final = 1 << 22
#: Bytes of a block at most, for GDAL decodes a block as a whole.
MAX_BLOCK_BYTES: Final = 256 << 20
#: Degrees that a grid may reach: longitudes as far as polygons, latitudes with room past the poles.
MAX_REACH: Final = (MAX_ABS_LON, 180.0)


def read_grid(path: Path) -> Grid:
    """Open the raster and check it: one band, north-up, unrotated, EPSG:4326, numeric.

    No pixel is read.

    Beside the contract's rules it must be one that can be worked on in bounded memory (at most
    `MAX_SIDE` rows and columns, blocks of at most `MAX_BLOCK_BYTES`), with cells that binary64
    tells apart.

    Raises:
        Segment1BError: E_INPUT_MISSING, E002_RASTER_MISMATCH, E007_CRS_MISMATCH.
    """
    require_file(
        path, missing="E_INPUT_MISSING", unreadable="E002_RASTER_MISMATCH", what="the raster"
    )
    try:
        with warnings.catch_warnings(), rasterio.Env(**ALONE):
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            source = rasterio.open(path, **PLAIN_TIFF)
    except RasterioError as err:
        raise Segment1BError(
            "E002_RASTER_MISMATCH", f"cannot be opened as a raster: {err}", file=path
        ) from err
    with source:
        if source.count != 1:
            raise Segment1BError(
                "E002_RASTER_MISMATCH", "must have one band", file=path, value=source.count
            )
        if source.crs is None or source.crs.to_epsg() != 4326:
            raise Segment1BError(
                "E007_CRS_MISMATCH", "the raster must be in EPSG:4326", file=path,
                value="none" if source.crs is None else source.crs.to_string(),
            )  # fmt: skip
        affine = source.transform
        if affine.b != 0 or affine.d != 0:
            raise Segment1BError(
                "E002_RASTER_MISMATCH", "is rotated or sheared", file=path, value=tuple(affine)[:6]
            )
        if not (affine.a > 0 and affine.e < 0):
            raise Segment1BError(
                "E002_RASTER_MISMATCH", "must be north-up (a > 0 and e < 0)", file=path,
                value=tuple(affine)[:6],
            )  # fmt: skip
        if not all(np.isfinite([affine.a, affine.c, affine.e, affine.f])):
            raise Segment1BError(
                "E002_RASTER_MISMATCH",
                "its affine is not finite",
                file=path,
                value=tuple(affine)[:6],
            )
        dtype = source.dtypes[0]
        try:
            numeric = np.issubdtype(np.dtype(dtype), np.integer) or np.issubdtype(
                np.dtype(dtype), np.floating
            )
        except TypeError:
            numeric = False
        if not numeric:
            raise Segment1BError(
                "E002_RASTER_MISMATCH", "its dtype is not a real number's", file=path, value=dtype
            )
        _require_workable(source, np.dtype(dtype), path)
        grid = Grid(
            a=affine.a, c=affine.c, e=affine.e, f=affine.f, nrows=source.height, ncols=source.width
        )
        if not _are_told_apart(grid):
            raise Segment1BError(
                "E002_RASTER_MISMATCH",
                "its cells are too small for their place: binary64 gives an edge and the centre "
                "next to it one value",
                file=path,
                value=tuple(affine)[:6],
            )
        return grid


def _are_told_apart(grid: Grid) -> bool:
    """Whether edges and centres, in turn, strictly ascend: the crossings' ranks build on it."""
    lon, lat = grid.lon_edges, -grid.lat_edges
    lon_ascends = (lon[:-1] < grid.centroid_lon) & (grid.centroid_lon < lon[1:])
    lat_ascends = (lat[:-1] < -grid.centroid_lat) & (-grid.centroid_lat < lat[1:])
    return bool(lon_ascends.all() and lat_ascends.all())


def _require_workable(source: DatasetReader, dtype: np.dtype[Any], path: Path) -> None:
    def refuse(detail: str, value: object, next_step: str | None = None) -> Segment1BError:
        return Segment1BError(
            "E002_RASTER_MISMATCH", detail, file=path, value=value, next_step=next_step
        )

    if max(source.shape) > MAX_SIDE:
        raise refuse(f"has more than {MAX_SIDE} rows or columns", source.shape)
    block = source.block_shapes[0]
    size = block[0] * block[1] * dtype.itemsize
    if size > MAX_BLOCK_BYTES:
        raise refuse(
            f"one block of {block[0]} x {block[1]} pixels takes {size} bytes, more than "
            f"{MAX_BLOCK_BYTES}", size,
            "write it in tiles (gdal_translate -co TILED=YES) and re-run",
        )  # fmt: skip
    affine = source.transform
    ends = (affine.c + source.width * affine.a, affine.f + source.height * affine.e)
    for name, reach, first, last in zip(
        ("longitude", "latitude"), MAX_REACH, (affine.c, affine.f), ends, strict=True
    ):
        if not (abs(first) <= reach and abs(last) <= reach):
            raise refuse(
                f"reaches from {first!r} to {last!r} degrees of {name}: its unit is not degrees",
                tuple(affine)[:6],
            )
