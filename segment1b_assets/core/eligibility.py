"""Which cells of the grid belong to a country (contract §4, S1).

Nothing is rasterised: the polygon's edges are crossed with the grid's lines, exactly, and the
crossings of a row bound its runs of cells. The cost follows the crossings, not the cells.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from segment1b_assets.core import intervals
from segment1b_assets.core.cell_runs import CellRuns
from segment1b_assets.core.fill import fill_any_overlap, fill_center
from segment1b_assets.core.grid import Grid
from segment1b_assets.core.intervals import Intervals, Ints
from segment1b_assets.core.placement import Placement, placements
from segment1b_assets.core.polygon import CountryPolygon
from segment1b_assets.core.row_spans import (
    Spans,
    row_bands,
    rows_above,
    rows_at_or_above,
    strip_rows,
    within,
)
from segment1b_assets.core.scanline import exact_rank

InclusionRule = Literal["center", "any_overlap"]


@dataclass(frozen=True)
class Eligibility:
    """The cells that belong to a country, and counts of the cells visited.

    Attributes:
        runs: the cells that belong.
        cells_visited: size of the union over the polygon's parts of the cells whose centroid lies
            in the part's closed bounding box (any_overlap: whose open cell meets the box).
        cells_included: cells that belong.
        cells_excluded_hole: visited cells that do not belong because they are in a hole.
        cells_excluded_outside: the other visited cells that do not belong.
    """

    runs: CellRuns
    cells_visited: int
    cells_included: int
    cells_excluded_outside: int
    cells_excluded_hole: int


def eligible_cells(polygon: CountryPolygon | None, grid: Grid, rule: InclusionRule) -> Eligibility:
    """The cells that the inclusion rule gives a country, exactly, in real arithmetic.

    Args:
        polygon: the country, or None if it has no polygon (then no cell belongs).
        grid: the raster's grid.
        rule: ``center`` (centroid inside or on an outer boundary) or ``any_overlap`` (shared
            area > 0).
    """
    if rule not in ("center", "any_overlap"):
        raise ValueError(f"inclusion rule {rule!r} is neither center nor any_overlap")
    if polygon is None:
        return Eligibility(CellRuns.empty(grid.ncols), 0, 0, 0, 0)
    fill = fill_center if rule == "center" else fill_any_overlap
    placed = placements(polygon, grid)
    windows = [_windows(p, grid, rule) for p in placed]
    found: list[Intervals] = []
    visited = holed = 0
    spans = [_spans(p, w, rule) for p, w in zip(placed, windows, strict=True)]
    for row_lo, row_hi in row_bands([s for of in spans for s in of], grid.nrows):
        fills = [fill(p, row_lo, row_hi) for p in placed]
        included = intervals.united(*(f.included for f in fills))
        in_hole = intervals.united(*(f.holed for f in fills))
        found.append(included)
        holed += intervals.size(intervals.less(in_hole, included))
        visited += intervals.size(
            intervals.united(*(_window_cells(w, grid, row_lo, row_hi) for w in windows))
        )
    runs = CellRuns.from_intervals(intervals.united(*found), grid.ncols)
    return Eligibility(runs, visited, runs.count, visited - runs.count - holed, holed)


@dataclass(frozen=True)
class _Windows:
    """The cell window of each part: rows [top, bottom), columns [left, right)."""

    top: Ints
    bottom: Ints
    left: Ints
    right: Ints


def _windows(placement: Placement, grid: Grid, rule: InclusionRule) -> _Windows:
    west, south, east, north = placement.bounds.T
    if rule == "center":
        top = rows_above(grid.centroid_lat, north)
        bottom = rows_at_or_above(grid.centroid_lat, south)
        left, _ = exact_rank(grid.centroid_lon, west, placement.shift)
        right, on = exact_rank(grid.centroid_lon, east, placement.shift)
        right = right + on
    else:
        top, bottom = strip_rows(grid, south, north)
        left, on = exact_rank(grid.lon_edges, west, placement.shift)
        left = left + on - 1
        right, _ = exact_rank(grid.lon_edges, east, placement.shift)
    left, right = np.maximum(left, 0), np.minimum(right, grid.ncols)
    some = (top < bottom) & (left < right)
    return _Windows(top[some], bottom[some], left[some], right[some])


def _window_cells(windows: _Windows, grid: Grid, row_lo: int, row_hi: int) -> Intervals:
    held, first, count = within((windows.top, windows.bottom), row_lo, row_hi)
    index, row = intervals.expanded(first, count)
    index = held[index]
    base = row * grid.ncols
    return intervals.merged(base + windows.left[index], base + windows.right[index])


def _spans(placement: Placement, windows: _Windows, rule: InclusionRule) -> list[Spans]:
    """The rows that each edge and each window covers."""
    spans = [placement.crossed, (windows.top, windows.bottom)]
    return spans if rule == "center" else [*spans, placement.strips]
