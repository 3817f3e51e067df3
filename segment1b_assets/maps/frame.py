"""What part of the globe a map shows, and which pixel a place falls on.

Countries that lie on both sides of the 180th meridian are shown in one piece: the frame begins
after the widest stretch of longitudes in which the country has nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.core.grid import Grid
from segment1b_assets.maps.blocks import Blocks, Floats
from segment1b_assets.maps.figure import Extent

#: The plot's largest size in pixels, and the empty border within it.
MOST_WIDTH, MOST_HEIGHT, BORDER = 380, 270, 8


@dataclass(frozen=True)
class Frame:
    """An equirectangular picture, true to scale at its middle latitude.

    Attributes:
        first_row, first_col: the grid cell of the top left corner, border excluded.
        block_rows, block_cols: blocks shown, border excluded.
        size: cells of a block's side.
        width, height: pixels, border excluded.
        wraps: whether the grid goes all around the globe.
    """

    grid: Grid
    first_row: int
    first_col: int
    block_rows: int
    block_cols: int
    size: int
    width: int
    height: int
    wraps: bool

    @property
    def extent(self) -> Extent:
        """The edges in degrees, border included; longitudes are not wrapped."""
        wide = self.block_cols * self.size * self.grid.a
        high = self.block_rows * self.size * -self.grid.e
        west = self.grid.c + self.first_col * self.grid.a
        north = self.grid.f + self.first_row * self.grid.e
        across, down = BORDER * wide / self.width, BORDER * high / self.height
        return Extent(west - across, west + wide + across, north - high - down, north + down)

    def averaged(self, blocks: Blocks) -> tuple[Floats, Floats]:
        """For each pixel of the frame: cells of the country, and the sum of values, per cell.

        Both have shape (height, width). A pixel that covers several blocks gets their mean, one
        that lies within a block gets that block's.
        """
        col = blocks.cols - self.first_col // self.size
        if self.wraps:
            col = col % -(-self.grid.ncols // self.size)
        place = (blocks.rows - self.first_row // self.size) * self.block_cols + col
        area = float(self.size * self.size)
        return (
            self._resampled(place, blocks.cells / area),
            self._resampled(place, blocks.values / area),
        )

    def _resampled(self, place: NDArray[np.int64], values: Floats) -> Floats:
        flat = np.zeros(self.block_rows * self.block_cols, dtype=np.float32)
        flat[place] = values
        from PIL import Image

        image = Image.fromarray(flat.reshape(self.block_rows, self.block_cols))
        scaled = image.resize((self.width, self.height), Image.Resampling.BOX)
        return np.asarray(scaled, dtype=np.float64)

    def counted(self, rows: Floats, cols: Floats, weights: Floats | None) -> Floats:
        """How many points fall on each pixel, shape (height, width); points outside don't count.

        Args:
            rows, cols: places in cells from the grid's corner, fractions allowed, float64.
            weights: what each point counts for; one if None.
        """
        across = cols - self.first_col
        if self.wraps:
            across = across % self.grid.ncols
        x = np.floor(across * (self.width / (self.block_cols * self.size)))
        y = np.floor((rows - self.first_row) * (self.height / (self.block_rows * self.size)))
        inside = (x >= 0) & (x < self.width) & (y >= 0) & (y < self.height)
        place = (y * self.width + x)[inside].astype(np.int64)
        counts = np.bincount(
            place,
            weights=None if weights is None else weights[inside],
            minlength=self.width * self.height,
        )
        return counts.reshape(self.height, self.width).astype(np.float64)


def frame_of(blocks: Blocks, grid: Grid) -> Frame:
    """The smallest frame around a country's blocks.

    Raises:
        ValueError: there is no block.
    """
    if blocks.rows.size == 0:
        raise ValueError("a country without tiles has no frame")
    wraps = grid.ncols * grid.a > 360.0 - grid.a / 2
    per_row = -(-grid.ncols // blocks.size)
    first_col, block_cols = _span(np.unique(blocks.cols), per_row, wraps)
    top = int(blocks.rows.min())
    block_rows = int(blocks.rows.max()) - top + 1
    high = block_rows * blocks.size * -grid.e
    middle = grid.f + top * blocks.size * grid.e - high / 2
    # Near a pole a degree of longitude is all but nothing; the picture must stay one.
    wide = block_cols * blocks.size * grid.a * max(0.02, math.cos(math.radians(middle)))
    scale = min((MOST_WIDTH - 2 * BORDER) / wide, (MOST_HEIGHT - 2 * BORDER) / high)
    return Frame(
        grid=grid,
        first_row=top * blocks.size,
        first_col=first_col * blocks.size,
        block_rows=block_rows,
        block_cols=block_cols,
        size=blocks.size,
        width=max(1, round(wide * scale)),
        height=max(1, round(high * scale)),
        wraps=wraps,
    )


def _span(cols: NDArray[np.int64], per_row: int, wraps: bool) -> tuple[int, int]:
    """First block column and number of block columns that hold every column of `cols`."""
    if not wraps:
        return int(cols[0]), int(cols[-1] - cols[0]) + 1
    # The gap over the grid's own edge comes first: it wins where others are as wide.
    gaps = np.append(cols[0] + per_row - cols[-1], np.diff(cols))
    widest = int(np.argmax(gaps))
    return int(cols[widest]), int(per_row - gaps[widest]) + 1
