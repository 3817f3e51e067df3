"""The boxes that `uniform_v2` draws in: what a cell shares with its country (contract §4, S6).

The contract lists points: vertices in the closed cell, points of edges on its sides, corners in
the country. Those of one edge are the ends of what it shares with the closed cell, so a cell's box
is that of all its edges' shares and of its corners in the country. docs/proofs.md says why no point
of the country in the cell lies outside it.

Each candidate is rounded to the nearest binary64, and the least and greatest are taken after that:
rounding is monotone, so the order of the two does not matter. Whether a point counts is decided on
exact values.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.core.cells import Cells, cells_of
from segment1b_assets.core.centres_inside import CornerGrid, centres_inside
from segment1b_assets.core.grid import Grid
from segment1b_assets.core.intervals import Ints
from segment1b_assets.core.near_edges import near_edges
from segment1b_assets.core.placement import placements
from segment1b_assets.core.polygon import CountryPolygon, Edges
from segment1b_assets.core.rounded_crossing import (
    Bools,
    Floats,
    Pair,
    at_least,
    at_most,
    crossing,
    difference,
)

#: Pairs of a tile and an edge worked on at a time; each costs some 600 bytes.
PAIRS = 250_000


@dataclass(frozen=True, eq=False)
class Box:
    """Bounds of n boxes, degrees, float64 (n,) each."""

    min_lon: Floats
    max_lon: Floats
    min_lat: Floats
    max_lat: Floats


class CellBoxes:
    """The boxes of the tiles that sites lie in.

    Attributes:
        met: the tiles whose closed cell meets a ring, int64, shape (met,), strictly ascending.
        box: their boxes; everywhere else the box is the cell.
    """

    def __init__(self, grid: Grid, met: Ints, box: Box) -> None:
        self._grid, self.met, self.box = grid, met, box

    @classmethod
    def of(
        cls, polygon: CountryPolygon | None, grid: Grid, tile_ids: NDArray[np.uint64]
    ) -> CellBoxes:
        """The boxes of some tiles of the grid.

        Args:
            polygon: the country; None where it has none, so that no ring meets a cell.
            grid: the raster's grid.
            tile_ids: uint64, any order, repeats allowed.

        Raises:
            IndexError: a tile lies beyond the grid's last row.
        """
        tiles = np.unique(tile_ids)
        bounds = _Bounds(cells_of(grid, tiles))
        if polygon is None or tiles.size == 0:
            return cls(grid, np.empty(0, np.int64), bounds.box(np.empty(0, np.int64)))
        for placement in placements(polygon, grid):
            tile, edge, edges = near_edges(placement, grid, tiles.astype(np.int64))
            for low in range(0, tile.size, PAIRS):
                part = slice(low, low + PAIRS)
                bounds.add_edges(tile[part], edges.take(edge[part]), placement.shift)
        met = np.flatnonzero(bounds.met)
        bounds.add_corners(met, _corners_inside(polygon, grid, tiles[met].astype(np.int64)))
        return cls(grid, tiles[met].astype(np.int64), bounds.box(met))

    def bounds(self, tile_id: NDArray[np.uint64]) -> Box:
        """The box of each tile, of those given to `of`; uint64 (n,)."""
        cells = cells_of(self._grid, tile_id)
        columns = (cells.min_lon, cells.max_lon, cells.min_lat, cells.max_lat)
        ids = tile_id.astype(np.int64)
        if self.met.size:
            at = np.minimum(np.searchsorted(self.met, ids), self.met.size - 1)
            met = self.met[at] == ids
            boxes = (self.box.min_lon, self.box.max_lon, self.box.min_lat, self.box.max_lat)
            for column, box in zip(columns, boxes, strict=True):
                column[met] = box[at[met]]
        return Box(*columns)


class _Bounds:
    """The least and greatest longitude and latitude seen so far, by tile; infinite at first."""

    def __init__(self, cells: Cells) -> None:
        n = cells.min_lon.size
        self._cells = cells
        self._low = np.full((2, n), np.inf)
        self._high = np.full((2, n), -np.inf)

    @property
    def met(self) -> Bools:
        """By tile, whether a point was seen."""
        seen: Bools = np.isfinite(self._low[0])
        return seen

    def add_edges(self, tile: Ints, edges: Edges, shift: float) -> None:
        """The points of edges in their tiles' cells, pairwise; tiles ascend, and may repeat."""
        starts = np.flatnonzero(np.r_[True, tile[1:] != tile[:-1]])
        low = np.full((2, tile.size), np.inf)
        high = np.full((2, tile.size), -np.inf)
        for at, lon, lat in _points(self._sides(tile), edges, shift):
            for axis, value in enumerate((lon, lat)):
                low[axis, at] = np.minimum(low[axis, at], value)
                high[axis, at] = np.maximum(high[axis, at], value)
        some = tile[starts]
        self._low[:, some] = np.minimum(
            self._low[:, some], np.minimum.reduceat(low, starts, axis=1)
        )
        self._high[:, some] = np.maximum(
            self._high[:, some], np.maximum.reduceat(high, starts, axis=1)
        )

    def add_corners(self, tile: Ints, inside: NDArray[np.bool_]) -> None:
        """Corners in the country, bool (tiles, 2, 2) by south or north and west or east."""
        west, east, south, north = self._sides(tile)
        for i, lat in enumerate((south, north)):
            for j, lon in enumerate((west, east)):
                at = inside[:, i, j]
                for axis, value in enumerate((lon, lat)):
                    some = tile[at]
                    self._low[axis, some] = np.minimum(self._low[axis, some], value[at])
                    self._high[axis, some] = np.maximum(self._high[axis, some], value[at])

    def box(self, tile: Ints) -> Box:
        """The bounds of some tiles; adding 0.0 makes a negative zero positive."""
        low, high = self._low[:, tile] + 0.0, self._high[:, tile] + 0.0
        return Box(low[0], high[0], low[1], high[1])

    def _sides(self, tile: Ints) -> tuple[Floats, Floats, Floats, Floats]:
        c = self._cells
        return c.min_lon[tile], c.max_lon[tile], c.min_lat[tile], c.max_lat[tile]


