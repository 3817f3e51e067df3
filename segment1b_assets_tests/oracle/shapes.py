"""Adversarial polygons on a grid: what a rasteriser's tie-breaking would get wrong.

Coordinates are given in half cells of the grid (even: a grid line, odd: a row or column of
centres) and become exactly the binary64 numbers that S1 computes for these lines. Shapely only says
whether a candidate is valid.
"""

from __future__ import annotations

import math
import random

from shapely import MultiPolygon, Polygon
from shapely.affinity import translate

from .tiles import Grid

Corner = tuple[float, float]


class Lattice:
    """Half-cell coordinates to degrees, exactly as S1 spells them."""

    def __init__(self, grid: Grid, rng: random.Random) -> None:
        self.grid, self.rng = grid, rng
        self.width, self.height = 2 * grid.ncols, 2 * grid.nrows

    def at(self, x: float, y: float) -> Corner:
        """Degrees of a position; odd whole numbers are centres, even ones grid lines."""
        grid = self.grid
        lon = grid.c + (x / 2) * grid.a
        lat = grid.f + (y / 2) * grid.e
        return lon, min(90.0, max(-90.0, lat))

    def box(self, x0: float, y0: float, x1: float, y1: float) -> list[Corner]:
        """A rectangle's four corners."""
        return [self.at(x0, y0), self.at(x1, y0), self.at(x1, y1), self.at(x0, y1)]

    def spot(self, reach: int) -> tuple[int, int]:
        """A random whole position that leaves ``reach`` on each side where the grid allows."""
        x = self.rng.randint(min(reach, self.width // 2), max(self.width - reach, self.width // 2))
        y = self.rng.randint(
            min(reach, self.height // 2), max(self.height - reach, self.height // 2)
        )
        return x, y


def _box_on_centres(lat: Lattice) -> Polygon:
    x, y = lat.spot(8)
    w, h = 2 * lat.rng.randint(1, 4), 2 * lat.rng.randint(1, 4)
    return Polygon(lat.box(x | 1, y | 1, (x | 1) + w, (y | 1) + h))


def _box_on_lines(lat: Lattice) -> Polygon:
    x, y = lat.spot(8)
    w, h = 2 * lat.rng.randint(1, 4), 2 * lat.rng.randint(1, 4)
    return Polygon(lat.box(x & ~1, y & ~1, (x & ~1) + w, (y & ~1) + h))


def _star(lat: Lattice) -> Polygon:
    """Some vertices anywhere, some on centres or grid lines, some one ulp beside them."""
    x, y = lat.spot(10)
    rng, count = lat.rng, lat.rng.randint(3, 14)
    corners = []
    for i in range(count):
        angle, reach = 2 * math.pi * (i + rng.random() * 0.8) / count, rng.uniform(1.5, 10)
        px, py = x + reach * math.cos(angle), y + reach * math.sin(angle)
        if rng.random() < 0.6:
            px, py = round(px), round(py)
        lon, latitude = lat.at(px, py)
        if rng.random() < 0.15:
            lon = math.nextafter(lon, rng.choice((-999.0, 999.0)))
            latitude = math.nextafter(latitude, 0.0)
        corners.append((lon, latitude))
    return Polygon(corners)


def _snapped_star(lat: Lattice) -> Polygon:
    """Diagonals from half cell to half cell: many pass through centres."""
    x, y = lat.spot(8)
    rng, count = lat.rng, lat.rng.randint(3, 9)
    corners = []
    for i in range(count):
        angle, reach = 2 * math.pi * i / count, rng.uniform(2, 8)
        px, py = x + round(reach * math.cos(angle)), y + round(reach * math.sin(angle))
        corners.append(lat.at(px, py))
    return Polygon(corners)


def _donut(lat: Lattice) -> Polygon | MultiPolygon:
    """A hole whose boundary runs through centres, perhaps with an island, perhaps at the shell."""
    x, y = lat.spot(10)
    x, y = x & ~1, y | 1
    hole = lat.box(x + 3, y + 2, x + 9, y + 8)
    if lat.rng.random() < 0.3:
        # The hole's first corner lies on the shell's left side: valid, one touching point.
        hole = [lat.at(x, y + 6), lat.at(x + 7, y + 4), lat.at(x + 7, y + 8)]
    ring = Polygon(lat.box(x, y, x + 12, y + 10), [hole])
    if lat.rng.random() < 0.5:
        return ring
    island = lat.box(x + 5, y + 4, x + 7, y + 6)
    if lat.rng.random() < 0.4:
        # The island touches the hole's boundary in one point.
        island = [lat.at(x + 3, y + 5), lat.at(x + 5, y + 4), lat.at(x + 5, y + 6)]
    return MultiPolygon([ring, Polygon(island)])


def _sliver(lat: Lattice) -> Polygon:
    x, y = lat.spot(6)
    dx, dy = lat.rng.randint(-6, 6), lat.rng.randint(-6, 6)
    thin = lat.rng.choice((1e-9, 1e-4, 0.05))
    return Polygon([lat.at(x, y), lat.at(x + dx, y + dy), lat.at(x + dx + thin, y + dy + 2 * thin)])


def _outside(lat: Lattice) -> Polygon:
    """Partly outside of the raster, over one of its corners."""
    x, y = lat.rng.choice(((0, 0), (lat.width, 0), (0, lat.height), (lat.width, lat.height)))
    w, h = lat.rng.randint(2, 9), lat.rng.randint(2, 9)
    return Polygon(lat.box(x - w, y - h, x + w + 1, y + h - 1))


def speck(lat: Lattice) -> Polygon:
    """Between centres: no tile under center, one under any_overlap."""
    x, y = lat.spot(4)
    x, y = x & ~1, y & ~1
    return Polygon(lat.box(x + 0.2, y + 0.2, x + 0.6, y + 0.7))


def wrapping(lat: Lattice) -> Polygon:
    """Over the antimeridian, written past +180 or past -180."""
    _, y = lat.spot(8)
    west, east = 3 * lat.grid.a * lat.rng.random() + 1e-3, 4 * lat.grid.a * lat.rng.random() + 1e-3
    middle = lat.rng.choice((180.0, -180.0))
    if lat.rng.random() < 0.4:
        east = lat.grid.a * lat.rng.randint(1, 3) / 2
    top, bottom = lat.at(0, y - 5)[1], lat.at(0, y + 4)[1]
    left, right = middle - west, middle + east
    return Polygon([(left, bottom), (right, bottom), (right, top), (middle, top), (left, top)])


PLAIN = (_box_on_centres, _box_on_lines, _star, _star, _snapped_star, _donut, _outside)


def random_country(lat: Lattice, slivers: bool, wraps: bool) -> Polygon | MultiPolygon:
    """A valid polygon or multipolygon of one to three shapes."""
    makers = [*PLAIN, *([_sliver] if slivers else []), *([wrapping] if wraps else [])]
    country: Polygon | MultiPolygon | None = None
    wanted = lat.rng.choice((1, 1, 2, 3))
    for _ in range(200):
        shape = lat.rng.choice(makers)(lat)
        candidate = shape
        if country is not None:
            parts = [p for g in (country, shape) for p in getattr(g, "geoms", [g])]
            candidate = MultiPolygon(parts)
        if candidate.is_valid and candidate.area > 0:
            country, wanted = candidate, wanted - 1
            if wanted == 0:
                break
    if country is None:
        raise AssertionError("no valid shape in 200 tries")
    if lat.rng.random() < 0.1:
        # The same place written one turn away.
        moved = translate(country, lat.rng.choice((360.0, -360.0)))
        country = moved if moved.is_valid else country
    return country.reverse() if lat.rng.random() < 0.5 else country
