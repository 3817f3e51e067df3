"""The raster's values at a country's cells, block by block (contract §3 and §4, S2)."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import MaskFlags
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader, MemoryFile
from rasterio.shutil import copy as copy_raster
from rasterio.windows import Window

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.core.cell_runs import CellRuns
from segment1b_assets.core.masses import clean_masses
from segment1b_assets.storage.block_bands import Band, bands
from segment1b_assets.storage.gdal_settings import (
    CACHE_BYTES,
    PLAIN_TIFF,
    gdal_settings,
    settings_while_reading,
)
from segment1b_assets.storage.read_ahead import LARGE_ROWS, read_ahead
from segment1b_assets.storage.tiff_tags import read_tiff_tags

Values = NDArray[Any]

#: Bytes of pixels held at a time.
HELD_BYTES: Final = 64 << 20
#: Cells of one array that `values` yields: small enough to stay in the processor's cache.
PIECE_CELLS: Final = 1 << 17


class RasterValues:
    """Reads one country's values; make one for each country and thread.

    Each call opens the file, because threads cannot share GDAL's handles. Only
    the blocks that hold a cell are read, each once (a block row that does not fit `held_bytes` is
    read in parts, from GDAL's cache where the blocks fit that).

    Args:
        path: the raster: one band of a real dtype.
        held_bytes: the most bytes of pixels to hold at a time.

    Attributes:
        source: the path.
        dtype: the raster's dtype.
        nodata: the raster's nodata value as a scalar of `dtype`; None where it has none, or one
            that is not a value of this dtype.
        nodata_text: as the file spells it; None where it spells none.
        masked: whether the file has an internal mask, whose masked pixels count as nodata.
        shape: rows and columns.
        bytes_read: bytes of the pixels, and of the mask, in the blocks decompressed so far.
        bytes_uncompressed: bytes of all pixels, and of the mask.

    Raises:
        Segment1BError: E_INPUT_MISSING; E002_RASTER_MISMATCH, with GDAL's reason, for a file that
            is not a raster, has several bands or a complex dtype.
    """

    def __init__(self, path: str | Path, held_bytes: int = HELD_BYTES) -> None:
        self.source = str(path)
        self._held_bytes = held_bytes
        with gdal_settings(), self._open() as raster:
            if raster.count != 1:
                raise self._mismatch(f"has {raster.count} bands, not one", raster.count)
            self.dtype = self._real(raster.dtypes[0])
            self.nodata = _nodata_of(raster, self.dtype)
            self.nodata_text = read_tiff_tags(Path(path)).nodata_text
            self.masked = MaskFlags.per_dataset in raster.mask_flag_enums[0]
            self.shape = (raster.height, raster.width)
            self._block = raster.block_shapes[0]
        self.bytes_read = 0
        self._pixel_bytes = self.dtype.itemsize + self.masked
        self.bytes_uncompressed = self.shape[0] * self.shape[1] * self._pixel_bytes

    def values(self, runs: CellRuns) -> Iterator[Values]:
        """The values at the cells, in tile order.

        Args:
            runs: cells of a grid of this raster's shape.

        Yields:
            Arrays of the raster's dtype, shape (k,), k <= PIECE_CELLS, raw: the nodata value is
            still there; what the mask masks is 0.

        Raises:
            Segment1BError: E002_RASTER_MISMATCH, with GDAL's reason, where a block cannot be
                decoded or the cells are not of this grid.
        """
        found = self._values(runs)
        return read_ahead(found) if runs.count >= LARGE_ROWS else found

    def _values(self, runs: CellRuns) -> Generator[Values, None, None]:
        if runs.count == 0:
            return
        if runs.ncols != self.shape[1] or int(runs.stops[-1]) > self.shape[0] * self.shape[1]:
            raise self._mismatch(
                f"is {self.shape[0]} x {self.shape[1]}, but the tiles are of another grid, of "
                f"{runs.ncols} columns", runs.ncols,
            )  # fmt: skip
        with gdal_settings():
            raster = self._open()
        try:
            for band in bands(runs, self.shape, self._block):
                yield from self._band(raster, band)
        finally:
            raster.close()

    def persons(self, runs: CellRuns) -> Iterator[NDArray[np.float64]]:
        """`values` as persons, float64: nodata and what is no mass (negative, infinite) are 0."""
        for values in self.values(runs):
            values[clean_masses(values, self.nodata)] = 0
            yield values.astype(np.float64)

    def _band(self, raster: DatasetReader, band: Band) -> Iterator[Values]:
        row_bytes = band.width * self._pixel_bytes
        parts = list(band.parts(max(1, self._held_bytes // row_bytes)))
        block_bytes = band.block_pixels * self._pixel_bytes
        decodings = 1 if block_bytes <= CACHE_BYTES else len(parts)
        for number, part in enumerate(parts):
            pixels = np.empty((part.last_row - part.first_row, part.width), self.dtype)
            for span in part.spans:
                window = Window(
                    span.first_col,
                    part.first_row,
                    span.last_col - span.first_col,
                    part.last_row - part.first_row,
                )
                place = pixels[:, span.place : span.place + span.last_col - span.first_col]
                try:
                    with settings_while_reading():
                        raster.read(1, window=window, out=place)
                        if self.masked:
                            place[raster.read_masks(1, window=window) == 0] = 0
                except RasterioError as err:
                    raise self._unreadable(err, window) from err
            if number < decodings:
                self.bytes_read += block_bytes
            flat = pixels.reshape(-1)
            for cells in part.runs.batches(PIECE_CELLS):
                yield flat.take(part.find_paths(cells))

    def _open(self) -> DatasetReader:
        try:
            return rasterio.open(self.source, sharing=False, **PLAIN_TIFF)
        except RasterioError as err:
            if "://" not in self.source and not Path(self.source).exists():
                raise Segment1BError(
                    "E_INPUT_MISSING", "the raster is not there", file=self.source
                ) from None
            raise self._mismatch(f"cannot be opened as a raster: {_reason(err)}", None) from err

    def _real(self, name: str) -> np.dtype[Any]:
        try:
            dtype = np.dtype(name)
        except TypeError:
            raise self._mismatch(f"has the dtype {name}, not a real one", name) from None
        if dtype.kind not in "iuf" or (dtype.itemsize == 2 and dtype.kind == "f"):
            raise self._mismatch(
                f"has the dtype {name}; integers, float32 and float64 are taken", name
            )
        return dtype

    def _unreadable(self, err: RasterioError, window: Window) -> Segment1BError:
        rows = f"{window.row_off}..{window.row_off + window.height - 1}"
        cols = f"{window.col_off}..{window.col_off + window.width - 1}"
        return Segment1BError(
            "E002_RASTER_MISMATCH",
            f"pixels of rows {rows}, columns {cols} cannot be decoded: {_reason(err)}",
            file=self.source,
            next_step="replace the raster with an undamaged copy and re-run",
        )

    def _mismatch(self, detail: str, value: Any) -> Segment1BError:
        return Segment1BError(
            "E002_RASTER_MISMATCH", f"the raster {detail}", file=self.source, value=value
        )


def _reason(err: BaseException) -> str:
    """GDAL's message, from the innermost error, on one line."""
    while err.__cause__ is not None:
        err = err.__cause__
    return " ".join(str(err).split())[:300]


def _nodata_of(raster: DatasetReader, dtype: np.dtype[Any]) -> Any:
    wide = dtype.kind in "iu" and dtype.itemsize == 8
    value: float | int | None = _whole_nodata(raster) if wide else raster.nodata
    if value is None:
        return None
    if dtype.kind == "f":
        beyond = np.isfinite(value) and abs(value) > np.finfo(dtype).max
        return None if beyond else dtype.type(value)
    limits = np.iinfo(dtype)
    if not limits.min <= value <= limits.max or value != int(value):
        return None
    return dtype.type(int(value))


def _whole_nodata(raster: DatasetReader) -> int | None:
    """A 64-bit nodata value to the last digit: rasterio returns a float, but GDAL has the text."""
    with MemoryFile(ext=".vrt") as spelt:
        copy_raster(raster, spelt.name, driver="VRT")
        text = spelt.read().decode("utf-8", "replace")
    found = re.search(r"<NoDataValue>\s*([-+]?\d+)\s*</NoDataValue>", text)
    return int(found.group(1)) if found else None
