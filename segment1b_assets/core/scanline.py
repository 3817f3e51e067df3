"""Exact comparison of edge crossings with the grid's longitudes, float first.

All of S1's decisions reduce to one question: where an edge crosses the parallel ``y``, how
many of an ascending array of longitudes (`lattice`: cell centroids or cell edges) lie strictly
west of the crossing, and does one lie exactly on it? The answer here is that of real arithmetic on
the binary64 numbers as they are.

**Bound.** With u = 2^-53, ``fl(y - y1)`` and ``fl(y2 - y1)`` have relative error <= u, their
quotient t <= 3u + O(u^2), and ``fl(t * fl(x2 - x1))`` <= 5u + O(u^2). As 0 <= t <= 1 and
|x| <= 1080, that is at most 5u * 2160 in absolute terms; adding x1 rounds a number of at most 1081
(1081 u), subtracting the shift (at most 6 x 360, exact as a float) gives at most 3241 (3241 u).
Together under 15,130 u < 1.7e-12 degrees, underflow of t included (2160 * 2^-1074). A crossing
further than `BOUND` from every lattice value is therefore decided by its float. The others are
decided exactly: by comparing the vertex itself when the crossing is one or the edge is vertical
(common, as grids and polygons often share lines, so this is vectorised), otherwise by rational
arithmetic, one by one.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.core.polygon import Edges

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Ranks = tuple[Ints, NDArray[np.bool_]]

#: Degrees; above the error of a crossing computed in binary64 (see the module's text).
BOUND = 2e-12


def exact_rank(lattice: Floats, x: Floats, shift: float) -> Ranks:
    """How many lattice values are below ``x - shift``, exactly, and whether one equals it.

    Args:
        lattice: strictly ascending float64, shape (n,).
        x: float64, any length.
        shift: a multiple of 360 degrees, exact.

    Returns:
        (rank, on): int64 in 0..n and bool; where `on`, ``lattice[rank] == x - shift``.
    """
    z = x - shift
    rank = np.searchsorted(lattice, z, side="left")
    on = lattice[np.minimum(rank, lattice.size - 1)] == z
    if shift and on.any():
        # Rounding is monotone, so z decides unless it equals a lattice value; then what the
        # subtraction rounded away (Knuth's two-sum, exact) decides.
        turn = z - x
        lost = (x - (z - turn)) - (shift + turn)
        rank = rank + (on & (lost > 0))
        on = on & (lost == 0)
    return rank, on


def crossing_rank(lattice: Floats, edges: Edges, y: Floats, shift: float) -> Ranks:
    """`exact_rank` of the points where northward edges cross the parallels `y`, pairwise.

    Args:
        lattice: strictly ascending float64 longitudes, shape (n,).
        edges: m edges with ``y1 < y2``.
        y: float64, shape (m,), ``y1 <= y <= y2``.
        shift: degrees; the crossing's longitude less the shift is what is compared.

    Returns:
        (rank, on), shape (m,) each.
    """
    t = (y - edges.y1) / (edges.y2 - edges.y1)
    x = (edges.x1 + t * (edges.x2 - edges.x1)) - shift
    rank = np.searchsorted(lattice, x, side="left")
    near = np.abs(lattice[np.minimum(rank, lattice.size - 1)] - x) <= BOUND
    near |= np.abs(lattice[np.maximum(rank - 1, 0)] - x) <= BOUND
    on = np.zeros(x.size, np.bool_)
    doubt = np.flatnonzero(near)
    if doubt.size == 0:
        return rank, on
    e, at = edges.take(doubt), y[doubt]
    low = (e.x1 == e.x2) | (at == e.y1)
    high = ~low & (at == e.y2)
    for known, x_known in ((low, e.x1), (high, e.x2)):
        rank[doubt[known]], on[doubt[known]] = exact_rank(lattice, x_known[known], shift)
    for i in doubt[~low & ~high]:
        rank[i], on[i] = _rational_rank(lattice, edges, int(i), float(y[i]), shift, int(rank[i]))
    return rank, on


def _rational_rank(
    lattice: Floats, edges: Edges, i: int, y: float, shift: float, guess: int
) -> tuple[int, bool]:
    x1, y1 = Fraction(float(edges.x1[i])), Fraction(float(edges.y1[i]))
    x2, y2 = Fraction(float(edges.x2[i])), Fraction(float(edges.y2[i]))
    x = x1 + (Fraction(y) - y1) * (x2 - x1) / (y2 - y1) - Fraction(shift)
    rank = guess
    while rank > 0 and Fraction(float(lattice[rank - 1])) >= x:
        rank -= 1
    while rank < lattice.size and Fraction(float(lattice[rank])) < x:
        rank += 1
    return rank, rank < lattice.size and Fraction(float(lattice[rank])) == x
