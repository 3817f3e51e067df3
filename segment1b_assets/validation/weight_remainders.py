"""Judges whether weights are the largest remainder's, without finding any remainder.

Let d be a tile's weight less its exact quota m * K / sum(m). Weights that sum to K are those of the
largest remainder if and only if no two d differ by more than 1, and where two differ by exactly
1 every tile with the largest d stands before every tile with the smallest (docs/proofs.md). So
only the extremes of d matter: floats find the few tiles that can be extreme, fractions judge them.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Values = NDArray[Any]

#: Bounds of the error of a float d: three roundings of the quota, one of the weight, one of d.
_RELATIVE: Final = 2.0**-50
_ABSOLUTE: Final = 2.0**-900
_PLAIN_RANGE: Final = 900


@dataclass(frozen=True)
class ExtremeTile:
    """A tile with an extreme d: its position in tile order, mass and weight, and d exactly."""

    position: int
    mass: float | int
    weight: int
    excess: Fraction


class LargestRemainderTest:
    """Takes a country's masses and weights block by block, in tile order.

    Args:
        total: the masses' exact sum, > 0.
        scale: K.
    """

    def __init__(self, total: Fraction, scale: int) -> None:
        self._total, self._scale = total, scale
        magnitude = total.numerator.bit_length() - total.denominator.bit_length()
        shift = 0 if abs(magnitude) <= _PLAIN_RANGE else -(magnitude // 2)
        self._prescale = 2.0**shift
        self._unit = float(total * Fraction(2) ** shift / scale)
        self._largest = _Extreme(keep_last=True)
        self._smallest = _Extreme(keep_last=False)
        self._seen = 0

    def add(self, masses: Values, weights: NDArray[np.int64]) -> None:
        """The next tiles: masses of any real dtype and weights, shape (k,) each."""
        quota = masses.astype(np.float64)
        if self._prescale != 1.0:
            quota *= self._prescale
        quota /= self._unit
        excess = weights.astype(np.float64)
        slack = quota + np.abs(excess)
        slack *= _RELATIVE
        slack += _ABSOLUTE
        excess -= quota
        low, high = excess - slack, excess + slack
        self._largest.add(low, high, masses, weights, self._seen)
        self._smallest.add(-high, -low, masses, weights, self._seen)
        self._seen += masses.size

    def extremes(self) -> tuple[ExtremeTile, ExtremeTile]:
        """The last tile with the largest d, the first tile with the smallest; after >= 1 tile."""
        found = [
            max((self._exact(*row) for row in side.rows()), key=key)
            for side, key in (
                (self._largest, lambda s: (s.excess, s.position)),
                (self._smallest, lambda s: (-s.excess, -s.position)),
            )
        ]
        return found[0], found[1]

    def fits(self) -> bool:
        """Whether weights that sum to K are the largest remainder's."""
        largest, smallest = self.extremes()
        spread = largest.excess - smallest.excess
        return spread < 1 or (spread == 1 and largest.position < smallest.position)

    def _exact(self, mass: float, weight: int, position: int) -> ExtremeTile:
        excess = weight - Fraction(mass) * self._scale / self._total
        return ExtremeTile(position, mass, weight, excess)


class _Extreme:
    """Tiles whose d may be the largest, one for each distinct mass and weight."""

    def __init__(self, keep_last: bool) -> None:
        self._keep_last = keep_last
        self._bound = -np.inf
        self._held: tuple[Values, ...] | None = None

    def add(
        self, low: Floats, high: Floats, masses: Values, weights: NDArray[np.int64], seen: int
    ) -> None:
        if masses.size == 0:
            return
        self._bound = max(self._bound, float(low.max()))
        if high.max() < self._bound:
            return
        at = np.flatnonzero(high >= self._bound)
        more = (masses[at], weights[at], at + seen, high[at])
        if self._held is not None:
            more = tuple(np.concatenate(pair) for pair in zip(self._held, more, strict=True))  # type: ignore[assignment]
        self._held = self._reduced(*more)

    def _reduced(
        self, masses: Values, weights: Values, positions: Values, high: Floats
    ) -> tuple[Values, ...]:
        possible = high >= self._bound
        columns = [c[possible] for c in (masses, weights, positions, high)]
        order = np.lexsort((columns[2], columns[1], columns[0]))
        columns = [c[order] for c in columns]
        changes = (columns[0][1:] != columns[0][:-1]) | (columns[1][1:] != columns[1][:-1])
        keep = np.r_[changes, True] if self._keep_last else np.r_[True, changes]
        return tuple(c[keep] for c in columns)

    def rows(self) -> list[tuple[float | int, int, int]]:
        """Mass, weight and position of each."""
        assert self._held is not None
        masses, weights, positions, _ = self._held
        return list(zip(masses.tolist(), weights.tolist(), positions.tolist(), strict=True))
