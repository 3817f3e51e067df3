"""The place of cells on the Hilbert curve, four bits at a time from a table (contract §4, S4).

A walk down the curve's quarters is in one of four states: whether x and y are exchanged, and
whether both are reversed. The table has, for each state and four bits of x and y, the eight bits
of the index and the next state.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

_BITS: Final = 4
_EXCHANGED, _REVERSED = 1, 2


def _walk(state: int, x: int, y: int) -> int:
    """Eight bits of the index, then two of the state, after the four bits of x and y."""
    index = 0
    for bit in reversed(range(_BITS)):
        right, down = x >> bit & 1, y >> bit & 1
        if state & _REVERSED:
            right, down = 1 - right, 1 - down
        if state & _EXCHANGED:
            right, down = down, right
        index = index << 2 | (3 * right) ^ down
        if not down:
            state ^= _EXCHANGED | (_REVERSED if right else 0)
    return index << 2 | state


_TABLE: Final = np.array(
    [_walk(s, x, y) for s in range(4) for x in range(1 << _BITS) for y in range(1 << _BITS)],
    np.uint64,
)


def curve_position(
    col: NDArray[np.uint64], row: NDArray[np.uint64], order: int
) -> NDArray[np.uint64]:
    """Index of cells on the curve through 2^order cells a side; uint64 (n,)."""
    steps = -(-order // _BITS)
    # Each level above the square is a zero bit of x and y, which exchanges them.
    state = np.full(col.size, (steps * _BITS - order) % 2, np.uint64)
    index = np.zeros(col.size, np.uint64)
    mask = np.uint64((1 << _BITS) - 1)
    for step in reversed(range(steps)):
        shift = np.uint64(step * _BITS)
        x, y = (col >> shift) & mask, (row >> shift) & mask
        found = _TABLE[(state << np.uint64(8)) | (x << np.uint64(4)) | y]
        index = (index << np.uint64(8)) | (found >> np.uint64(2))
        state = found & np.uint64(3)
    return index
