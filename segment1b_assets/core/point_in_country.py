"""The country test of S6: whether points of known cells are inside the country.

Only edges near a cell can affect its points. A cell without edges is wholly inside or wholly
outside, like its reference point. Elsewhere a point p has the parity of the cell's reference
point R, changed by every edge that the path R -> C -> p crosses, where C has R's longitude and p's
latitude: an upright leg, then a level one.

Which side of an edge a point is on is the sign of

    dx (y - y1) - dy (x - x1),

whose error in binary64 is below ``8 u (|dx (y - y1)| + |dy (x - x1)|)`` (four differences and
products of relative error u = 2^-53 each, one subtraction), plus ``|dy|`` times the rounding of
``x + shift`` where shifts are added. A point with an uncertain sign on its path, such as every
point on an edge, is decided by `exactly_inside`; so is a point outside its cell. With all signs
certain neither p nor C is on an edge, and counting crossings is exact.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.core import intervals
from segment1b_assets.core.centres_inside import centres_inside
from segment1b_assets.core.exact_location import exactly_inside
from segment1b_assets.core.grid import Grid
from segment1b_assets.core.intervals import Ints
from segment1b_assets.core.near_edges import near_edges
from segment1b_assets.core.placement import Placement, placements
from segment1b_assets.core.polygon import CountryPolygon

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

#: Pairs of a point and an edge worked on at a time; each costs some 150 bytes.
PAIRS = 500_000

#: Position of the reference point in its cell, from west and north: away from the lines (edges,
#: centres, simple fractions) that polygons and grids often share.
_REFERENCE = (0.4377, 0.5583)

_UNIT = 2.0**-53
#: Degrees; above the rounding of a longitude plus a shift. Both are at most 1080 + 360 * 6 in
#: size, so their sum is below 2^12 and rounded by at most 2^-42 < 2.3e-13.
_TURN_ERROR = 5e-13


class CountryTest:
    """The country test for the sites of a country.

    Args:
        polygon: the country.
        grid: the raster's grid.
        tile_ids: the tiles that sites lie in, uint64, any order, repeats allowed.
    """

    def __init__(self, polygon: CountryPolygon, grid: Grid, tile_ids: NDArray[np.uint64]) -> None:
        self._grid = grid
        self._tiles = np.unique(tile_ids.astype(np.int64))
        self._placed = [_PlacedTest.of(p, grid, self._tiles) for p in placements(polygon, grid)]

    def inside(self, tile_id: NDArray[np.uint64], lon: Floats, lat: Floats) -> Bools:
        """Whether each point is inside the country, by the rule of `center`, exactly.

        Args:
            tile_id: uint64, shape (n,), the tile that each point lies in, of those given before.
            lon, lat: float64, shape (n,), degrees.

        Returns:
            bool, shape (n,).

        Raises:
            ValueError: a tile is not one of those given to the constructor.
        """
        found = np.zeros(tile_id.size, np.bool_)
        if tile_id.size == 0:
            return found
        ids = tile_id.astype(np.int64)
        tile = np.searchsorted(self._tiles[:-1], ids)
        if self._tiles.size == 0 or not np.array_equal(self._tiles[tile], ids):
            raise ValueError("a point lies in a tile that was not given to the test")
        row, col = self._tiles // self._grid.ncols, self._tiles % self._grid.ncols
        strays = (lon < self._grid.lon_edges[col][tile]) | (lat > self._grid.lat_edges[row][tile])
        strays |= lon > self._grid.lon_edges[col + 1][tile]
        strays |= lat < self._grid.lat_edges[row + 1][tile]
        for placed in self._placed:
            found |= placed.inside(tile, lon, lat, strays)
        return found


@dataclass(frozen=True, eq=False)
class _PlacedTest:
    """The test against one placement; arrays are by tile, by edge, or by (tile, edge) pair.

    Attributes:
        reference_in: by tile, whether the reference point is inside.
        x_reference: by tile, longitude of the reference point, shifted.
        first, edges_of: by tile, where its pairs begin and how many they are.
        edge: by pair, index into the edges.
        upright: by pair, whether the edge spans the reference longitude.
        reference_left: by pair, whether the reference point is left of the edge.
        unsure: by tile, whether a sign of its reference point is uncertain.
        x1, y1, x2, y2, dx, dy: by edge.
    """

    placement: Placement
    reference_in: Bools
    x_reference: Floats
    first: Ints
    edges_of: Ints
    edge: Ints
    upright: Bools
    reference_left: Bools
    unsure: Bools
    x1: Floats
    y1: Floats
    y2: Floats
    dx: Floats
    dy: Floats

    @classmethod
    def of(cls, placement: Placement, grid: Grid, tiles: Ints) -> _PlacedTest:
        right, down = _REFERENCE
        reference = Grid(
            grid.a,
            grid.c + (right - 0.5) * grid.a,
            grid.e,
            grid.f + (down - 0.5) * grid.e,
            grid.nrows,
            grid.ncols,
        )
        row, col = tiles // grid.ncols, tiles % grid.ncols
        x_reference = reference.centroid_lon[col] + placement.shift
        y_reference = reference.centroid_lat[row]
        tile, edge, edges = near_edges(placement, grid, tiles)
        dx, dy = edges.x2 - edges.x1, edges.y2 - edges.y1
        x, y = x_reference[tile], y_reference[tile]
        west, east = np.minimum(edges.x1, edges.x2)[edge], np.maximum(edges.x1, edges.x2)[edge]
        upright = (west <= x) & (x < east)
        slack = _TURN_ERROR if placement.shift else 0.0
        left, certain = _side(
            dx[edge] * (y - edges.y1[edge]), dy[edge] * (x - edges.x1[edge]), dy[edge], slack
        )
        # Uncertain: the reference point's side of an edge near it, or, where a shift was added,
        # whether the edge spans its longitude.
        close = (edges.y1[edge] <= y) & (y <= edges.y2[edge])
        bad = ~certain & (upright | close)
        bad |= (np.abs(x - west) <= slack) | (np.abs(x - east) <= slack)
        edges_of = np.bincount(tile, minlength=tiles.size)
        return cls(
            placement=placement,
            reference_in=centres_inside(replace(placement, grid=reference), tiles),
            x_reference=x_reference,
            first=np.cumsum(edges_of) - edges_of,
            edges_of=edges_of,
            edge=edge,
            upright=upright,
            reference_left=left,
            unsure=np.bincount(tile[bad], minlength=tiles.size) > 0,
            x1=edges.x1,
            y1=edges.y1,
            y2=edges.y2,
            dx=dx,
            dy=dy,
        )

    def inside(self, tile: Ints, lon: Floats, lat: Floats, strays: Bools) -> Bools:
        """Whether each point is inside; `tile` indexes the tiles, strays are outside their cell."""
        found = self.reference_in[tile]
        doubt = strays | self.unsure[tile]
        near = np.flatnonzero(self.edges_of[tile] > 0)
        upto = np.cumsum(self.edges_of[tile[near]])
        low = 0
        while low < near.size:
            done = int(upto[low - 1]) if low else 0
            high = max(int(np.searchsorted(upto, done + PAIRS, side="right")), low + 1)
            some = near[low:high]
            odd, unsure = self._path(tile[some], lon[some] + self.placement.shift, lat[some])
            found[some] ^= odd
            doubt[some] |= unsure
            low = high
        for i in np.flatnonzero(doubt):
            found[i] = exactly_inside(self.placement, float(lon[i]), float(lat[i]))
        return found

    def _path(self, tile: Ints, x: Floats, y: Floats) -> tuple[Bools, Bools]:
        """By point: is the number of edges that its path crosses odd, and is that uncertain."""
        count = self.edges_of[tile]
        point, pair = intervals.expanded(self.first[tile], count)
        edge = self.edge[pair]
        y_point, y1, dy = y[point], self.y1[edge], self.dy[edge]
        rise = self.dx[edge] * (y_point - y1)
        slack = _TURN_ERROR if self.placement.shift else 0.0
        x1 = self.x1[edge]
        left, sure = _side(rise, dy * (x[point] - x1), dy, slack)
        corner_left, corner_sure = _side(rise, dy * (self.x_reference[tile][point] - x1), dy, slack)
        upright, y2 = self.upright[pair], self.y2[edge]
        reached = (y1 <= y_point) & (y_point <= y2)
        unsure = (~sure & reached) | (~corner_sure & (reached | upright))
        crossed = reached & (y_point < y2) & (left != corner_left)
        crossed ^= upright & (corner_left != self.reference_left[pair])
        begin = np.cumsum(count) - count
        return (
            np.logical_xor.reduceat(crossed, begin),
            np.logical_or.reduceat(unsure, begin),
        )


def _side(rise: Floats, run: Floats, dy: Floats, slack: float) -> tuple[Bools, Bools]:
    """Whether points are left of their edges, and whether that is certain."""
    sign = rise - run
    error = 8 * _UNIT * (np.abs(rise) + np.abs(run)) + 1e-300
    if slack:
        error += np.abs(dy) * slack
    return sign > 0, np.abs(sign) > error
