"""Scales: how numbers become colours, and the numbers written beside the colours."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.maps.palette import ramp

#: A logarithmic scale shows this many powers of ten below the largest number.
DECADES = 6


@dataclass(frozen=True)
class Scale:
    """From `low` to `high`, both > 0 where `log`; `caption` says what is measured.

    Attributes:
        ends: the places on the palette's ramp, 0 to 1, that `low` and `high` have.
    """

    low: float
    high: float
    log: bool
    caption: str
    ends: tuple[float, float] = (0.0, 1.0)

    def share(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where numbers lie on the scale, 0 to 1; numbers beyond an end are put at that end."""
        if self.high <= self.low:
            return np.ones_like(values)
        if not self.log:
            return np.clip((values - self.low) / (self.high - self.low), 0.0, 1.0)
        reach = math.log(self.high / self.low)
        return np.clip(np.log(np.maximum(values, self.low) / self.low) / reach, 0.0, 1.0)

    def colours(self, values: NDArray[np.float64]) -> NDArray[np.uint8]:
        """The colours of numbers, shape values.shape + (3,)."""
        return self.colours_of_shares(self.share(values))

    def colours_of_shares(self, shares: NDArray[np.float64]) -> NDArray[np.uint8]:
        """The colours of places on the scale, for the bar beside the map."""
        return ramp(self.ends[0] + (self.ends[1] - self.ends[0]) * shares)

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """(share, number as text) of the marks, ascending, at most five."""
        if self.high <= self.low:
            return [(1.0, number(self.high))]
        if not self.log:
            marks = [self.low + (self.high - self.low) * k / 4 for k in (0, 2, 4)]
            return [(k / 2, number(m)) for k, m in enumerate(marks)]
        first, last = math.ceil(math.log10(self.low)), math.floor(math.log10(self.high))
        step = max(1, -(-(last - first + 1) // 5))
        marks = [10.0**k for k in range(last, first - 1, -step)][::-1]
        if len(marks) < 2:
            marks = [self.low, self.high]
        return [(float(self.share(np.array([m]))[0]), number(m)) for m in marks]


def log_scale(values: NDArray[np.float64], caption: str) -> Scale | None:
    """A logarithmic scale over the positive numbers, or None where there is none."""
    positive = values[values > 0]
    if positive.size == 0:
        return None
    high = float(positive.max())
    return Scale(max(float(positive.min()), high / 10.0**DECADES), high, True, caption)


def number(value: float) -> str:
    """A number in few characters: 0.25, 12, 3,400, 2e-6."""
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e6:
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    mantissa, power = f"{value:.1e}".split("e")
    return f"{mantissa.removesuffix('.0')}e{int(power)}"


def round_step(reach: float, marks: int) -> float:
    """The smallest of 1, 2, 5 x 10^k that cuts `reach` into at most `marks` parts."""
    raw = reach / marks
    power = 10.0 ** math.floor(math.log10(raw))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= raw * (1 - 1e-9))
