"""Exact sums by error-free folds, for validators: another way than the mantissas of `exact_sum`.

Adding and subtracting a large power of two rounds every value to a common grid, exactly, and
floats on one grid add up without error as long as the sum stays below 2^53 steps of it. What the
rounding left of each value is itself a float, and is folded again until nothing is left.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

#: Values folded at a time: 2^15 of them cost 15 of the 53 bits.
_STEP: Final = 1 << 15
#: Above this power of two the grid's constant would overflow.
_HIGHEST: Final = 1000


def error_free_sum(values: NDArray[Any]) -> Fraction:
    """The exact sum of finite values >= 0 of any real dtype, shape (k,)."""
    total = Fraction(0)
    for start in range(0, values.size, _STEP):
        part = values[start : start + _STEP]
        if part.dtype.kind in "iu" and part.dtype.itemsize == 8:
            total += _fold((part >> 32).astype(np.float64)) * 2**32
            part = part & part.dtype.type(0xFFFFFFFF)
        total += _fold(part.astype(np.float64))
    return total


def _fold(rest: NDArray[np.float64]) -> Fraction:
    total = Fraction(0)
    power = int(np.frexp(rest.max(initial=0.0))[1])
    if power > _HIGHEST:
        huge = rest >= 2.0**_HIGHEST
        total += sum((Fraction(v) for v in rest[huge].tolist()), Fraction(0))
        rest[huge] = 0.0
        power = _HIGHEST
    while rest.any():
        grid = 2.0 ** (power + 16)
        rounded = rest + grid
        rounded -= grid
        total += Fraction(float(rounded.sum()))
        rest -= rounded
        # What is left is at most half a step of the grid, which is grid * 2^-52.
        power = max(power - 36, -1080)
    return total
