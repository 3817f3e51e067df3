"""Where an edge crosses a line of the grid, rounded to the nearest binary64 (contract §4, S6).

On the line ``u = line`` an edge from (u1, v1) to (u2, v2) has

    v = v1 + (line - u1) / (u2 - u1) (v2 - v1),

a rational number. It is computed in pairs of binary64 numbers, hi + lo with hi = fl(hi + lo), which
hold some 106 bits; u and v are the two axes in either order.

**Bound.** With e = 2^-53 a sum of pairs has relative error of at most 3e^2 / (1 - 4e): `_plus` is
the accurate sum of Joldes, Muller and Popescu (ACM TOMS 44, 2017). In `_quotient` the first digit
is within 4e of the quotient, the remainder within 8e^2 |numerator| of the true one, the second
digit within 3e of its own quotient, that is 12e^2: below 24e^2 together. `_product` drops lo lo and
rounds four small terms: below 8e^2. The three differences' errors and these add up to less than
48e^2 |v - v1|, and the last sum adds 4e^2 (|v1| + |v - v1|). `_ERROR` is 256e^2, nearly five times
as much. Underflow: where |u2 - u1| > 2^-200, what it takes from products and quotients is below
2^-860 of 2^12 degrees; `_TINY` is far above. If hi + lo - error and hi + lo + error round to
the same number, so does v. The others, ties among them, are decided in fractions; so are those
whose rounded value is a bound of the cell, for the exact one may lie beyond it.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
#: hi + lo, exactly, with hi = fl(hi + lo); float64 (n,) each.
Pair = tuple[Floats, Floats]

_ERROR = 2.0**-98
_TINY = 2.0**-800
_SHORT = 2.0**-200
_SPLIT = 2.0**27 + 1.0


def difference(a: Floats, b: Floats | float) -> Pair:
    """``a - b`` as a pair, exactly (Knuth's two-sum)."""
    hi = a - b
    back = hi - a
    return hi, (a - (hi - back)) - (b + back)


def at_least(value: Pair, bound: Floats) -> Bools:
    """Whether the exact value is >= bound."""
    held: Bools = (value[0] > bound) | ((value[0] == bound) & (value[1] >= 0))
    return held


def at_most(value: Pair, bound: Floats) -> Bools:
    """Whether the exact value is <= bound."""
    held: Bools = (value[0] < bound) | ((value[0] == bound) & (value[1] <= 0))
    return held


def crossing(
    u1: Pair, u2: Pair, v1: Pair, v2: Pair, line: Floats, low: Floats, high: Floats
) -> tuple[Floats, Bools]:
    """Where edges cross lines, and whether that lies between two bounds; all decided exactly.

    Args:
        u1, u2: ends of the edges across the lines, degrees, pairs of float64 (n,); `line` lies
            strictly between them.
        v1, v2: ends of the edges along the lines.
        line: float64 (n,).
        low, high: float64 (n,), ``low <= high``.

    Returns:
        v on each line, rounded to the nearest binary64 (ties to even), float64 (n,); and whether
        the exact v is in [low, high], bool (n,).
    """
    run, rise = _minus(u2, u1), _minus(v2, v1)
    level = (rise[0] == 0) & (rise[1] == 0)
    part = _product(_quotient(_minus((line, np.zeros_like(line)), u1), run), rise)
    hi, lo = _plus(v1, part)
    error = _ERROR * (np.abs(v1[0]) + np.abs(part[0])) + _TINY
    doubt = (hi + (lo - error) != hi + (lo + error)) | (np.abs(run[0]) < _SHORT)
    value = np.where(level, v1[0], hi)
    held = np.where(level, at_least(v1, low) & at_most(v1, high), (value >= low) & (value <= high))
    doubt |= (value == low) | (value == high)
    for i in np.flatnonzero(doubt & ~level):
        exact = _fraction(u1, u2, v1, v2, line, int(i))
        value[i] = float(exact)
        held[i] = Fraction(float(low[i])) <= exact <= Fraction(float(high[i]))
    return value, held


def _fraction(u1: Pair, u2: Pair, v1: Pair, v2: Pair, line: Floats, i: int) -> Fraction:
    a, b, c, d = (Fraction(float(p[0][i])) + Fraction(float(p[1][i])) for p in (u1, u2, v1, v2))
    return c + (Fraction(float(line[i])) - a) / (b - a) * (d - c)


def _minus(a: Pair, b: Pair) -> Pair:
    return _plus(a, (-b[0], -b[1]))


def _plus(a: Pair, b: Pair) -> Pair:
    high, high_error = difference(a[0], -b[0])
    low, low_error = difference(a[1], -b[1])
    high, rest = _renormalised(high, high_error + low)
    return _renormalised(high, low_error + rest)


def _renormalised(hi: Floats, lo: Floats) -> Pair:
    """The same sum with hi = fl(hi + lo); right for any two, as `difference` is."""
    return difference(hi, -lo)


def _quotient(a: Pair, b: Pair) -> Pair:
    first = a[0] / b[0]
    left = _minus(a, _product((first, np.zeros_like(first)), b))
    second = left[0] / b[0]
    return _renormalised(first, second)


def _product(a: Pair, b: Pair) -> Pair:
    hi = a[0] * b[0]
    a_top, a_rest = _halves(a[0])
    b_top, b_rest = _halves(b[0])
    lo = ((a_top * b_top - hi) + a_top * b_rest + a_rest * b_top) + a_rest * b_rest
    return _renormalised(hi, lo + (a[0] * b[1] + a[1] * b[0]))


def _halves(a: Floats) -> Pair:
    """Two numbers of at most 26 bits whose sum is a (Veltkamp)."""
    scaled = _SPLIT * a
    top = scaled - (scaled - a)
    return top, a - top
