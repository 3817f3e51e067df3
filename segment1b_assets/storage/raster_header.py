"""The raster's header: its grid, or why it is refused (contract §3)."""

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
from segment1b_assets.storage.gdal_settings import PLAIN_TIFF, gdal_settings
from segment1b_assets.storage.tiff_tags import read_tiff_tags

#: Rows and columns at most: a third of an arc-second round the globe; 32 MiB for an axis.
MAX_SIDE: Final = 1 << 22
#: Bytes of a block at most: GDAL decodes a block as a whole.
MAX_BLOCK_BYTES: Final = 256 << 20
#: Degrees that a grid may reach: longitudes like polygons, latitudes with a margin past the poles.
MAX_REACH: Final = (MAX_ABS_LON, 180.0)
#: Brings a raster to the contract's form and keeps its number of people.
RESAMPLE: Final = "gdalwarp -t_srs EPSG:4326 -r sum -ot Float64"


def read_grid(path: Path) -> Grid:
    """Open the raster and check it: one band, north-up, unrotated, EPSG:4326, numeric, unscaled.

    No pixel is read. Files beside the raster and the environment have no effect.

    Beyond the contract's rules it must fit bounded memory (at most `MAX_SIDE` rows and columns,
    blocks of at most `MAX_BLOCK_BYTES`), and its cells must differ in binary64.

    Raises:
        Segment1BError: E_INPUT_MISSING, E002_RASTER_MISMATCH, E007_CRS_MISMATCH.
    """
    require_file(
        path, missing="E_INPUT_MISSING", unreadable="E002_RASTER_MISMATCH", what="the raster"
    )
    with gdal_settings():
        return _checked_grid(path)


def _checked_grid(path: Path) -> Grid:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            source = rasterio.open(path, **PLAIN_TIFF)
    except RasterioError as err:
        raise Segment1BError(
            "E002_RASTER_MISMATCH", f"cannot be opened as a raster: {err}", file=path,
            next_step="replace it by a whole GeoTIFF (another format: gdal_translate) and re-run",
        ) from err  # fmt: skip
    with source:
        if source.count != 1:
            raise Segment1BError(
                "E002_RASTER_MISMATCH", "must have one band", file=path, value=source.count,
                next_step="keep the band of the people (gdal_translate -b 1) "
                "and re-run",
            )  # fmt: skip
        if source.crs is None:
            raise Segment1BError(
                "E007_CRS_MISMATCH", "the raster names no CRS", file=path, value="none",
                next_step="if its coordinates are WGS84 degrees, declare it (gdal_edit.py -a_srs "
                f"EPSG:4326); otherwise declare its CRS, then reproject: {RESAMPLE}",
            )  # fmt: skip
        if source.crs.to_epsg() != 4326:
            raise Segment1BError(
                "E007_CRS_MISMATCH", "the raster must be in EPSG:4326", file=path,
                value=source.crs.to_string(),
                next_step=f"reproject it: {RESAMPLE} (the sum keeps the people), and re-run",
            )  # fmt: skip
        affine = source.transform
        if affine.b != 0 or affine.d != 0:
            raise Segment1BError(
                "E002_RASTER_MISMATCH", "is rotated or sheared", file=path,
                value=tuple(affine)[:6],
                next_step=f"resample it: {RESAMPLE} (the sum keeps the people), and re-run",
            )  # fmt: skip
        _require_first_row_north(source, path)
        _require_unscaled(source, path)
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
                "E002_RASTER_MISMATCH", "its dtype is not real", file=path, value=dtype
            )
        _require_workable(source, np.dtype(dtype), path)
        grid = Grid(
            a=affine.a, c=affine.c, e=affine.e, f=affine.f, nrows=source.height, ncols=source.width
        )
        if not _is_strictly_ordered(grid):
            raise Segment1BError(
                "E002_RASTER_MISMATCH",
                "its cells are too small for their place: in binary64 an edge equals the centre "
                "next to it",
                file=path,
                value=tuple(affine)[:6],
            )
        return grid


def _require_first_row_north(source: DatasetReader, path: Path) -> None:
    """Three tags can reverse the rows, and GDAL follows only the first of them."""
    affine = source.transform
    if not (affine.a > 0 and affine.e < 0):
        raise Segment1BError(
            "E002_RASTER_MISMATCH", "must be north-up (a > 0 and e < 0)", file=path,
            value=tuple(affine)[:6],
            next_step="write its rows from north to south, its columns from west to east "
            "(numpy.flip, rasterio.open(…, 'w')), with a > 0 and e < 0, and re-run",
        )  # fmt: skip
    tags = read_tiff_tags(path)
    if tags.orientation != 1:
        raise Segment1BError(
            "E002_RASTER_MISMATCH",
            f"its Orientation tag is {tags.orientation}: its first row is not its top, or its "
            "first column not its left side",
            file=path, value=tags.orientation,
            next_step="if the stored rows run from north to south, drop the tag "
            "(gdal_translate in.tif out.tif writes none); otherwise flip them, too (numpy.flipud)",
        )  # fmt: skip
    if tags.pixel_height is not None and tags.pixel_height < 0:
        raise Segment1BError(
            "E002_RASTER_MISMATCH", "its pixel height (ScaleY of ModelPixelScaleTag) is negative",
            file=path, value=tags.pixel_height,
            next_step="if the stored rows run from north to south, rewrite the height "
            "(gdal_translate in.tif out.tif does); otherwise flip the rows, too (numpy.flipud)",
        )  # fmt: skip


def _require_unscaled(source: DatasetReader, path: Path) -> None:
    scale, offset = source.scales[0], source.offsets[0]
    if (scale, offset) != (1, 0):
        raise Segment1BError(
            "E002_RASTER_MISMATCH",
            f"its pixels are scaled: a value is pixel x {scale!r} + {offset!r}",
            file=path, value=(scale, offset),
            next_step="write the values themselves (gdal_translate -unscale -ot Float64 in.tif "
            "out.tif) and re-run",
        )  # fmt: skip


def _is_strictly_ordered(grid: Grid) -> bool:
    """Whether edges and centres, alternating, strictly ascend: the crossings' ranks need it."""
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
