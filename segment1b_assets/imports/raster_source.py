"""A foreign raster: where its cells lie, and its values as they are meant (contract §3).

Nodata, mask, scale and offset are resolved here: a value is what it says, and NaN where the file
has none. Sidecars count here, for a foreign file may keep its mask or its georeference in one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader
from rasterio.windows import Window

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.input_files import require_file
from segment1b_assets.imports.place_input import CHECK_PATH
from segment1b_assets.imports.target_grid import TargetGrid
from segment1b_assets.imports.zip_archive import inside_archive
from segment1b_assets.storage.gdal_settings import CACHE_BYTES

_OPTIONS: Final = {
    "GDAL_CACHEMAX": CACHE_BYTES, "GDAL_NUM_THREADS": "1", "GTIFF_IGNORE_READ_ERRORS": "NO",
    "GDAL_PAM_ENABLED": "YES", "GDAL_DISABLE_READDIR_ON_OPEN": "FALSE",
}  # fmt: skip
#: Types whose every value a float32 holds.
_FITS_FLOAT32: Final = {"uint8", "int8", "uint16", "int16", "float32"}


class RasterSource:
    """One band of a raster that is open.

    Attributes:
        path: the file.
        dataset: rasterio's.
        grid: its cells as a grid in degrees where it is in EPSG:4326 and north-up, else None.
        exact_in_float32: whether float32 holds its values.
    """

    def __init__(self, path: Path, dataset: DatasetReader) -> None:
        self.path = path
        self.dataset = dataset
        affine = dataset.transform
        plain = affine.b == 0 and affine.d == 0 and affine.a > 0 and affine.e < 0
        self.grid = (
            TargetGrid(affine.c, affine.f, affine.a, -affine.e, dataset.height, dataset.width)
            if plain and dataset.crs.to_epsg() == 4326
            else None
        )
        self._scale, self._offset = dataset.scales[0], dataset.offsets[0]
        scaled = (self._scale, self._offset) != (1.0, 0.0)
        self.exact_in_float32 = scaled or dataset.dtypes[0] in _FITS_FLOAT32

    def windows(self, side: int) -> list[Window]:
        """Windows of about `side` cells, of whole blocks where these are tiles, in file order."""
        height, width = self.dataset.shape
        rows, cols = self.dataset.block_shapes[0]
        high = max(rows, side // rows * rows) if rows <= 4 * side else side
        wide = max(cols, side // cols * cols) if cols <= 4 * side else side
        return [
            Window(left, top, min(wide, width - left), min(high, height - top))
            for top in range(0, height, high)
            for left in range(0, width, wide)
        ]

    def read(self, window: Window) -> NDArray[np.float64]:
        """The values of a window, float64, NaN where there are none.

        Raises:
            Segment1BError: E002_RASTER_MISMATCH where the file is damaged there.
        """
        try:
            values: NDArray[np.float64] = self.dataset.read(1, window=window).astype(np.float64)
            valid = self.dataset.read_masks(1, window=window) != 0
        except RasterioError as err:
            raise Segment1BError(
                "E002_RASTER_MISMATCH", f"cannot be read at {window}: {err}", file=self.path
            ) from err
        if (self._scale, self._offset) != (1.0, 0.0):
            values = values * self._scale + self._offset
        values[~valid] = np.nan
        return values


def exact_text(value: float | int) -> str:
    """A value as GDAL's programs read it back, digit for digit."""
    if isinstance(value, float) and not (value.is_integer() and abs(value) < 1 << 53):
        return repr(float(value))
    return str(int(value))


@contextmanager
def open_source(path: Path) -> Iterator[RasterSource]:
    """Open a raster of any format and CRS; a zip archive that holds one GeoTIFF, too.

    Raises:
        Segment1BError: E_INPUT_MISSING; E002_RASTER_MISMATCH where it cannot be opened, has
            several bands or no real numbers; E007_CRS_MISMATCH where it names no CRS.
    """
    require_file(
        path, missing="E_INPUT_MISSING", unreadable="E002_RASTER_MISMATCH", next_step=CHECK_PATH
    )
    place = inside_archive(
        path, (".tif", ".tiff"), code="E002_RASTER_MISMATCH", kind="GeoTIFFs",
        next_step="unpack it and give the files themselves",
    )  # fmt: skip
    with rasterio.Env(**_OPTIONS):
        try:
            dataset = rasterio.open(place)
        except RasterioError as err:
            raise Segment1BError(
                "E002_RASTER_MISMATCH", f"cannot be opened as a raster: {err}", file=path,
                next_step="give a GeoTIFF, or a zip archive with one",
            ) from err  # fmt: skip
        with dataset:
            _require_one_band(dataset, path)
            yield RasterSource(path, dataset)


def _require_one_band(dataset: DatasetReader, path: Path) -> None:
    if dataset.count != 1:
        raise Segment1BError(
            "E002_RASTER_MISMATCH", "must have one band", file=path, value=dataset.count,
            next_step="take out the band that holds the people (gdal_translate -b 1)",
        )  # fmt: skip
    if dataset.crs is None:
        raise Segment1BError(
            "E007_CRS_MISMATCH", "the raster names no CRS", file=path, value="none",
            next_step="say which it is (gdal_translate -a_srs EPSG:4326 in.tif out.tif), and "
            "import that",
        )  # fmt: skip
    kind: Any = np.dtype(dataset.dtypes[0]) if "complex" not in dataset.dtypes[0] else None
    if kind is None or kind.kind not in "iuf":
        raise Segment1BError(
            "E002_RASTER_MISMATCH", "its dtype is not a real number's", file=path,
            value=dataset.dtypes[0],
        )  # fmt: skip
