"""S1: the grid's cells and the tiles that a country owns, cell by cell."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from .geometry import Country, Strip, country_takes_point


@dataclass(frozen=True)
class Tile:
    """One cell; degrees in binary64, each in the form that the contract gives."""

    tile_id: int
    row: int
    col: int
    centroid_lon: float
    centroid_lat: float
    min_lon: float
    max_lon: float
    min_lat: float
    max_lat: float


@dataclass(frozen=True)
class Grid:
    """A north-up grid with affine (a, 0, c, 0, e, f)."""

    a: float
    c: float
    e: float
    f: float
    nrows: int
    ncols: int

    def tile(self, row: int, col: int) -> Tile:
        """The cell at a row and a column, both from 0."""
        return Tile(
            tile_id=row * self.ncols + col,
            row=row,
            col=col,
            centroid_lon=self.c + (col + 0.5) * self.a,
            centroid_lat=self.f + (row + 0.5) * self.e,
            min_lon=self.c + col * self.a,
            max_lon=self.c + (col + 1) * self.a,
            min_lat=self.f + (row + 1) * self.e,
            max_lat=self.f + row * self.e,
        )


def country_tiles(grid: Grid, country: Country, rule: str) -> list[Tile]:
    """The country's tiles in ascending tile_id; ``rule`` is center or any_overlap."""
    if rule not in ("center", "any_overlap"):
        raise ValueError(f"unknown inclusion rule {rule!r}")
    owned = []
    for row in range(grid.nrows):
        cells = [grid.tile(row, col) for col in range(grid.ncols)]
        if rule == "center":
            owned += [
                t for t in cells if country_takes_point(country, t.centroid_lon, t.centroid_lat)
            ]
        else:
            strip = Strip(country, cells[0].min_lat, cells[0].max_lat)
            owned += [t for t in cells if strip.shared_area(t.min_lon, t.max_lon) > 0]
    return owned


def smallest_share(country: Country, owned: list[Tile]) -> Fraction:
    """The smallest part of a tile that lies in the country; 0 without tiles."""
    shares = []
    for t in owned:
        cell = (Fraction(t.max_lon) - Fraction(t.min_lon)) * (
            Fraction(t.max_lat) - Fraction(t.min_lat)
        )
        strip = Strip(country, t.min_lat, t.max_lat)
        shares.append(strip.shared_area(t.min_lon, t.max_lon) / cell)
    return min(shares, default=Fraction(0))
