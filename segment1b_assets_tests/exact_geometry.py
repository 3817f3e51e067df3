"""The inclusion rules by definition, in rational arithmetic: slow, plain, and nothing to round.

Independent of the code under test: point location by counting crossings of a ray per ring, shared
area by clipping rings to the cell with Sutherland and Hodgman's rule and taking signed areas.
"""

from __future__ import annotations

import math
from fractions import Fraction

import shapely

from segment1b_assets.core.grid import Grid

Point = tuple[Fraction, Fraction]
Ring = list[Point]
Part = tuple[Ring, list[Ring]]


def parts_of(geometry: shapely.Geometry) -> list[Part]:
    def ring(r: shapely.LinearRing) -> Ring:
        return [(Fraction(x), Fraction(y)) for x, y in list(r.coords)[:-1]]

    return [(ring(p.exterior), [ring(h) for h in p.interiors]) for p in shapely.get_parts(geometry)]


def place(ring: Ring, p: Point) -> int:
    """1 inside the ring, 0 on it, -1 outside."""
    x, y = p
    inside = False
    for (x1, y1), (x2, y2) in zip(ring, ring[1:] + ring[:1], strict=True):
        side = (x2 - x1) * (y - y1) - (y2 - y1) * (x - x1)
        if side == 0 and min(x1, x2) <= x <= max(x1, x2) and min(y1, y2) <= y <= max(y1, y2):
            return 0
        if (y1 <= y) != (y2 <= y) and (side > 0) == (y2 > y1):
            inside = not inside
    return 1 if inside else -1


def owned(part: Part, p: Point) -> bool:
    """In the shell or on it, and neither in a hole nor on one."""
    shell, holes = part
    return place(shell, p) >= 0 and all(place(h, p) < 0 for h in holes)


def in_hole(part: Part, p: Point) -> bool:
    return any(place(h, p) >= 0 for h in part[1])


def clipped_area(
    ring: Ring, west: Fraction, south: Fraction, east: Fraction, north: Fraction
) -> Fraction:
    """Area of ring ∩ box, positive."""
    for axis, bound, sign in ((0, west, 1), (0, east, -1), (1, south, 1), (1, north, -1)):
        kept: Ring = []
        for a, b in zip(ring, ring[1:] + ring[:1], strict=True):
            da, db = sign * (a[axis] - bound), sign * (b[axis] - bound)
            if da >= 0:
                kept.append(a)
            if (da > 0 > db) or (da < 0 < db):
                t = da / (da - db)
                kept.append((a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])))
        ring = kept
        if not ring:
            return Fraction(0)
    doubled = sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(ring, ring[1:] + ring[:1], strict=True))
    return abs(Fraction(doubled)) / 2


def shared_area(
    part: Part, west: Fraction, south: Fraction, east: Fraction, north: Fraction
) -> Fraction:
    box = (west, south, east, north)
    return clipped_area(part[0], *box) - sum(clipped_area(h, *box) for h in part[1])


def shifts_for(part: Part, west: Fraction, east: Fraction) -> range:
    """Every multiple of 360 that takes some longitude of [west, east] to one of the part's."""
    lons = [x for x, _ in part[0]]
    first, last = math.ceil((min(lons) - east) / 360), math.floor((max(lons) - west) / 360)
    return range(360 * first, 360 * last + 1, 360)


class Oracle:
    """Every cell of a small grid against a polygon, one by one."""

    def __init__(self, geometry: shapely.Geometry, grid: Grid, rule: str) -> None:
        self.parts, self.grid, self.rule = parts_of(geometry), grid, rule

    def cells(self) -> dict[str, set[int]]:
        """Sets of tile ids: included, visited, hole."""
        out: dict[str, set[int]] = {"included": set(), "visited": set(), "hole": set()}
        for row in range(self.grid.nrows):
            for col in range(self.grid.ncols):
                tile = row * self.grid.ncols + col
                verdicts = [self._cell(part, row, col) for part in self.parts]
                if any(v[0] for v in verdicts):
                    out["visited"].add(tile)
                if any(v[1] for v in verdicts):
                    out["included"].add(tile)
                elif any(v[2] for v in verdicts):
                    out["hole"].add(tile)
        return out

    def inside(self, lon: float, lat: float) -> bool:
        """The rule of `center` for any point."""
        return any(
            owned(part, (Fraction(lon) + turn, Fraction(lat)))
            for part in self.parts
            for turn in shifts_for(part, Fraction(lon), Fraction(lon))
        )

    def _cell(self, part: Part, row: int, col: int) -> tuple[bool, bool, bool]:
        g = self.grid
        x, y = Fraction(float(g.centroid_lon[col])), Fraction(float(g.centroid_lat[row]))
        box = [
            Fraction(float(v))
            for v in (
                g.lon_edges[col],
                g.lat_edges[row + 1],
                g.lon_edges[col + 1],
                g.lat_edges[row],
            )
        ]
        lons, lats = [p[0] for p in part[0]], [p[1] for p in part[0]]
        visited = included = hole = False
        for turn in shifts_for(part, box[0], box[2]):
            if self.rule == "center":
                p = (x + turn, y)
                visited |= min(lons) <= p[0] <= max(lons) and min(lats) <= y <= max(lats)
                included |= owned(part, p)
                hole |= place(part[0], p) >= 0 and in_hole(part, p)
            else:
                west, south, east, north = box[0] + turn, box[1], box[2] + turn, box[3]
                visited |= (
                    west < max(lons)
                    and east > min(lons)
                    and (south < max(lats) and north > min(lats))
                )
                included |= shared_area(part, west, south, east, north) > 0
                hole |= clipped_area(part[0], west, south, east, north) > 0
        return visited, included, hole
