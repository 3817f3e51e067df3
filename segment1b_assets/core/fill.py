"""The cells of a row band that a placement of a polygon covers, by either inclusion rule.

**center.** On a row's centroid latitude, the sorted crossings of all rings open and close
the interior in alternation (even-odd; parts of a valid multipolygon share no interior). With the
half-open rule ``y1 <= y < y2`` every ring crosses an even number of times, vertices included.
Centroids that lie exactly on a ring are then decided by the ring: in if they are on the shell of
some part and on no hole of that same part.

**any_overlap.** A cell belongs if the open cell meets an edge, or if it does not and its centroid
is inside. That is the rule "area of cell ∩ polygon > 0":

- An edge of a valid polygon has the interior on exactly one side (edges never run along one
  another), so near any of its points inside the open cell there is interior of positive area.
- An open cell that meets no edge is connected and free of boundary: it lies wholly inside, and so
  does its centroid, or wholly outside, and the area is 0.

The even-odd answer may be arbitrary for a centroid on an edge, but then the open cell meets that
edge and belongs anyway. An edge that runs along a cell's side meets no open cell.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from segment1b_assets.core import intervals
from segment1b_assets.core.intervals import Intervals, Ints
from segment1b_assets.core.placement import Placement
from segment1b_assets.core.row_spans import within
from segment1b_assets.core.scanline import crossing_rank, exact_rank


@dataclass(frozen=True)
class Fill:
    """Cells of a band as interval sets of tile ids.

    Attributes:
        included: the cells that belong.
        holed: cells in a hole, or on one's boundary; some may belong by way of another part.
    """

    included: Intervals
    holed: Intervals


def fill_center(placement: Placement, row_lo: int, row_hi: int) -> Fill:
    """The cells of rows [row_lo, row_hi) whose centroid is inside or on an outer boundary."""
    inside, holed, ring, cell = _even_odd(placement, row_lo, row_hi)
    ring, starts, stops = _on_rings(placement, row_lo, row_hi, ring, cell)
    if ring.size == 0:
        return Fill(inside, holed)
    # One key space per part, so that only a part's own holes take from its shell; one key more
    # than there are cells, so that the spaces of two parts never touch.
    keys = placement.grid.nrows * placement.grid.ncols + 1
    base = placement.polygon.ring_part[ring] * keys
    hole = placement.polygon.ring_is_hole[ring]
    shell_set = intervals.merged((base + starts)[~hole], (base + stops)[~hole])
    hole_set = intervals.merged((base + starts)[hole], (base + stops)[hole])
    kept = intervals.less(shell_set, hole_set)
    base = kept[0] // keys * keys
    owned = intervals.merged(kept[0] - base, kept[1] - base)
    return Fill(
        intervals.united(intervals.less(inside, intervals.merged(starts, stops)), owned),
        intervals.united(holed, intervals.merged(starts[hole], stops[hole])),
    )


def fill_any_overlap(placement: Placement, row_lo: int, row_hi: int) -> Fill:
    """The cells of rows [row_lo, row_hi) that share a positive area with the polygon."""
    inside, holed, _, _ = _even_odd(placement, row_lo, row_hi)
    return Fill(
        intervals.united(
            inside,
            _met_by_slanted(placement, row_lo, row_hi),
            _met_by_level(placement, row_lo, row_hi),
        ),
        holed,
    )


def _even_odd(
    placement: Placement, row_lo: int, row_hi: int
) -> tuple[Intervals, Intervals, Ints, Ints]:
    """Cells inside by even-odd, cells inside a hole, (ring, cell) where crossings hit centroids."""
    grid = placement.grid
    held, first, count = within(placement.crossed, row_lo, row_hi)
    index, row = intervals.expanded(first, count)
    crossing = placement.slanted.take(held[index])
    rank, on = crossing_rank(grid.centroid_lon, crossing, grid.centroid_lat[row], placement.shift)
    # A row has ncols + 1 places where a crossing can fall; a place less its row is a tile id.
    place = row * (grid.ncols + 1) + rank
    inside = _between(
        placement, np.sort(np.concatenate((place, *_sweep_area(placement, row_lo, row_hi))))
    )
    holed = intervals.EMPTY
    hole = placement.polygon.ring_is_hole[crossing.ring]
    if hole.any():
        # Hole by hole: holes of nested parts overlap, so that even-odd over all would cancel.
        places = grid.nrows * (grid.ncols + 1)
        _, ring = np.unique(crossing.ring[hole], return_inverse=True)
        holed = _between(placement, np.sort(ring * places + place[hole]) % places)
    return inside, holed, crossing.ring[on], (row * grid.ncols + rank)[on]


def _sweep_area(placement: Placement, row_lo: int, row_hi: int) -> Iterator[Ints]:
    """The places, before or after all cells of a row, of the edges beside the grid."""
    ncols = placement.grid.ncols
    for rows, column in zip(placement.rows_crossed_beside, (0, ncols), strict=True):
        low, high = np.searchsorted(rows, (row_lo, row_hi))
        yield rows[low:high] * (ncols + 1) + column


def _between(placement: Placement, place: Ints) -> Intervals:
    """The cells between the first and second place, the third and fourth, and so on."""
    row = place[0::2] // (placement.grid.ncols + 1)
    first = row * placement.grid.ncols
    return _cells(placement, row, place[0::2] - row - first, place[1::2] - row - first)


def _on_rings(
    placement: Placement, row_lo: int, row_hi: int, ring: Ints, cell: Ints
) -> tuple[Ints, Ints, Ints]:
    """All (ring, start, stop) of cells whose centroid lies exactly on the ring.

    The hits of crossings are given. Vertices are added because the half-open rule skips the
    upper end of an edge, and level edges because they cross nothing.
    """
    rings, starts, stops = [ring], [cell], [cell + 1]
    columns = placement.grid.centroid_lon
    for edges, row in placement.on_centroid_rows:
        held = np.flatnonzero((row >= row_lo) & (row < row_hi))
        edges, base = edges.take(held), row[held] * placement.grid.ncols
        low, _ = exact_rank(columns, edges.x1, placement.shift)
        high, on = exact_rank(columns, edges.x2, placement.shift)
        high = high + on
        some = low < high
        rings.append(edges.ring[some])
        starts.append((base + low)[some])
        stops.append((base + high)[some])
    return np.concatenate(rings), np.concatenate(starts), np.concatenate(stops)


def _met_by_slanted(placement: Placement, row_lo: int, row_hi: int) -> Intervals:
    """Open cells that a slanted edge passes through.

    Within a row's open strip an edge runs over an open range of longitudes (xa, xb), or along one
    longitude xa = xb. Both ways it meets the open cell k if ``lon_edges[k] < xb`` and
    ``lon_edges[k + 1] > xa``.
    """
    grid = placement.grid
    held, first, count = within(placement.strips, row_lo, row_hi)
    index, line = intervals.expanded(first, count + 1)
    piece = placement.slanted.take(held[index])
    y = np.minimum(np.maximum(grid.lat_edges[line], piece.y1), piece.y2)
    rank, on = crossing_rank(grid.lon_edges, piece, y, placement.shift)
    # Consecutive lines of an edge bound its piece in the row between them.
    joined = index[1:] == index[:-1]
    after = rank + on
    last = np.maximum(rank[:-1], rank[1:])[joined]
    low = np.minimum(after[:-1], after[1:])[joined] - 1
    return _cells(placement, line[:-1][joined], low, last)


def _met_by_level(placement: Placement, row_lo: int, row_hi: int) -> Intervals:
    """Open cells that a horizontal edge passes through: none if it runs along a cell's side."""
    held, row, _ = within(placement.level_strips, row_lo, row_hi)
    edges = placement.level.take(held)
    low, on = exact_rank(placement.grid.lon_edges, edges.x1, placement.shift)
    last, _ = exact_rank(placement.grid.lon_edges, edges.x2, placement.shift)
    return _cells(placement, row, low + on - 1, last)


def _cells(placement: Placement, row: Ints, low: Ints, high: Ints) -> Intervals:
    """The cells of columns [low, high) of each row, as far as there are such columns."""
    ncols = placement.grid.ncols
    base = row * ncols
    return intervals.merged(base + np.maximum(low, 0), base + np.minimum(high, ncols))
