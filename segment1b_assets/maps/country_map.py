"""The three maps: where a country's tiles are, what they weigh, and where its sites lie."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from segment1b_assets.core.grid import Grid
from segment1b_assets.maps.blocks import Blocks, Floats
from segment1b_assets.maps.figure import Layer, draw_map, draw_notice
from segment1b_assets.maps.frame import BORDER, frame_of
from segment1b_assets.maps.marks import number

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


def tile_map(subject: Subject, grid: Grid, blocks: Blocks) -> bytes:
    """PNG of the share of each pixel that the country's cells cover."""
    return _map(subject, grid, blocks, None)


def weight_map(subject: Subject, grid: Grid, blocks: Blocks) -> bytes:
    """PNG of the mean weight of the country's cells, on a logarithmic scale."""
    return _map(subject, grid, blocks, None, weighed=True)


def site_map(subject: Subject, grid: Grid, tiles: Blocks, points: Iterable[PointBatch]) -> bytes:
    """PNG of the country's sites as dots over its tiles."""
    return _map(subject, grid, tiles, points)


def _map(
    subject: Subject, grid: Grid, blocks: Blocks, points: Iterable[PointBatch] | None,
    weighed: bool = False,
) -> bytes:  # fmt: skip
    title = f"{subject.name} ({subject.country})   {subject.dataset}"
    if blocks.rows.size == 0:
        return draw_notice(title, "no tiles: the raster has no cell in this country")
    frame = frame_of(blocks, grid)
    cells, weights = (np.pad(found, BORDER) for found in frame.averaged(blocks))
    land = cells > 0
    more = f"cells of {number(grid.a * 60)}' x {number(-grid.e * 60)}'"
    if points is not None:
        counts = np.zeros((frame.height, frame.width))
        for rows, cols, each in points:
            counts += frame.counted(rows, cols, each)
        more = f"{_counted(int(counts.sum()), 'site')} on the map"
        layer = Layer(
            _dots(np.pad(counts, BORDER)), land, "sites a dot", "viridis_r", True, "tiles"
        )
    elif weighed:
        total = float(blocks.values.sum())
        share = np.divide(weights, cells * total, out=np.zeros_like(cells), where=weights > 0)
        zero = "weight 0" if (land & (share == 0)).any() else ""
        caption = "mean weight of a cell (all cells: 1)"
        layer = Layer(share, land, caption, "viridis", True, zero)
    else:
        layer = Layer(cells, land, "share of a pixel in the country", "cividis_r", False)
    return draw_map(layer, frame.extent, title, f"{_counted(subject.rows, 'row')}, {more}")


def _dots(counts: Floats) -> Floats:
    """Each pixel takes the largest count around it, so that a point is a dot one sees.

    The border of zeros (BORDER pixels) is wider than a dot's reach, so nothing rolls over.
    """
    reach = 2 if np.count_nonzero(counts) <= FEW_DOTS else 1
    largest = counts
    for axis in (0, 1):
        shifted = [np.roll(largest, by, axis) for by in range(-reach, reach + 1)]
        largest = np.maximum.reduce(shifted)
    return largest


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
