"""Where a country's parts lie on the grid: as they are, and shifted by multiples of 360°.

Longitudes are residues modulo 360 (contract §3, Polygons: "wrap"): a point belongs to a part
if, for some integer k, the point 360 k further east does. A *placement* is one such comparison:
some parts, and a shift that is added to the points' longitude.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.core.grid import Grid
from segment1b_assets.core.intervals import Ints
from segment1b_assets.core.polygon import CountryPolygon, Edges
from segment1b_assets.core.row_spans import Spans, crossed_rows, rows_above, strip_rows

TURN = 360.0

#: Degrees of longitude by which parts and edges must miss the grid to be left out: far above all
#: rounding, so that nothing that touches a cell is dropped.
_MISS = 1e-9


@dataclass(frozen=True, eq=False)
class Placement:
    """Some parts of a polygon, compared with points whose longitude is raised by `shift`.

    An edge wholly east or west of the grid meets no cell; what it does to the cells' parity is the
    same all along a row, and `rows_crossed_beside` keeps it. So a part that only just reaches the
    grid costs little more than its edges on the grid.

    Attributes:
        polygon: the country.
        grid: the cells that it is compared with.
        parts: bool, shape (parts,), which parts.
        shift: a multiple of 360 degrees.
    """

    polygon: CountryPolygon
    grid: Grid
    parts: NDArray[np.bool_]
    shift: float

    @cached_property
    def every_slanted(self) -> Edges:
        """The parts' slanted edges, on the grid or not."""
        return self._mine(self.polygon.slanted)

    @cached_property
    def every_level(self) -> Edges:
        """The parts' level edges, on the grid or not."""
        return self._mine(self.polygon.level)

    def _mine(self, edges: Edges) -> Edges:
        return (
            edges
            if self.parts.all()
            else edges.take(self.parts[self.polygon.ring_part[edges.ring]])
        )

    def _sides(self, edges: Edges) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """By edge: is it wholly west, wholly east of the grid."""
        west = np.maximum(edges.x1, edges.x2) - self.shift < self.grid.lon_edges[0] - _MISS
        east = np.minimum(edges.x1, edges.x2) - self.shift > self.grid.lon_edges[-1] + _MISS
        return west, east

    def _near(self, edges: Edges) -> Edges:
        west, east = self._sides(edges)
        beside = west | east
        return edges.take(~beside) if beside.any() else edges

    @cached_property
    def _split(self) -> tuple[Edges, Ints, Ints]:
        """The slanted edges that are kept, and `rows_crossed_beside`."""
        mine = self.every_slanted
        west, east = self._sides(mine)
        # The rings of holes are filled one by one, so they are dropped whole or not at all.
        hole = self.polygon.ring_is_hole
        if (beside := (west | east)).any() and hole.any():
            on_grid = np.bincount(mine.ring[~beside], minlength=hole.size) > 0
            across = np.bincount(mine.ring[west], minlength=hole.size) > 0
            across &= np.bincount(mine.ring[east], minlength=hole.size) > 0
            held = (hole & (on_grid | across))[mine.ring]
            west &= ~held
            east &= ~held
            beside = west | east
        if not beside.any():
            return mine, np.empty(0, np.int64), np.empty(0, np.int64)
        return mine.take(~beside), self._odd_rows(mine.take(west)), self._odd_rows(mine.take(east))

    def _odd_rows(self, edges: Edges) -> Ints:
        first, stop = crossed_rows(self.grid, edges.y1, edges.y2)
        ends = np.bincount(np.concatenate((first, stop)), minlength=self.grid.nrows + 1)
        return np.flatnonzero(np.cumsum(ends)[:-1] % 2).astype(np.int64)

    @cached_property
    def slanted(self) -> Edges:
        """The slanted edges, less those counted in `rows_crossed_beside`."""
        return self._split[0]

    @cached_property
    def rows_crossed_beside(self) -> tuple[Ints, Ints]:
        """The rows that edges wholly west of the grid cross an odd number of times; and east of it.

        This equals one crossing before the row's first cell, or one after its last.
        """
        return self._split[1:]

    @cached_property
    def level(self) -> Edges:
        return self._near(self.every_level)

    @cached_property
    def vertices(self) -> Edges:
        return self._near(self._mine(self.polygon.vertices))

    @cached_property
    def crossed(self) -> Spans:
        """By slanted edge, the rows whose centroids' parallel it crosses (upper end excluded)."""
        return crossed_rows(self.grid, self.slanted.y1, self.slanted.y2)

    @cached_property
    def strips(self) -> Spans:
        """By slanted edge, the rows whose open strip it passes through."""
        return strip_rows(self.grid, self.slanted.y1, self.slanted.y2)

    @cached_property
    def level_strips(self) -> Spans:
        """By level edge, the row whose open strip it lies in; none if it lies between rows."""
        return strip_rows(self.grid, self.level.y1, self.level.y2)

    @cached_property
    def on_centroid_rows(self) -> list[tuple[Edges, Ints]]:
        """Vertices, and level edges, exactly at a row's centroid latitude, with that row."""
        found = []
        for edges in (self.vertices, self.level):
            row = rows_above(self.grid.centroid_lat, edges.y1)
            held = np.flatnonzero(row < self.grid.nrows)
            held = held[self.grid.centroid_lat[row[held]] == edges.y1[held]]
            found.append((edges.take(held), row[held]))
        return found

    @cached_property
    def bounds(self) -> NDArray[np.float64]:
        """Bounds of the parts, unshifted, shape (parts that it has, 4)."""
        return self.polygon.part_bounds[self.parts]


def placements(polygon: CountryPolygon, grid: Grid) -> list[Placement]:
    """The comparisons that decide: every shift at which a part may meet a cell of the grid.

    Every part is compared at every such shift, so the result does not depend on how a longitude is
    written (-170 or 190).
    """
    west, east = grid.lon_edges[0] - _MISS, grid.lon_edges[-1] + _MISS
    bounds = polygon.part_bounds
    level = (bounds[:, 3] >= grid.lat_edges[-1]) & (bounds[:, 1] <= grid.lat_edges[0])
    first = int(np.ceil((bounds[:, 0].min() - east) / TURN))
    last = int(np.floor((bounds[:, 2].max() - west) / TURN))
    found = []
    for turn in range(first, last + 1):
        shift = turn * TURN
        parts = level & (bounds[:, 2] - shift >= west) & (bounds[:, 0] - shift <= east)
        if parts.any():
            found.append(Placement(polygon, grid, parts, shift))
    return found
