"""Exact geometry for S1 and S6: no floating-point arithmetic decides anything here.

Coordinates are the binary64 numbers of the files. Latitudes never move, so they are compared as
floats (exact); longitudes may wrap, so they become Fractions shifted by whole turns.

Interpretations taken:
- A member of a multipolygon takes a point when the point is in its shell or on it, and neither in
  one of its holes nor on one (the hole's boundary wins where a hole touches its own shell). The
  country takes what any member takes: an island in a hole takes its own outer boundary, even where
  that touches the hole's boundary.
- Wrapping is equality modulo 360 degrees, for shapes and for cells alike: a cell at 181 degrees
  lies where -179 lies, and a point at exactly 180 lies on a boundary at -180.
- any_overlap clips the cell of the published bounds.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

Point = tuple[Fraction, Fraction]
OUTSIDE, BOUNDARY, INSIDE = -1, 0, 1


@dataclass
class Ring:
    """A closed ring: longitudes and latitudes as read, the last vertex equal to the first."""

    lons: list[float]
    lats: list[float]
    exact: list[Point] = field(default_factory=list)

    def __post_init__(self) -> None:
        pairs = zip(self.lons, self.lats, strict=True)
        self.exact = [(Fraction(lon), Fraction(lat)) for lon, lat in pairs]

    def locate(self, x: Fraction, lat: float) -> int:
        """OUTSIDE, BOUNDARY or INSIDE for a point in this ring's own frame of longitudes."""
        inside = False
        for i in range(len(self.lats) - 1):
            lat1, lat2 = self.lats[i], self.lats[i + 1]
            if not min(lat1, lat2) <= lat <= max(lat1, lat2):
                continue
            (x1, y1), (x2, y2) = self.exact[i], self.exact[i + 1]
            if lat1 == lat2:
                if min(x1, x2) <= x <= max(x1, x2):
                    return BOUNDARY
                continue
            # Positive: the point is left of the edge walked upwards.
            side = (x2 - x1) * (Fraction(lat) - y1) - (x - x1) * (y2 - y1)
            if side == 0:
                return BOUNDARY
            # Half open in latitude, so that a vertex shared by two edges counts once.
            if (lat1 <= lat) != (lat2 <= lat) and (side > 0) == (lat2 > lat1):
                inside = not inside
        return INSIDE if inside else OUTSIDE


@dataclass
class Polygon:
    """A shell and its holes."""

    shell: Ring
    holes: list[Ring]

    def turns(self, low: float, high: float) -> Iterator[int]:
        """Whole turns k for which [low, high] + 360 k meets the shell's longitudes."""
        xs = [point[0] for point in self.shell.exact]
        first = math.ceil((min(xs) - Fraction(high)) / 360)
        yield from range(first, math.floor((max(xs) - Fraction(low)) / 360) + 1)

    def takes_point(self, lon: float, lat: float) -> bool:
        """The rule ``center`` for one member polygon."""
        if not min(self.shell.lats) <= lat <= max(self.shell.lats):
            return False
        for k in self.turns(lon, lon):
            x = Fraction(lon) + 360 * k
            if self.shell.locate(x, lat) == OUTSIDE:
                continue
            if all(hole.locate(x, lat) == OUTSIDE for hole in self.holes):
                return True
        return False


Country = list[Polygon]


def country_takes_point(country: Country, lon: float, lat: float) -> bool:
    """The rule ``center`` of S1, which S6 applies to points too."""
    return any(polygon.takes_point(lon, lat) for polygon in country)


def clip(points: list[Point], axis: int, low: Fraction, high: Fraction) -> list[Point]:
    """Sutherland-Hodgman against low <= coordinate <= high; the signed area stays exact.

    ``points`` is an open ring. A concave ring may come back with edges that run to and fro along
    the clipping line; these enclose nothing.
    """
    for limit, sign in ((low, 1), (high, -1)):
        kept: list[Point] = []
        for i, here in enumerate(points):
            before = points[i - 1]
            here_in = (here[axis] - limit) * sign >= 0
            if here_in != ((before[axis] - limit) * sign >= 0):
                part = (limit - before[axis]) / (here[axis] - before[axis])
                other = before[1 - axis] + part * (here[1 - axis] - before[1 - axis])
                kept.append((limit, other) if axis == 0 else (other, limit))
            if here_in:
                kept.append(here)
        points = kept
    return points


def area(points: list[Point]) -> Fraction:
    """Unsigned planar area in square degrees of an open ring that does not cross itself."""
    doubled = Fraction(0)
    for i, (x2, y2) in enumerate(points):
        x1, y1 = points[i - 1]
        doubled += x1 * y2 - x2 * y1
    return abs(doubled) / 2


class Strip:
    """A country cut to a band of latitude, ready to be asked about cells of that band."""

    def __init__(self, country: Country, min_lat: float, max_lat: float) -> None:
        low, high = Fraction(min_lat), Fraction(max_lat)
        self.members: list[tuple[Polygon, list[list[Point]]]] = []
        for polygon in country:
            if max(polygon.shell.lats) <= min_lat or min(polygon.shell.lats) >= max_lat:
                continue
            rings = [polygon.shell, *polygon.holes]
            self.members.append((polygon, [clip(ring.exact[:-1], 1, low, high) for ring in rings]))

    def shared_area(self, min_lon: float, max_lon: float) -> Fraction:
        """Square degrees of the band's cell between two meridians that lie in the country."""
        shared = Fraction(0)
        for polygon, rings in self.members:
            for k in polygon.turns(min_lon, max_lon):
                low, high = Fraction(min_lon) + 360 * k, Fraction(max_lon) + 360 * k
                shell, *holes = (area(clip(ring, 0, low, high)) for ring in rings)
                # Holes of a valid polygon lie in the shell and share no area with one another.
                shared += shell - sum(holes, Fraction(0))
        return shared


def parse_wkb(raw: bytes) -> Country:
    """The polygons of a two-dimensional WKB Polygon or MultiPolygon; ValueError otherwise."""
    country, end = _parse(raw, 0)
    if end != len(raw):
        raise ValueError("WKB has trailing bytes")
    return country


def _parse(raw: bytes, at: int) -> tuple[Country, int]:
    order = "<" if raw[at] == 1 else ">"
    kind, count = struct.unpack_from(order + "II", raw, at + 1)
    at += 9
    if kind == 6:
        members: Country = []
        for _ in range(count):
            member, at = _parse(raw, at)
            members += member
        return members, at
    if kind != 3:
        raise ValueError(f"WKB type {kind} is not a plain Polygon or MultiPolygon")
    rings = []
    for _ in range(count):
        (vertices,) = struct.unpack_from(order + "I", raw, at)
        values = struct.unpack_from(f"{order}{2 * vertices}d", raw, at + 4)
        at += 4 + 16 * vertices
        rings.append(Ring(list(values[0::2]), list(values[1::2])))
    return ([Polygon(rings[0], rings[1:])] if rings else []), at
