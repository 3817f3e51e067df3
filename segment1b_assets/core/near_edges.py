"""Which edges come near which cells: an index from tiles to edges."""

from __future__ import annotations

import numpy as np

from segment1b_assets.core import intervals
from segment1b_assets.core.grid import Grid
from segment1b_assets.core.intervals import Ints
from segment1b_assets.core.placement import Placement
from segment1b_assets.core.polygon import Edges
from segment1b_assets.core.row_spans import rows_above, rows_at_or_above

#: Degrees around a cell within which an edge counts as near: far above all rounding, so that no
#: edge that touches the closed cell is missed; an extra edge does no harm.
MARGIN = 1e-9

#: Pieces (edge, row) worked on at a time; each costs some 150 bytes.
PIECES = 500_000


def near_edges(placement: Placement, grid: Grid, tiles: Ints) -> tuple[Ints, Ints, Edges]:
    """All pairs of a tile and an edge that touches its closed cell, and perhaps a few more.

    Args:
        placement: the edges, compared with cells whose longitude is raised by its shift.
        grid: the raster's grid.
        tiles: strictly ascending tile ids, int64, shape (tiles,).

    Returns:
        (tile, edge, edges): int64 indices into `tiles` and into `edges`, shape (pairs,) each,
        ascending by (tile, edge); and the placement's edges, slanted ones first.
    """
    edges = _all_edges(placement)
    first = np.maximum(rows_above(grid.lat_edges, edges.y2 + MARGIN) - 1, 0)
    stop = np.minimum(rows_at_or_above(grid.lat_edges, edges.y1 - MARGIN), grid.nrows)
    count = np.maximum(stop - first, 0)
    upto = np.cumsum(count)
    found: list[tuple[Ints, Ints]] = []
    low = 0
    while low < len(edges):
        done = int(upto[low - 1]) if low else 0
        high = max(int(np.searchsorted(upto, done + PIECES, side="right")), low + 1)
        index, row = intervals.expanded(first[low:high], count[low:high])
        found.append(_pairs(placement, grid, tiles, edges, index + low, row))
        low = high
    tile = np.concatenate([f[0] for f in found])
    edge = np.concatenate([f[1] for f in found])
    order = np.lexsort((edge, tile))
    return tile[order], edge[order], edges


def _all_edges(placement: Placement) -> Edges:
    a, b = placement.slanted, placement.level
    return Edges(
        np.concatenate((a.x1, b.x1)),
        np.concatenate((a.y1, b.y1)),
        np.concatenate((a.x2, b.x2)),
        np.concatenate((a.y2, b.y2)),
        np.concatenate((a.ring, b.ring)),
    )


def _pairs(
    placement: Placement, grid: Grid, tiles: Ints, edges: Edges, edge: Ints, row: Ints
) -> tuple[Ints, Ints]:
    """(tile, edge) for the pieces of edges in rows."""
    x1, y1, x2, y2 = edges.x1[edge], edges.y1[edge], edges.x2[edge], edges.y2[edge]
    height = np.where(y1 == y2, 1.0, y2 - y1)
    level = y1 == y2
    with np.errstate(over="ignore"):  # of an edge of next to no height; infinite is clipped too
        low = np.clip((grid.lat_edges[row + 1] - MARGIN - y1) / height, 0.0, 1.0)
        high = np.clip((grid.lat_edges[row] + MARGIN - y1) / height, 0.0, 1.0)
    xa = x1 + np.where(level, 0.0, low) * (x2 - x1) - placement.shift
    xb = x1 + np.where(level, 1.0, high) * (x2 - x1) - placement.shift
    west, east = np.minimum(xa, xb) - MARGIN, np.maximum(xa, xb) + MARGIN
    left = np.maximum(np.searchsorted(grid.lon_edges, west, side="left") - 1, 0)
    right = np.minimum(np.searchsorted(grid.lon_edges, east, side="right") - 1, grid.ncols - 1)
    begin = np.searchsorted(tiles, row * grid.ncols + left, side="left")
    end = np.searchsorted(tiles, row * grid.ncols + right, side="right")
    index, tile = intervals.expanded(begin, np.maximum(end - begin, 0))
    return tile, edge[index]
