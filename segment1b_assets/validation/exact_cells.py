"""The inclusion rules for single cells in rational arithmetic (contract §4, S1)."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from segment1b_assets.core.grid import Grid
from segment1b_assets.validation.grid_cells import cell_lines
from segment1b_assets.validation.ring_edges import RingEdges

#: Degrees; far above rounding. Edges further off than this are told apart by their floats.
_NEAR = 1e-6


class ExactCells:
    """Decides cells that floats cannot, one by one; a decision costs a pass over the edges."""

    def __init__(self, edges: RingEdges, grid: Grid, turns: tuple[float, ...]) -> None:
        self._edges, self._turns = edges, turns
        self._cells = cell_lines(grid)
        self._south = np.minimum(edges.west_y, edges.east_y)
        self._north = np.maximum(edges.west_y, edges.east_y)

    def centre_belongs(self, row: int, col: int) -> bool:
        """Whether the cell's centre is inside or on a shell, and not in or on its part's holes."""
        return self.belongs(float(self._cells.middle_lon[col]), float(self._cells.middle_lat[row]))

    def belongs(self, lon: float, lat: float) -> bool:
        """The same for any point of the grid's longitudes."""
        return any(self._inside(lon, turn, lat) for turn in self._turns)

    def is_met(self, row: int, col: int) -> bool:
        """Whether an edge passes through the open cell."""
        c = self._cells
        south, north = float(c.south[row]), float(c.north[row])
        for turn in self._turns:
            west, east = float(c.west[col]), float(c.east[col])
            held = (self._south < north) & (self._north > south)
            held &= self._edges.west_x <= east + turn + _NEAR
            held &= self._edges.east_x >= west + turn - _NEAR
            box = (
                Fraction(west) + Fraction(turn),
                Fraction(east) + Fraction(turn),
                Fraction(south),
                Fraction(north),
            )
            if any(self._meets(int(i), *box) for i in np.flatnonzero(held)):
                return True
        return False

    def _inside(self, lon: float, turn: float, lat: float) -> bool:
        e, x, y = self._edges, Fraction(lon) + Fraction(turn), Fraction(lat)
        level_with = (self._south <= lat) & (self._north >= lat)
        crossing = level_with & (self._south <= lat) & (self._north > lat)
        west_of = e.east_x < lon + turn - _NEAR
        odd = bool(np.count_nonzero(crossing & west_of) % 2)
        shells: set[int] = set()
        holes: set[int] = set()
        for i in np.flatnonzero(level_with & ~west_of & (e.west_x <= lon + turn + _NEAR)):
            x1, y1, x2, y2 = self._ends(int(i))
            side = (x2 - x1) * (y - y1) - (y2 - y1) * (x - x1)
            if side == 0 and x1 <= x <= x2 and min(y1, y2) <= y <= max(y1, y2):
                (holes if e.hole[e.ring[i]] else shells).add(int(e.part[i]))
            elif crossing[i]:
                # The edge lies west of the point if, seen northward, the point is on its right.
                odd ^= (side < 0) == (y2 > y1)
        if shells or holes:
            return bool(shells - holes)
        return odd

    def _meets(
        self, i: int, west: Fraction, east: Fraction, south: Fraction, north: Fraction
    ) -> bool:
        x1, y1, x2, y2 = self._ends(i)
        # Parameters t of the edge, [0, 1] along it, at which it is within the open cell's bounds.
        enter, leave = Fraction(-1), Fraction(2)
        for start, step, low, high in ((x1, x2 - x1, west, east), (y1, y2 - y1, south, north)):
            if step:
                ends = sorted(((low - start) / step, (high - start) / step))
                enter, leave = max(enter, ends[0]), min(leave, ends[1])
            elif not low < start < high:
                return False
        return enter < leave and enter < 1 and leave > 0

    def _ends(self, i: int) -> tuple[Fraction, Fraction, Fraction, Fraction]:
        e = self._edges
        return (
            Fraction(float(e.west_x[i])),
            Fraction(float(e.west_y[i])),
            Fraction(float(e.east_x[i])),
            Fraction(float(e.east_y[i])),
        )
