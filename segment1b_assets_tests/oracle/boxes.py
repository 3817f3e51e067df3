"""S6 uniform_v2: the box B of a cell, point by point in the contract's own words.

Interpretations taken: "shifted by ±360° as in S1" is every whole number of turns that takes the
polygon to the cell; a longitude that turns are taken off is the exact number, rounded at the end
like any other; the nearest binary64 of a tie is the even one. An edge of no length is no edge.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from .geometry import Country, Point, country_takes_point
from .tiles import Tile


def drawn_cell(tile: Tile, country: Country) -> Tile:
    """The tile with its edges replaced by those of B; its centroid stays."""
    points = list(_ring_points(tile, country))
    if not points:
        return tile
    for lon in (tile.min_lon, tile.max_lon):
        for lat in (tile.min_lat, tile.max_lat):
            if country_takes_point(country, lon, lat):
                points.append((Fraction(lon), Fraction(lat)))
    lons, lats = [x for x, _ in points], [y for _, y in points]
    return replace(
        tile,
        min_lon=float(min(lons)),
        max_lon=float(max(lons)),
        min_lat=float(min(lats)),
        max_lat=float(max(lats)),
    )


def _ring_points(tile: Tile, country: Country) -> Iterator[Point]:
    for polygon in country:
        for k in polygon.turns(tile.min_lon, tile.max_lon):
            for ring in (polygon.shell, *polygon.holes):
                vertices = [(x - 360 * k, y) for x, y in ring.exact]
                for a, b in itertools.pairwise(vertices):
                    yield from (p for p in (a, b) if _in_cell(tile, p))
                    if a != b:
                        yield from _on_sides(tile, a, b)


def _in_cell(tile: Tile, point: Point) -> bool:
    return tile.min_lon <= point[0] <= tile.max_lon and tile.min_lat <= point[1] <= tile.max_lat


def _on_sides(tile: Tile, a: Point, b: Point) -> Iterator[Point]:
    lons = (Fraction(tile.min_lon), Fraction(tile.max_lon))
    lats = (Fraction(tile.min_lat), Fraction(tile.max_lat))
    for axis, lines, (low, high) in ((0, lons, lats), (1, lats, lons)):
        for line in lines:
            if a[axis] == b[axis] == line:
                ends = sorted((a[1 - axis], b[1 - axis]))
                found = [max(ends[0], low), min(ends[1], high)]
                found = found if found[0] <= found[1] else []
            elif min(a[axis], b[axis]) <= line <= max(a[axis], b[axis]) and a[axis] != b[axis]:
                part = (line - a[axis]) / (b[axis] - a[axis])
                found = [a[1 - axis] + part * (b[1 - axis] - a[1 - axis])]
            else:
                found = []
            for other in found:
                if low <= other <= high:
                    yield (line, other) if axis == 0 else (other, line)
