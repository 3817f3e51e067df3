"""A country's masses from the raster: read, cleaned, checked, summed (contract §4, S2)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.core.cell_runs import CellRuns
from segment1b_assets.core.exact_sum import ExactSum, Masses
from segment1b_assets.core.mass_passes import HELD_BYTES, CountryMasses, MassStore, cells_after


class MassReader(Protocol):
    """Where a raster's values come from; ``storage.raster_values.RasterValues`` is one.

    Attributes:
        source: the file, for messages.
        dtype: of the raster, an integer or float type.
        nodata: the nodata value in the raster's dtype, or None.
        nodata_text: as the file spells it, or None.
        bytes_read: bytes of the pixels decompressed so far.
        bytes_uncompressed: bytes of all the raster's pixels.
    """

    source: str
    dtype: np.dtype[Any]
    nodata: Any
    nodata_text: str | None
    bytes_read: int
    bytes_uncompressed: int

    def values(self, runs: CellRuns) -> Iterator[Masses]:
        """The values at the cells, in tile order, in arrays of bounded size that may be changed."""


def read_masses(
    country: str,
    runs: CellRuns,
    reader: MassReader,
    store: MassStore,
    held_bytes: int = HELD_BYTES,
) -> CountryMasses:
    """Read the masses of the cells of `runs` once, and return the passes over them.

    Nodata and NaN are 0.

    Args:
        country: ISO code, for errors.
        runs: the country's cells.
        reader: the raster.
        store: keeps the masses of a country that has more than `held_bytes` of them.
        held_bytes: the most bytes of masses that are held as they are.

    Raises:
        Segment1BError: E105_NORMALIZATION with tile_id, row, column and the value, where one is
            negative or infinite; what `reader` raises.
        ValueError: the reader gives more or fewer values than there are cells.
    """
    in_memory = runs.count * reader.dtype.itemsize <= held_bytes
    held = np.empty(runs.count if in_memory else 0, reader.dtype)
    adder = ExactSum(reader.dtype)
    filled = kept = 0
    has_room, largest = True, 0.0
    for values in _read(country, runs, reader):
        adder.add(values)
        largest = max(largest, float(values.max(initial=0)))
        if in_memory:
            held[filled : filled + values.size] = values
        elif has_room:
            has_room = store.keep(values)
            kept += values.size if has_room else 0
        filled += values.size
    if filled != runs.count:
        raise ValueError(f"the reader gave {filled} values for {runs.count} cells")

    def passes() -> Iterator[Masses]:
        if in_memory:
            yield held
            return
        yield from store.kept()
        if kept < runs.count:
            yield from _read(country, cells_after(runs, kept), reader)

    return CountryMasses(reader.dtype, adder.total(), largest, passes)


def _read(country: str, runs: CellRuns, reader: MassReader) -> Iterator[Masses]:
    """The masses, cleaned and checked."""
    read = 0
    for values in reader.values(runs):
        invalid = clean_masses(values, reader.nodata)
        if invalid.size:
            at = int(invalid[0])
            raise _no_mass(country, runs, read + at, values[at], reader)
        read += values.size
        yield values


def clean_masses(values: Masses, nodata: Any) -> NDArray[np.intp]:
    """Set nodata and NaN to 0 in place.

    Args:
        values: a raster's values, shape (k,).
        nodata: as `MassReader` has it.

    Returns:
        Indices of the values that are no mass, negative or infinite: shape (m,), ascending.
    """
    if nodata is not None and nodata > 0:
        values[values == nodata] = 0
    if values.size == 0 or (values.min() >= 0 and values.max() < np.inf):
        return np.empty(0, np.intp)
    # Some value is negative, infinite or NaN (which compares with nothing).
    values[np.isnan(values)] = 0
    if nodata is not None:
        values[values == nodata] = 0
    return np.flatnonzero((values < 0) | (values == np.inf))


def _no_mass(
    country: str, runs: CellRuns, position: int, value: Any, reader: MassReader
) -> Segment1BError:
    upto = np.cumsum(runs.lengths)
    run = int(np.searchsorted(upto, position, side="right"))
    tile = int(runs.stops[run] - (upto[run] - position))
    row, col = divmod(tile, runs.ncols)
    detail = (
        f"tile_id {tile} (row {row}, column {col}) has mass {value.item()!r}; "
        "a mass must be finite and not negative"
    )
    next_step = "correct the raster's values, or declare its nodata value, and re-run"
    if reader.nodata_text is not None:
        stated = "no pixel of its dtype" if reader.nodata is None else repr(reader.nodata.item())
        detail += f"; the file's nodata is {reader.nodata_text!r}, which is {stated}"
        next_step = (
            "if this value means nodata, declare it to the last digit "
            f"(gdal_edit.py -a_nodata {value.item()!r}); otherwise correct the raster's values"
        )
    return Segment1BError(
        "E105_NORMALIZATION", detail, country=country, file=reader.source, value=value.item(),
        next_step=next_step,
    )  # fmt: skip
