"""The masses that a validator judges weights by: taken from the inputs, not from the producer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.core.cell_runs import CellRuns
from segment1b_assets.validation.columns import ROWS, Columns
from segment1b_assets.validation.error_free_sum import error_free_sum

Values = NDArray[Any]

#: Bytes of a country's masses that are held; a larger country's are read twice.
HELD_BYTES: Final = 256 << 20


class RasterReader(Protocol):
    """The raster as ``storage.raster_values.RasterValues`` reads it."""

    dtype: np.dtype[Any]
    nodata: Any
    shape: tuple[int, int]

    def values(self, runs: CellRuns) -> Iterator[Values]:
        """Values at the cells, in tile order, in arrays that may be changed."""


@dataclass(frozen=True)
class ExactMasses:
    """Masses in tile order.

    Attributes:
        total: their exact sum.
        blocks: starts a pass over them, ROWS at a time.
        fault: what is wrong with a mass, or None.
    """

    total: Fraction
    blocks: Callable[[], Iterator[Values]]
    fault: str | None = None


def equal_masses(tiles: int) -> ExactMasses:
    """A mass of 1 for each tile."""

    def blocks() -> Iterator[Values]:
        for start in range(0, tiles, ROWS):
            yield np.ones(min(ROWS, tiles - start))

    return ExactMasses(Fraction(tiles), blocks)


def area_masses(tile_index_files: Sequence[Path]) -> ExactMasses:
    """The published pixel_area_m2.

    Raises:
        Segment1BError: E_INPUT_SCHEMA if the files cannot be read.
    """
    name = "pixel_area_m2"

    def blocks() -> Iterator[Values]:
        for block in Columns(tile_index_files, [name]).blocks():
            yield block[name]

    total = Fraction(0)
    for part in blocks():
        if not (np.isfinite(part) & (part >= 0)).all():
            return ExactMasses(Fraction(0), blocks, f"a {name} is negative or not finite")
        total += error_free_sum(part)
    return ExactMasses(total, blocks)


def raster_masses(
    runs: CellRuns, raster: RasterReader, held_bytes: int = HELD_BYTES
) -> ExactMasses:
    """The raster's values at the cells; a large country's are read again in every pass.

    Args:
        runs: the country's cells.
        raster: the raster.
        held_bytes: the most bytes of masses that are held, in the raster's dtype.

    Raises:
        Segment1BError: E002_RASTER_MISMATCH if a block cannot be decoded, also by ``blocks()``.
    """
    in_memory = runs.count * raster.dtype.itemsize <= held_bytes
    held = np.empty(runs.count if in_memory else 0, raster.dtype)
    total, filled = Fraction(0), 0
    for part in _cleaned(runs, raster):
        if not (part.min() >= 0 and part.max() < np.inf):
            other = part[~((part >= 0) & (part < np.inf))][0]
            return ExactMasses(Fraction(0), lambda: iter(()), f"the mass {other} is none")
        total += error_free_sum(part)
        if in_memory:
            held[filled : filled + part.size] = part
        filled += part.size

    def blocks() -> Iterator[Values]:
        for part in [held] if in_memory else _cleaned(runs, raster):
            for start in range(0, part.size, ROWS):
                yield part[start : start + ROWS]

    return ExactMasses(total, blocks)


def _cleaned(runs: CellRuns, raster: RasterReader) -> Iterator[Values]:
    """The values with nodata and NaN as 0, in arrays that hold one or more."""
    for values in raster.values(runs):
        if values.size == 0:
            continue
        if raster.nodata is not None or not values.min() >= 0:
            values[np.isnan(values) | (values == raster.nodata)] = 0
        yield values
