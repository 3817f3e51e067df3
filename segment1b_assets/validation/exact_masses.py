"""The masses that a validator judges weights by: taken from the inputs, not from the producer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.core.cell_runs import CellRuns
from segment1b_assets.validation.columns import ROWS, Columns
from segment1b_assets.validation.error_free_sum import error_free_sum

Values = NDArray[Any]


class RasterReader(Protocol):
    """The raster as ``storage.raster_values.RasterValues`` reads it."""

    dtype: np.dtype[Any]
    nodata: Any
    shape: tuple[int, int]

    def values(self, runs: CellRuns) -> Iterator[Values]:
        """Values at the cells, in tile order."""


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


def raster_masses(runs: CellRuns, raster: RasterReader) -> ExactMasses:
    """The raster's values at the cells, held in the raster's dtype.

    Raises:
        Segment1BError: E002_RASTER_MISMATCH if a block cannot be decoded.
    """
    held = np.empty(runs.count, raster.dtype)
    total, filled = Fraction(0), 0
    for values in raster.values(runs):
        part = held[filled : filled + values.size]
        part[:] = values
        if raster.nodata is not None or not values.min() >= 0:
            part[np.isnan(values) | (values == raster.nodata)] = 0
        if not (part.min() >= 0 and part.max() < np.inf):
            other = part[~((part >= 0) & (part < np.inf))][0]
            return ExactMasses(Fraction(0), lambda: iter(()), f"the mass {other} is none")
        total += error_free_sum(part)
        filled += values.size

    def blocks() -> Iterator[Values]:
        for start in range(0, held.size, ROWS):
            yield held[start : start + ROWS]

    return ExactMasses(total, blocks)