def _points(
    sides: tuple[Floats, Floats, Floats, Floats], edges: Edges, shift: float
) -> Iterator[tuple[Ints, Floats, Floats]]:
    """The points of edges that count for their cells: (index of the pair, longitude, latitude).

    Where an edge, or one of its ends, lies on a side's line, its ends and its crossings with the
    other lines count.
    """
    west, east, south, north = sides
    x1, x2 = difference(edges.x1, shift), difference(edges.x2, shift)
    none = np.zeros(edges.x1.size)
    y1, y2 = (edges.y1, none), (edges.y2, none)
    for x, y in ((x1, y1), (x2, y2)):
        held = at_least(x, west) & at_most(x, east) & at_least(y, south) & at_most(y, north)
        at = np.flatnonzero(held)
        yield at, x[0][at], y[0][at]
    for line in (west, east):
        at = np.flatnonzero(_strictly_across(x1, x2, line))
        lat, held = crossing(*_taken((x1, x2, y1, y2), at), line[at], south[at], north[at])
        yield at[held], line[at[held]], lat[held]
    for line in (south, north):
        at = np.flatnonzero(_strictly_across(y1, y2, line))
        lon, held = crossing(*_taken((y1, y2, x1, x2), at), line[at], west[at], east[at])
        yield at[held], lon[held], line[at[held]]


def _strictly_across(a: Pair, b: Pair, line: Floats) -> Bools:
    """Whether a line lies strictly between two values, exactly."""
    across: Bools = ~at_least(a, line) & ~at_most(b, line)
    across |= ~at_most(a, line) & ~at_least(b, line)
    return across


def _taken(pairs: tuple[Pair, ...], at: Ints) -> tuple[Pair, Pair, Pair, Pair]:
    a, b, c, d = ((hi[at], lo[at]) for hi, lo in pairs)
    return a, b, c, d


def _corners_inside(polygon: CountryPolygon, grid: Grid, tiles: Ints) -> NDArray[np.bool_]:
    """Whether the corners of tiles are in the country by the rule of `center`, exactly.

    Returns:
        bool, shape (tiles, 2, 2): south or north, then west or east.
    """
    corner_grid = CornerGrid.of(grid)
    row, col = tiles // grid.ncols, tiles % grid.ncols
    lines = row[:, None, None] + np.array([1, 0])[None, :, None]
    corners = lines * corner_grid.ncols + col[:, None, None] + np.array([0, 1])[None, None, :]
    wanted, place = np.unique(corners, return_inverse=True)
    inside = np.zeros(wanted.size, np.bool_)
    for placement in placements(polygon, corner_grid):
        inside |= centres_inside(placement, wanted)
    found: NDArray[np.bool_] = inside[place.reshape(corners.shape)]
    return found
