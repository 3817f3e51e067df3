"""A country's edges, and what only rational arithmetic settles about them (contract S1, S6)."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import shapely

#: Degrees; far above rounding. Edges farther off than this are distinguished by their floats.
_NEAR = 1e-6


class ExactEdges:
    """Every edge of a valid Polygon or MultiPolygon.

    A question costs a pass over the edges: it is for the few cells and points that floats cannot
    decide.

    Attributes:
        x1, y1, x2, y2: float64, shape (edges,), degrees.
    """

    def __init__(self, geometry: shapely.Geometry) -> None:
        rings, part = shapely.get_rings(shapely.get_parts(geometry), return_index=True)
        # A part's shell comes first; what follows are its holes.
        hole = np.concatenate(([False], part[1:] == part[:-1]))
        xy, ring = shapely.get_coordinates(rings, return_index=True)
        inner = np.flatnonzero(ring[1:] == ring[:-1])
        self.x1, self.y1 = np.ascontiguousarray(xy[inner].T)
        self.x2, self.y2 = np.ascontiguousarray(xy[inner + 1].T)
        self._part, self._hole = part[ring[inner]], hole[ring[inner]]

    def contain(self, lon: float, lat: float, shift: float) -> bool:
        """Whether (lon + shift, lat) is inside or on a shell, and not in or on its part's holes."""
        x, y = Fraction(lon) + Fraction(shift), Fraction(lat)
        low, high = np.minimum(self.y1, self.y2), np.maximum(self.y1, self.y2)
        crossing = (low <= lat) & (lat < high)
        west = np.maximum(self.x1, self.x2) < lon + shift - _NEAR
        odd = bool(np.count_nonzero(crossing & west) % 2)
        near = (low <= lat) & (lat <= high) & ~west
        near &= np.minimum(self.x1, self.x2) <= lon + shift + _NEAR
        shells: set[int] = set()
        holes: set[int] = set()
        for i in np.flatnonzero(near):
            x1, y1, x2, y2 = self._ends(i)
            side = (x2 - x1) * (y - y1) - (y2 - y1) * (x - x1)
            if side == 0 and min(x1, x2) <= x <= max(x1, x2) and min(y1, y2) <= y <= max(y1, y2):
                (holes if self._hole[i] else shells).add(int(self._part[i]))
            elif crossing[i]:
                # The edge is west of the point if, seen northward, the point is on its right.
                odd ^= (side < 0) == (y2 > y1)
        return bool(shells - holes) if shells or holes else odd

    def enter(self, box: tuple[float, ...], shift: float) -> bool:
        """Whether an edge passes through the open box (west, south, east, north), shifted east."""
        west, south, east, north = box
        held = (np.minimum(self.y1, self.y2) < north) & (np.maximum(self.y1, self.y2) > south)
        held &= np.minimum(self.x1, self.x2) <= east + shift + _NEAR
        held &= np.maximum(self.x1, self.x2) >= west + shift - _NEAR
        turn = Fraction(shift)
        exact = Fraction(west) + turn, Fraction(east) + turn, Fraction(south), Fraction(north)
        return any(_enters(*self._ends(i), *exact) for i in np.flatnonzero(held))

    def pieces(self, box: tuple[float, ...], shift: float) -> Iterator[tuple[Fraction, Fraction]]:
        """Both ends of each edge's piece in a closed box: longitude less the shift, latitude.

        Args:
            box: west, south, east, north, degrees, compared with the edges less the shift.
        """
        west, south, east, north = box
        held = (np.minimum(self.y1, self.y2) <= north) & (np.maximum(self.y1, self.y2) >= south)
        held &= np.minimum(self.x1, self.x2) <= east + shift + _NEAR
        held &= np.maximum(self.x1, self.x2) >= west + shift - _NEAR
        for i in np.flatnonzero(held):
            x1, y1, x2, y2 = self._ends(i)
            x, dx, dy = x1 - Fraction(shift), x2 - x1, y2 - y1
            enter, leave = Fraction(0), Fraction(1)
            for start, step, low, high in ((x, dx, west, east), (y1, dy, south, north)):
                if step:
                    between = sorted((Fraction(bound) - start) / step for bound in (low, high))
                    enter, leave = max(enter, between[0]), min(leave, between[1])
                elif not low <= start <= high:
                    leave = Fraction(-1)
            if enter <= leave:
                yield from ((x + t * dx, y1 + t * dy) for t in (enter, leave))

    def _ends(self, i: np.intp) -> tuple[Fraction, Fraction, Fraction, Fraction]:
        x1, y1, x2, y2 = (Fraction(float(v[i])) for v in (self.x1, self.y1, self.x2, self.y2))
        return x1, y1, x2, y2


def _enters(
    x1: Fraction, y1: Fraction, x2: Fraction, y2: Fraction,
    west: Fraction, east: Fraction, south: Fraction, north: Fraction,
) -> bool:  # fmt: skip
    # The parameters, 0 to 1 along the edge, between which it is within the open box's bounds.
    enter, leave = Fraction(-1), Fraction(2)
    for start, step, low, high in ((x1, x2 - x1, west, east), (y1, y2 - y1, south, north)):
        if step:
            ends = sorted(((low - start) / step, (high - start) / step))
            enter, leave = max(enter, ends[0]), min(leave, ends[1])
        elif not low < start < high:
            return False
    return enter < leave and enter < 1 and leave > 0
