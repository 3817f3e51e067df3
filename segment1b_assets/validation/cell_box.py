"""Judges the boxes that uniform_v2 draws in (contract S6).

Draws are compared bit by bit, so they are drawn again in the very boxes of core/cell_box.py; and
these are judged by other ways. GEOS looks at every box: no part of the country lies between a
box and its cell's sides, and each side of a box must touch the country, both up to `NEAR`.
Fractions look at a sample, to the last bit: edges are clipped to the cell by their parameter, where
the state lists points.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from segment1b_assets.core.cell_box import Box, CellBoxes
from segment1b_assets.core.grid import Grid
from segment1b_assets.core.polygon import CountryPolygon
from segment1b_assets.validation.columns import Columns
from segment1b_assets.validation.country_points import NEAR, CountryPoints
from segment1b_assets.validation.findings import Findings
from segment1b_assets.validation.grid_cells import CellLines, cell_lines

F64 = NDArray[np.float64]
U64 = NDArray[np.uint64]

#: Edges that the sample may look at: a tile costs a pass over all of them.
_LOOKS: Final = 4_000_000
_LEAST, _MOST = 16, 64
#: Boxes that GEOS holds at once.
_BATCH: Final = 1 << 14

CODE: Final = "E610_RNG_BUDGET_OR_COUNTERS"


class JudgedBoxes:
    """The boxes of the tiles that the rows of a country's s6_site_jitter name.

    Faults go to `found` as E610_RNG_BUDGET_OR_COUNTERS, for what was drawn in a wrong box is not
    what its counter draws. Tiles off the grid, which others judge, count as the grid's last.
    """

    def __init__(
        self,
        found: Findings,
        polygon: CountryPolygon,
        points: CountryPoints,
        grid: Grid,
        files: Sequence[Path],
    ) -> None:
        self._last = np.uint64(grid.nrows * grid.ncols - 1)
        tiles = np.unique(np.concatenate([np.empty(0, np.uint64), *self._tile_blocks(files)]))
        self._boxes = CellBoxes.of(polygon, grid, tiles)
        _judge_by_geos(found, points, grid, tiles, self._boxes)
        _judge_sample(found, polygon.country, points, grid, self._boxes)

    def _tile_blocks(self, files: Sequence[Path]) -> Iterator[U64]:
        for block in Columns(files, ["tile_id"]).blocks():
            yield np.unique(np.minimum(block["tile_id"], self._last))

    def bounds(self, tile_id: U64) -> Box:
        """The box of each tile, float64 (n,) each."""
        return self._boxes.bounds(np.minimum(tile_id, self._last))


def _judge_by_geos(
    found: Findings, points: CountryPoints, grid: Grid, tiles: U64, boxes: CellBoxes
) -> None:
    land, rings = points.geometry, points.boundary
    shifts, lines = points.shifts, cell_lines(grid)
    for low in range(0, tiles.size, _BATCH):
        some = tiles[low : low + _BATCH]
        row, col = lines.rows_and_cols(some)
        west, east, south, north = (
            lines.west[col],
            lines.east[col],
            lines.south[row],
            lines.north[row],
        )
        b = boxes.bounds(some)
        met = np.isin(some, boxes.met.astype(np.uint64))
        wrong = ~((west <= b.min_lon) & (b.min_lon <= b.max_lon) & (b.max_lon <= east))
        wrong |= ~((south <= b.min_lat) & (b.min_lat <= b.max_lat) & (b.max_lat <= north))
        lost = [
            (west, b.min_lon, south, north),
            (b.max_lon, east, south, north),
            (west, east, south, b.min_lat),
            (west, east, b.max_lat, north),
        ]
        for strip in lost:
            wrong |= _touches(land, shifts, *strip)
        wrong |= ~met & _touches(rings, shifts, west, east, south, north)
        for side in (
            (b.min_lon, b.min_lat, b.min_lon, b.max_lat),
            (b.max_lon, b.min_lat, b.max_lon, b.max_lat),
            (b.min_lon, b.min_lat, b.max_lon, b.min_lat),
            (b.min_lon, b.max_lat, b.max_lon, b.max_lat),
        ):
            wrong |= met & ~_is_near(land, shifts, *side)
        if wrong.any():
            found.add(
                CODE,
                f"the box of tile {some[np.argmax(wrong)]} is not what its cell shares with the "
                "country",
                int(np.count_nonzero(wrong)),
            )


def _touches(
    geometry: shapely.Geometry,
    shifts: tuple[float, ...],
    west: F64,
    east: F64,
    south: F64,
    north: F64,
) -> NDArray[np.bool_]:
    """Whether rectangles, less `NEAR` all round, meet a geometry; those of no width do not."""
    w, e, s, n = west + NEAR, east - NEAR, south + NEAR, north - NEAR
    some = np.flatnonzero((w < e) & (s < n))
    touched = np.zeros(west.size, bool)
    for shift in shifts:
        placed = shapely.box(w[some] + shift, s[some], e[some] + shift, n[some])
        touched[some] |= shapely.intersects(geometry, placed)
    return touched


def _is_near(
    geometry: shapely.Geometry, shifts: tuple[float, ...], x1: F64, y1: F64, x2: F64, y2: F64
) -> NDArray[np.bool_]:
    """Whether segments come within `NEAR` of a geometry."""
    near = np.zeros(x1.size, bool)
    for shift in shifts:
        ends = np.stack((np.c_[x1 + shift, y1], np.c_[x2 + shift, y2]), axis=1)
        segments = shapely.linestrings(ends)
        # A sliver in a corner of its cell can round to a box without width. GEOS's prepared
        # distance finds nothing near a segment without length: that is asked as a point.
        dots = (ends[:, 0] == ends[:, 1]).all(axis=1)
        segments[dots] = shapely.points(ends[dots, 0])
        near |= shapely.dwithin(geometry, segments, NEAR)
    return near


def _judge_sample(
    found: Findings, country: str, points: CountryPoints, grid: Grid, boxes: CellBoxes
) -> None:
    """Some tiles that a ring meets, spread evenly from one that the country's name picks."""
    lines = cell_lines(grid)
    wanted = min(max(_LOOKS // points.edges.x1.size, _LEAST), _MOST)
    step = max(boxes.met.size // wanted, 1)
    first = int.from_bytes(hashlib.sha256(country.encode()).digest()[:8], "big") % step
    for i in range(first, boxes.met.size, step):
        b = boxes.box
        have = tuple(map(float, (b.min_lon[i], b.max_lon[i], b.min_lat[i], b.max_lat[i])))
        want = exact_box(points, lines, *divmod(int(boxes.met[i]), grid.ncols))
        if have != want:
            found.add(CODE, f"the box of tile {boxes.met[i]} is {have}, not {want}")


def exact_box(
    points: CountryPoints, lines: CellLines, row: int, col: int
) -> tuple[float, float, float, float]:
    """(min lon, max lon, min lat, max lat) of a cell's box in rationals, each rounded once."""
    west, east = float(lines.west[col]), float(lines.east[col])
    south, north = float(lines.south[row]), float(lines.north[row])
    cell = (west, south, east, north)
    shared = [p for shift in points.shifts for p in points.edges.pieces(cell, shift)]
    if not shared:
        return west, east, south, north
    lon, lat = np.array([west, west, east, east]), np.array([south, north, south, north])
    for i in np.flatnonzero(points.inside(lon, lat)):
        shared.append((Fraction(float(lon[i])), Fraction(float(lat[i]))))
    lons, lats = [p[0] for p in shared], [p[1] for p in shared]
    return float(min(lons)), float(max(lons)), float(min(lats)), float(max(lats))
