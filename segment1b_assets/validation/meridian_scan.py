"""A country's cells found along the meridians: S1's rules by another way than S1's own.

S1 crosses the polygon with parallels and fills even-odd. Here the edges are crossed with the
meridians, and winding numbers are counted: an edge with the interior to its north adds one to
every cell north of it, an edge with the interior to its south takes one off. Where an edge passes
a centre (`center`) or a corner of a cell (`any_overlap`) closer than `_NEAR`, the cell is decided
by itself in rational arithmetic; with everything else the floats are certain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.core import intervals
from segment1b_assets.core.grid import Grid
from segment1b_assets.core.intervals import Intervals, Ints
from segment1b_assets.core.polygon import CountryPolygon
from segment1b_assets.core.row_spans import Spans, row_bands, within
from segment1b_assets.validation.exact_cells import ExactCells
from segment1b_assets.validation.grid_cells import CellLines, cell_lines
from segment1b_assets.validation.ring_edges import RingEdges, ring_edges
from segment1b_assets.validation.turns import turns_between

F64 = NDArray[np.float64]
Bools = NDArray[np.bool_]

#: Degrees. A latitude on an edge is computed with an error below 1e-12: the share along the edge
#: has a relative error of 6 * 2^-53, and edges span at most 180 degrees of latitude.
_NEAR = 1e-11


def cells_by_column(polygon: CountryPolygon, grid: Grid, rule: str) -> Iterator[Intervals]:
    """The cells that the rule gives the country, as sets of keys ``col * (nrows + 1) + row``.

    Yields one interval set per band of columns, in ascending order of columns.
    """
    turns = turns_between(polygon.geometry, grid)
    scan = _Scan(ring_edges(polygon.geometry), grid, turns)
    for band in row_bands(scan.spans(rule), grid.ncols):
        yield scan.centres(*band) if rule == "center" else scan.overlaps(*band)


@dataclass(frozen=True, eq=False)
class _Pieces:
    """Edges met with columns, one each: index of the edge, column, and where they meet.

    Attributes:
        edge, col: int64.
        y: float64, latitude of the edge at the column's meridian.
        slack: float64, by how much `y` may be off: 0 or `_NEAR`.
    """

    edge: Ints
    col: Ints
    y: F64
    slack: F64


class _Scan:
    def __init__(self, edges: RingEdges, grid: Grid, turns: tuple[float, ...]) -> None:
        self._edges, self._turns = edges, turns
        self._cells: CellLines = cell_lines(grid)
        self._exact = ExactCells(edges, grid, turns)
        self._key = grid.nrows + 1
        self._nrows = grid.nrows
        self._borders = np.append(self._cells.west, self._cells.east[-1])
        self._lat_lines = np.append(self._cells.north, self._cells.south[-1])

    def spans(self, rule: str) -> list[Spans]:
        """The columns [first, stop) that each edge may decide something in, turn by turn."""
        found = []
        for turn in self._turns:
            first, stop = self._crossed[turn]
            # A centre exactly on the eastern end counts too, though the edge does not cross there.
            found.append((first, np.minimum(stop + 1, self._cells.ncols)))
            if rule == "any_overlap":
                found.append(self._passed[turn])
        return found

    def centres(self, col_lo: int, col_hi: int) -> Intervals:
        """Cells of the columns whose centre belongs."""
        inside, unsure = self._inside(col_lo, col_hi)
        unsure = intervals.united(unsure, self._on_uprights(col_lo, col_hi))
        decided = self._decide(unsure, self._exact.centre_belongs)
        return intervals.united(intervals.less(inside, unsure), decided)

    def overlaps(self, col_lo: int, col_hi: int) -> Intervals:
        """Cells of the columns that share an area with the polygon: met by an edge, or inside."""
        inside, unsure = self._inside(col_lo, col_hi)
        sure, perhaps = self._met(col_lo, col_hi)
        # A centre that an edge passes closely lies in a cell that the edge meets.
        sure = intervals.united(sure, intervals.less(inside, unsure))
        decided = self._decide(intervals.less(perhaps, sure), self._exact.is_met)
        return intervals.united(sure, decided)

    def _inside(self, col_lo: int, col_hi: int) -> tuple[Intervals, Intervals]:
        """Cells whose centre has winding number 1, and those whose centre an edge nearly hits."""
        found, unsure = [], []
        for turn in self._turns:
            p = self._pieces(turn, self._crossed[turn], self._cells.middle_lon, col_lo, col_hi)
            north_of = np.searchsorted(-self._cells.middle_lat, -p.y, side="left")
            key = p.col * self._key + north_of
            order = np.argsort(key, kind="stable")
            key = key[order]
            # From north to south: an edge with the interior to its north ends a run of cells.
            winding = -np.cumsum(self._edges.weight[p.edge[order]])
            held = np.flatnonzero(winding[:-1] > 0)
            found.append(intervals.merged(key[held], key[held + 1]))
            first = np.searchsorted(-self._cells.middle_lat, -(p.y + p.slack), side="left")
            stop = np.searchsorted(-self._cells.middle_lat, -(p.y - p.slack), side="right")
            unsure.append(intervals.merged(p.col * self._key + first, p.col * self._key + stop))
        return intervals.united(*found), intervals.united(*unsure)

    def _on_uprights(self, col_lo: int, col_hi: int) -> Intervals:
        """Cells whose centre is on an upright edge, or where a vertex is."""
        col, south, north = self._uprights
        held = np.flatnonzero((col >= col_lo) & (col < col_hi))
        first = np.searchsorted(-self._cells.middle_lat, -north[held], side="left")
        stop = np.searchsorted(-self._cells.middle_lat, -south[held], side="right")
        base = col[held] * self._key
        return intervals.merged(base + first, base + stop)

    @cached_property
    def _uprights(self) -> tuple[Ints, F64, F64]:
        """(column, south, north) of upright edges and vertices exactly on a column's middle."""
        e, middle = self._edges, self._cells.middle_lon
        upright = np.flatnonzero(e.weight == 0)
        ends = e.west_y[upright], e.east_y[upright]
        x = np.concatenate((e.west_x[upright], e.west_x, e.east_x))
        south = np.concatenate((np.minimum(*ends), e.west_y, e.east_y))
        north = np.concatenate((np.maximum(*ends), e.west_y, e.east_y))
        found = []
        for turn in self._turns:
            col = np.minimum(self._first_at(middle, turn, x), middle.size - 1)
            held = np.flatnonzero(_less(middle[col], turn, x) == 0)
            found.append((col[held], south[held], north[held]))
        cols, souths, norths = zip(*found, strict=True)
        return np.concatenate(cols), np.concatenate(souths), np.concatenate(norths)

    def _met(self, col_lo: int, col_hi: int) -> tuple[Intervals, Intervals]:
        """Open cells that an edge passes through for certain, and those that one may."""
        sure: list[Intervals] = []
        perhaps: list[Intervals] = []
        for turn in self._turns:
            span = self._passed[turn]
            a = self._pieces(turn, span, self._cells.west, col_lo, col_hi)
            b = self._pieces(turn, span, self._cells.east, col_lo, col_hi)
            upright = self._edges.weight[a.edge] == 0
            other = np.where(upright, self._edges.east_y[a.edge], b.y)
            for into, sign in ((sure, -1.0), (perhaps, 1.0)):
                # The ends as near to each other as they may be, then as far apart.
                high = np.maximum(a.y + sign * a.slack, other + sign * b.slack)
                low = np.minimum(a.y - sign * a.slack, other - sign * b.slack)
                first = np.searchsorted(-self._lat_lines, -high, side="right") - 1
                stop = np.searchsorted(-self._lat_lines, -low, side="left")
                first, stop = np.maximum(first, 0), np.minimum(stop, self._nrows)
                into.append(intervals.merged(a.col * self._key + first, a.col * self._key + stop))
        return intervals.united(*sure), intervals.united(*perhaps)

    def _decide(self, unsure: Intervals, rule: Callable[[int, int], bool]) -> Intervals:
        """The unsure cells of which `rule`, asked with row and column, says yes."""
        _, key = intervals.expanded(unsure[0], unsure[1] - unsure[0])
        belongs = np.array([rule(int(k % self._key), int(k // self._key)) for k in key], np.bool_)
        return intervals.merged(key[belongs], key[belongs] + 1)

    def _pieces(
        self, turn: float, span: Spans, meridians: F64, col_lo: int, col_hi: int
    ) -> _Pieces:
        """Where edges meet the meridian of each of their columns, or end before they do."""
        e = self._edges
        held, first, count = within(span, col_lo, col_hi)
        index, col = intervals.expanded(first, count)
        edge = held[index]
        width = e.east_x[edge] - e.west_x[edge]
        way = np.clip(_less(meridians[col], turn, e.west_x[edge]), 0.0, width)
        share = way / np.where(width > 0, width, 1.0)
        past = _less(meridians[col], turn, e.east_x[edge]) >= 0
        y = e.west_y[edge] + share * (e.east_y[edge] - e.west_y[edge])
        y = np.where(past & (width > 0), e.east_y[edge], y)
        known = (share <= 0) | past | (e.west_y[edge] == e.east_y[edge])
        return _Pieces(edge, col, y, np.where(known, 0.0, _NEAR))

    @cached_property
    def _crossed(self) -> dict[float, Spans]:
        """By turn, the columns whose centre's meridian x has ``west <= x < east``."""
        e, middle = self._edges, self._cells.middle_lon
        return {
            turn: (
                self._first_at(middle, turn, e.west_x),
                self._first_at(middle, turn, e.east_x),
            )
            for turn in self._turns
        }

    @cached_property
    def _passed(self) -> dict[float, Spans]:
        """By turn, the columns whose open strip meets the edge's longitudes."""
        found = {}
        for turn in self._turns:
            first = self._first_above(self._borders, turn, self._edges.west_x) - 1
            stop = self._first_at(self._borders, turn, self._edges.east_x)
            stop = np.minimum(stop, self._cells.ncols)
            first = np.maximum(first, 0)
            found[turn] = (first, np.maximum(first, stop))
        return found

    @staticmethod
    def _first_at(lines: F64, turn: float, x: F64) -> Ints:
        """The first of the ascending lines with ``line + turn >= x``, exactly."""
        k = np.searchsorted(lines, x - turn, side="left")
        if turn:
            k -= (k > 0) & (_less(lines[np.maximum(k - 1, 0)], turn, x) >= 0)
            at = np.minimum(k, lines.size - 1)
            k += (k < lines.size) & (_less(lines[at], turn, x) < 0)
        return k

    @staticmethod
    def _first_above(lines: F64, turn: float, x: F64) -> Ints:
        """The first of the ascending lines with ``line + turn > x``, exactly."""
        k = _Scan._first_at(lines, turn, x)
        at = np.minimum(k, lines.size - 1)
        above: Ints = k + ((k < lines.size) & (_less(lines[at], turn, x) == 0))
        return above


def _less(line: F64, turn: float, x: F64) -> F64:
    """``line + turn - x`` with a relative error of a few units, and so with the right sign.

    The difference of the two large numbers is taken in two parts (Knuth's two-sum); adding the
    turn to the first is exact wherever they cancel.
    """
    d = line - x
    if not turn:
        return d
    back = d - line
    lost = (line - (d - back)) - (x + back)
    return (d + turn) + lost
