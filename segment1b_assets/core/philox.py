"""Philox2x64-10 over whole arrays (contract §5).

The 64 x 64 -> 128 bit product of a round is four 32-bit partial products, because numpy does not
give the high half. All results are written into scratch that stays in the second-level cache.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

U64 = NDArray[np.uint64]

MULTIPLIER: Final = 0xD2B74407B1CE6E93
WEYL: Final = 0x9E3779B97F4A7C15
ROUNDS: Final = 10

#: Blocks computed in one step: the scratch is 450 kB, so it stays in a cache of 1 MiB.
_CHUNK: Final = 8192

_MASK32 = np.uint64(0xFFFFFFFF)
_SHIFT32 = np.uint64(32)
_MULTIPLIER = np.uint64(MULTIPLIER)
_M_LOW = np.uint64(MULTIPLIER & 0xFFFFFFFF)
_M_HIGH = np.uint64(MULTIPLIER >> 32)
_WEYL = np.uint64(WEYL)


def philox_blocks(counter_lo: U64, counter_hi: U64, key: U64) -> tuple[U64, U64]:
    """One block per counter: the two output words.

    Args:
        counter_lo, counter_hi: uint64 (n,), the halves of each 128-bit counter.
        key: uint64 (n,), the key of each block.

    Returns:
        Words 0 and 1, uint64 (n,) each.

    Raises:
        ValueError: the arrays differ in length.
    """
    n = counter_lo.size
    if counter_hi.size != n or key.size != n:
        raise ValueError(f"{n} low halves, {counter_hi.size} high halves and {key.size} keys")
    first = np.empty(n, np.uint64)
    second = np.empty(n, np.uint64)
    scratch = np.empty((7, min(n, _CHUNK)), np.uint64)
    for start in range(0, n, _CHUNK):
        part = slice(start, min(start + _CHUNK, n))
        _run(counter_lo[part], counter_hi[part], key[part], first[part], second[part], scratch)
    return first, second


def _run(lo: U64, hi: U64, key: U64, first: U64, second: U64, scratch: U64) -> None:
    """Ten rounds of one chunk; `first` and `second` receive the words."""
    x, y, k, a, b, t, m = (row[: lo.size] for row in scratch)
    np.copyto(x, lo)
    np.copyto(y, hi)
    np.copyto(k, key)
    for step in range(ROUNDS):
        if step:
            np.add(k, _WEYL, out=k)
        # High half of MULTIPLIER * x, column by column: a, b are the halves of x.
        np.bitwise_and(x, _MASK32, out=a)
        np.right_shift(x, _SHIFT32, out=b)
        np.multiply(a, _M_LOW, out=t)
        np.right_shift(t, _SHIFT32, out=t)
        np.multiply(b, _M_LOW, out=m)
        np.add(t, m, out=t)  # < 2^64: (2^32-1)^2 + 2^32-1
        np.multiply(a, _M_HIGH, out=a)
        np.bitwise_and(t, _MASK32, out=m)
        np.add(a, m, out=a)  # < 2^64, likewise
        np.multiply(b, _M_HIGH, out=b)
        np.right_shift(t, _SHIFT32, out=t)
        np.add(b, t, out=b)
        np.right_shift(a, _SHIFT32, out=a)
        np.add(b, a, out=b)
        np.bitwise_xor(b, k, out=b)
        # (x, y) <- (high ^ key ^ y, low)
        np.bitwise_xor(b, y, out=b)
        np.multiply(x, _MULTIPLIER, out=y)
        x, b = b, x
    np.copyto(first, x)
    np.copyto(second, y)


def counter_plus(counter_lo: U64, counter_hi: U64, steps: U64) -> tuple[U64, U64]:
    """The 128-bit counters moved on by `steps` (uint64, broadcast), with carry and wrap.

    Returns:
        The low and the high halves, uint64 (n,) each.
    """
    lo = counter_lo + steps
    hi = counter_hi + (lo < counter_lo)
    return lo, hi
