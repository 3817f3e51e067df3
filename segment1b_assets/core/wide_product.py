"""The high half of 64 x 64 bit products, which numpy does not have."""

from __future__ import annotations

from typing import Final

import numpy as np

from segment1b_assets.core.philox import U64

_HALF: Final = np.uint64(32)
_LOW: Final = np.uint64(0xFFFFFFFF)


def product_high(a: U64, b: U64 | np.uint64) -> U64:
    """⌊a·b / 2^64⌋ exactly.

    Args:
        a: uint64 (n,).
        b: uint64, (n,) or one number.

    Returns:
        uint64 (n,).
    """
    a_low, a_high = a & _LOW, a >> _HALF
    b_low, b_high = b & _LOW, b >> _HALF
    # No sum passes 2^64: (2^32 - 1)^2 + 2·(2^32 - 1) = 2^64 - 1.
    middle = a_high * b_low + (a_low * b_low >> _HALF)
    lower = a_low * b_high + (middle & _LOW)
    high: U64 = a_high * b_high + (middle >> _HALF) + (lower >> _HALF)
    return high
