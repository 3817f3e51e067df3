"""Where the marks of an axis or a colour bar stand, and what is written beside them."""

from __future__ import annotations

import math


def degree_marks(low: float, high: float, most: float) -> tuple[list[float], int]:
    """Multiples of 1, 2 or 5 x 10^k between two ends, at most `most` parts; decimals of each."""
    raw = (high - low) / max(1.0, min(5.0, most))
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= raw * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    return [k * step for k in range(first, last + 1)], digits


def degree(value: float, names: str, digits: int) -> str:
    """Degrees as text; `names` is "EW" or "NS". Longitudes beyond 180 are turned back."""
    if names == "EW":
        value = (value + 180.0) % 360.0 - 180.0
    text = f"{abs(value):.{digits}f}"
    return f"{text}°" + ("" if float(text) in (0.0, 180.0) else names[value < 0])


def decades(low: float, high: float) -> list[float]:
    """At most five powers of ten between the ends; the ends where fewer than two lie there."""
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    step = max(1, -(-(last - first + 1) // 5))
    marks = [10.0**k for k in range(last, first - 1, -step)][::-1]
    return marks if len(marks) > 1 else [low, high]


def number(value: float) -> str:
    """A number in few characters: 0.25, 12, 3,400, 2e-6."""
    if value == 0 or 1e-3 <= abs(value) < 1e6:
        return f"{value:,.0f}" if value == 0 or abs(value) >= 100 else f"{value:.3g}"
    mantissa, power = f"{value:.1e}".split("e")
    return f"{mantissa.removesuffix('.0')}e{int(power)}"
