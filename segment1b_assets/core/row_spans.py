"""Which rows of the grid a range of latitudes covers, and how rows are divided into bands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.core.grid import Grid
from segment1b_assets.core.intervals import Ints, bounded_groups

Floats = NDArray[np.float64]
#: By edge or window, the rows [first, stop); none where first >= stop.
Spans = tuple[Ints, Ints]

#: Crossings worked on at a time; each costs some 250 bytes of temporary arrays.
BAND_CROSSINGS = 400_000


def rows_at_or_above(latitudes: Floats, y: Floats) -> Ints:
    """How many of the descending latitudes are >= y: the first row that lies below y."""
    return np.searchsorted(-latitudes, -y, side="right")


def rows_above(latitudes: Floats, y: Floats) -> Ints:
    """How many of the descending latitudes are > y."""
    return np.searchsorted(-latitudes, -y, side="left")


def crossed_rows(grid: Grid, y_low: Floats, y_high: Floats) -> Spans:
    """Rows whose centroid latitude y has ``y_low <= y < y_high``."""
    return rows_at_or_above(grid.centroid_lat, y_high), rows_at_or_above(grid.centroid_lat, y_low)


def strip_rows(grid: Grid, y_low: Floats, y_high: Floats) -> Spans:
    """Rows whose open strip meets the open range of latitudes (y_low, y_high).

    For a single latitude, y_low == y_high, the row whose open strip it lies in, if any.
    """
    first = rows_at_or_above(grid.lat_edges, y_high) - 1
    stop = rows_above(grid.lat_edges, y_low)
    return np.maximum(first, 0), np.minimum(stop, grid.nrows)


def row_bands(spans: Sequence[Spans], nrows: int) -> Iterator[tuple[int, int]]:
    """Bands [low, high) over all rows that some span covers, each of bounded work.

    A row's work is the number of spans that cover it. A band holds at most `BAND_CROSSINGS`, or
    one row.
    """
    change = np.zeros(nrows + 1, np.int64)
    for first, stop in spans:
        some = first < stop
        change += np.bincount(first[some], minlength=nrows + 1)
        change -= np.bincount(stop[some], minlength=nrows + 1)
    of_row = np.cumsum(change)
    rows = np.flatnonzero(of_row)
    if rows.size == 0:
        return
    first_row = int(rows[0])
    for band in bounded_groups(of_row[first_row : int(rows[-1]) + 1], BAND_CROSSINGS):
        yield first_row + band.start, first_row + band.stop


def within(spans: Spans, row_lo: int, row_hi: int) -> tuple[Ints, Ints, Ints]:
    """The spans cut to a band: (index, first, count) of those that are left."""
    held = np.flatnonzero((spans[0] < row_hi) & (spans[1] > row_lo) & (spans[0] < spans[1]))
    first = np.maximum(spans[0][held], row_lo)
    return held, first, np.minimum(spans[1][held], row_hi) - first
