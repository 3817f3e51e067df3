"""The Hilbert curve through a square of 2^order cells a side (contract §4, S4).

The square's quarters follow one another on the curve, and each is the curve of one order less,
turned. So an aligned square of 2^b cells a side is a contiguous piece of 4^b cells of the curve:
its place is the index of the square among squares, and the way through it is one of four turns.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.core.philox import U64

#: Ways through a square: bit 0 says that x and y are exchanged, bit 1 that both are reversed.
TURNS: Final = 4


def curve_order(nrows: int, ncols: int) -> int:
    """The smallest p with 2^p >= max(nrows, ncols)."""
    return (max(nrows, ncols) - 1).bit_length()


def hilbert_index(col: U64, row: U64, order: int) -> U64:
    """Index on the curve of cells (x = col, y = row).

    Args:
        col, row: uint64 (n,), below 2^order.
        order: p, 0..31.

    Returns:
        uint64 (n,), below 4^order.
    """
    return hilbert_squares(col, row, order)[0]


def hilbert_squares(col: U64, row: U64, order: int) -> tuple[U64, NDArray[np.uint8]]:
    """Index of squares on the curve through 2^order squares a side, and the turn inside each.

    Args:
        col, row: uint64 (n,), of the squares, below 2^order.
        order: 0..31.

    Returns:
        Index, uint64 (n,), and turn, uint8 (n,), below `TURNS`: see `ways_through_square`.
    """
    x, y = col.copy(), row.copy()
    index = np.zeros(x.size, np.uint64)
    turn = np.zeros(x.size, np.uint8)
    last = np.uint64((1 << order) - 1)
    for bit in range(order - 1, -1, -1):
        right = (x >> np.uint64(bit)) & np.uint64(1)
        down = (y >> np.uint64(bit)) & np.uint64(1)
        index = (index << np.uint64(2)) | ((right * np.uint64(3)) ^ down)
        reverse = (down == 0) & (right == 1)
        exchange = down == 0
        x[reverse] = last - x[reverse]
        y[reverse] = last - y[reverse]
        x, y = np.where(exchange, y, x), np.where(exchange, x, y)
        turn ^= exchange.astype(np.uint8) | (reverse.astype(np.uint8) << np.uint8(1))
    return index, turn


def ways_through_square(order: int) -> NDArray[np.int64]:
    """The curve's index of every cell of a square, for each turn.

    Args:
        order: b; the square has 2^b cells a side.

    Returns:
        int64 (TURNS, 4^b): by turn and by row · 2^b + col within the square.
    """
    side = 1 << order
    row, col = np.divmod(np.arange(side * side, dtype=np.uint64), np.uint64(side))
    ways = np.empty((TURNS, side * side), np.int64)
    for turn in range(TURNS):
        x, y = (row, col) if turn & 1 else (col, row)
        if turn & 2:
            x, y = np.uint64(side - 1) - x, np.uint64(side - 1) - y
        ways[turn] = hilbert_index(x, y, order)
    return ways
