"""The cells that the inclusion rule gives a country: S1's rules by another way than S1's own.

Only a cell that an edge touches can be divided by it. Those cells are found by walking along every
edge in steps of a quarter of a cell. Each is judged by GEOS, the doubtful ones by rationals. Every
other cell lies in a stretch of its row that no edge enters: it is inside or outside as the
stretch's first cell is. So all cells are judged, and the number of judgements follows the border.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

import numpy as np
import shapely
from numpy.typing import NDArray

from segment1b_assets.core import intervals
from segment1b_assets.core.cell_runs import CellRuns
from segment1b_assets.core.grid import Grid
from segment1b_assets.core.intervals import Intervals, Ints
from segment1b_assets.core.polygon import CountryPolygon
from segment1b_assets.validation.country_points import NEAR, CountryPoints
from segment1b_assets.validation.exact_edges import ExactEdges
from segment1b_assets.validation.grid_cells import CellLines, cell_lines

F64 = NDArray[np.float64]

#: Points of a walk, and cells near edges, that are worked on at a time.
_STEPS: Final = 1 << 19
_CELLS: Final = 1 << 16
#: Cells between the points of a walk, and by how much a cell that the edge touches between two of
#: them can be off the nearer one, with room for the rounding of positions.
_STRIDE: Final = 0.25
_REACH: Final = 0.13
#: Cells by which a walk may leave the grid.
_MARGIN: Final = 2.0


def country_cells(
    polygon: CountryPolygon, grid: Grid, rule: Literal["center", "any_overlap"]
) -> CellRuns:
    """The cells of the grid that belong to the country, exactly."""
    points, lines = CountryPoints(polygon, grid), cell_lines(grid)
    whole: Intervals = (np.zeros(1, np.int64), np.array([grid.nrows * grid.ncols]))
    near = intervals.united(*_near_edges(points.edges, grid, points.shifts))
    far = CellRuns.from_intervals(intervals.less(whole, near), grid.ncols)
    col = far.starts - far.rows * grid.ncols
    inside = points.inside(lines.middle_lon[col], lines.middle_lat[far.rows])
    found = [intervals.merged(far.starts[inside], far.stops[inside])]
    for cells in CellRuns.from_intervals(near, grid.ncols).batches(_CELLS):
        row, col = cells.rows_and_cols()
        if rule == "center":
            inside = points.inside(lines.middle_lon[col], lines.middle_lat[row])
        else:
            inside = _overlap(points, lines, row, col)
        ids = cells.tile_ids().astype(np.int64)[inside]
        found.append(intervals.merged(ids, ids + 1))
    return CellRuns.from_intervals(intervals.united(*found), grid.ncols)


def _overlap(points: CountryPoints, lines: CellLines, row: Ints, col: Ints) -> NDArray[np.bool_]:
    """Whether each cell shares an area with the country: whether it meets the open cell."""
    found = points.strictly_inside(lines.middle_lon[col], lines.middle_lat[row])
    for shift in points.shifts:
        at = np.flatnonzero(~found)
        south, north = lines.south[row[at]], lines.north[row[at]]
        west, east = lines.west[col[at]] + shift, lines.east[col[at]] + shift
        # The boxes are shrunk and grown by far more than their sides are rounded.
        sure = (east - west > 4 * NEAR) & (north - south > 4 * NEAR)
        sure &= _meet(points.geometry, west, south, east, north, -NEAR)
        doubtful = ~sure
        sides = west[doubtful], south[doubtful], east[doubtful], north[doubtful]
        doubtful[doubtful] = _meet(points.geometry, *sides, NEAR)
        for i in np.flatnonzero(doubtful):
            r, c = row[at[i]], col[at[i]]
            corner = map(float, (lines.west[c], lines.south[r], lines.east[c], lines.north[r]))
            # A cell that no edge enters is outside, as its centre is; one on an edge is entered.
            sure[i] = points.edges.enter((*corner,), shift)
        found[at[sure]] = True
    return found


def _meet(
    country: shapely.Geometry, west: F64, south: F64, east: F64, north: F64, by: float
) -> NDArray[np.bool_]:
    """Whether boxes, grown by `by` on all sides, meet the country."""
    boxes = shapely.box(west - by, south - by, east + by, north + by)
    met: NDArray[np.bool_] = shapely.intersects(country, boxes)
    return met


def _near_edges(edges: ExactEdges, grid: Grid, shifts: tuple[float, ...]) -> Iterator[Intervals]:
    """Interval sets of tile ids that hold every cell that an edge touches, and few others."""
    for shift in shifts:
        for x, y in _walks(edges, grid, shift):
            first = np.maximum(np.floor(x - _REACH).astype(np.int64), 0)
            stop = np.minimum(np.floor(x + _REACH).astype(np.int64) + 1, grid.ncols)
            for reach in (-_REACH, _REACH):
                row = np.floor(y + reach).astype(np.int64)
                held = (row >= 0) & (row < grid.nrows) & (first < stop)
                starts = row[held] * grid.ncols + first[held]
                stops = row[held] * grid.ncols + stop[held]
                # Neighbours on a walk are mostly the same cells.
                new = np.append(True, (starts[1:] != starts[:-1]) | (stops[1:] != stops[:-1]))
                yield intervals.merged(starts[new[: starts.size]], stops[new[: starts.size]])


def _walks(edges: ExactEdges, grid: Grid, shift: float) -> Iterator[tuple[F64, F64]]:
    """Points along the edges, `_STRIDE` cells apart or less, up to the margin; x, y in cells."""
    for low in range(0, edges.x1.size, _STEPS):
        part = slice(low, low + _STEPS)
        x, y = (edges.x1[part] - shift - grid.c) / grid.a, (edges.y1[part] - grid.f) / grid.e
        dx = (edges.x2[part] - edges.x1[part]) / grid.a
        dy = (edges.y2[part] - edges.y1[part]) / grid.e
        east, south = _within(x, dx, grid.ncols), _within(y, dy, grid.nrows)
        start, end = np.maximum(east[0], south[0]), np.minimum(east[1], south[1])
        on = np.flatnonzero(start <= end)
        x, y, dx, dy, start = x[on], y[on], dx[on], dy[on], start[on]
        span = end[on] - start
        length = np.maximum(np.abs(dx), np.abs(dy)) * span
        steps = np.ceil(length / _STRIDE).astype(np.int64) + 1
        upto = np.cumsum(steps + 1)
        done = 0
        while done < on.size:
            before = int(upto[done - 1]) if done else 0
            stop = max(int(np.searchsorted(upto, before + _STEPS, side="right")), done + 1)
            some = slice(done, stop)
            edge, nth = intervals.expanded(np.zeros(stop - done, np.int64), steps[some] + 1)
            t = start[some][edge] + span[some][edge] * (nth / steps[some][edge])
            yield x[some][edge] + t * dx[some][edge], y[some][edge] + t * dy[some][edge]
            done = stop


def _within(start: F64, step: F64, cells: int) -> tuple[F64, F64]:
    """Between which parameters of 0 to 1 ``start + t * step`` is on the grid or its margin."""
    low, high = -_MARGIN - start, cells + _MARGIN - start
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ends = np.sort(np.stack((low / step, high / step)), axis=0)
    level = step == 0
    outside = level & ((low > 0) | (high < 0))
    first = np.where(level, np.where(outside, 2.0, 0.0), np.maximum(ends[0], 0.0))
    return first, np.where(level, 1.0, np.minimum(ends[1], 1.0))
