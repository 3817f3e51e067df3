"""The three maps: where a country's tiles are, what they weigh, and where its sites lie."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.core.grid import Grid
from segment1b_assets.maps.blocks import Blocks
from segment1b_assets.maps.canvas import notice, paint
from segment1b_assets.maps.frame import Frame, frame_of
from segment1b_assets.maps.palette import ABROAD, LAND
from segment1b_assets.maps.scales import Scale, log_scale, number

Floats = NDArray[np.float64]
#: A batch of points: rows and columns in cells from the grid's corner, and what each counts for.
PointBatch = tuple[Floats, Floats, Floats | None]

#: Up to this many places with sites, their dots are drawn larger.
FEW_DOTS = 120


@dataclass(frozen=True)
class Subject:
    """What is on the map: country code, its name, the dataset and its rows."""

    country: str
    name: str
    dataset: str
    rows: int

    @property
    def title(self) -> str:
        return f"{self.name} ({self.country})   {self.dataset}"

    def subtitle(self, more: str) -> str:
        return f"{_counted(self.rows, 'row')}, {more}"


def tile_map(subject: Subject, grid: Grid, blocks: Blocks) -> bytes:
    """PNG of the cells that belong to the country."""
    if blocks.rows.size == 0:
        return _empty(subject)
    frame = frame_of(blocks, grid)
    cells, _ = frame.averaged(blocks)
    pixels = _blank(frame)
    whole = bool((cells[cells > 0] > 1 - 1e-6).all())
    # From light to dark: most of a country is wholly its own, and yellow would shout.
    scale = Scale(
        1.0 if whole else 0.0, 1.0, False, "share of a pixel in the country", ends=(0.85, 0.3)
    )
    pixels[cells > 0] = scale.colours(cells[cells > 0])
    return paint(frame, pixels, subject.title, subject.subtitle(_cell(grid)), scale)


def weight_map(subject: Subject, grid: Grid, blocks: Blocks) -> bytes:
    """PNG of the mean weight of the country's cells, on a logarithmic scale."""
    if blocks.rows.size == 0:
        return _empty(subject)
    frame = frame_of(blocks, grid)
    cells, weights = frame.averaged(blocks)
    total = float(blocks.values.sum())
    density = np.divide(weights, cells * total, out=np.zeros_like(cells), where=cells > 0)
    scale = log_scale(density, "mean weight of a cell (all cells: 1)")
    pixels = _blank(frame)
    pixels[cells > 0] = LAND
    if scale is not None:
        pixels[density > 0] = scale.colours(density[density > 0])
    weightless = "weight 0" if ((cells > 0) & (density == 0)).any() else ""
    return paint(
        frame, pixels, subject.title, subject.subtitle(_cell(grid)), scale, zero=weightless
    )


def site_map(subject: Subject, grid: Grid, tiles: Blocks, points: Iterable[PointBatch]) -> bytes:
    """PNG of the country's sites as dots over its tiles."""
    if tiles.rows.size == 0:
        return _empty(subject)
    frame = frame_of(tiles, grid)
    cells, _ = frame.averaged(tiles)
    counts = np.zeros_like(cells)
    for rows, cols, weights in points:
        counts += frame.counted(rows, cols, weights)
    dots = _dots(counts)
    pixels = _blank(frame)
    pixels[cells > 0] = LAND
    scale = log_scale(dots, "sites of a dot")
    if scale is not None:
        if scale.high == scale.low:
            scale = replace(scale, ends=(0.0, 0.0))
        pixels[dots > 0] = scale.colours(dots[dots > 0])
    total = int(counts.sum())
    more = f"{_counted(total, 'site')} on the map" if total else "no sites"
    return paint(frame, pixels, subject.title, subject.subtitle(more), scale, zero="tiles")


def _blank(frame: Frame) -> NDArray[np.uint8]:
    return np.full((frame.height, frame.width, 3), ABROAD, dtype=np.uint8)


def _empty(subject: Subject) -> bytes:
    return notice(subject.title, "no tiles: the raster has no cell in this country")


def _cell(grid: Grid) -> str:
    return f"cells of {number(grid.a * 60)}' x {number(-grid.e * 60)}'"


def _dots(counts: Floats) -> Floats:
    """Each pixel takes the largest count around it, so that a point is a dot that can be seen."""
    reach = 2 if np.count_nonzero(counts) <= FEW_DOTS else 1
    edge = np.pad(counts, reach)
    height, width = counts.shape
    around = range(2 * reach + 1)
    largest: Floats = np.maximum.reduce(
        [edge[y : y + height, x : x + width] for y in around for x in around]
    )
    return largest


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
