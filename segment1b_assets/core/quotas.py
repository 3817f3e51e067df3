"""Quotas q = m * K / sum(m), in floats with a certified bound or exact (docs/proofs.md).

The floats decide what they provably can. The rest is decided with integers, once per distinct mass.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.core.exact_sum import ExactTotal, Masses

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

#: Bounds of the error of a float quota, with the rounding of what is made of it: docs/proofs.md.
RELATIVE_BOUND: Final = 2.0**-50
ABSOLUTE_BOUND: Final = 2.0**-900
#: Beyond these powers of two the masses are scaled, so that K / total stays in float range.
_PLAIN_RANGE: Final = 900


@dataclass(frozen=True)
class FloatQuotas:
    """Quotas of shape (k,), each known to within `slack`.

    Attributes:
        whole: floor of the approximate quota, a whole number.
        fraction: approximate quota less `whole`, in [0, 1).
        slack: the quota differs from ``whole + fraction`` by less than this.
        doubtful: the exact floor may differ: a whole number > 0 lies within the slack. Elsewhere
            `whole` is the exact quota's floor.
    """

    whole: Floats
    fraction: Floats
    slack: Floats
    doubtful: Flags


@dataclass(frozen=True)
class ExactQuotas:
    """Quotas of distinct masses, shape (k,): ``whole + remainder / total.numerator``."""

    whole: NDArray[np.int64]
    remainder: NDArray[np.object_]


class Quotas:
    """The quotas of the masses of one country.

    Args:
        total: their exact sum, > 0.
        dp: decimal places; K = 10^dp, 0 <= dp <= 18.
    """

    def __init__(self, total: ExactTotal, dp: int) -> None:
        if total.numerator <= 0:
            raise ValueError("quotas need a sum of masses above 0")
        self.total = total
        self.scale = 10**dp
        magnitude = total.numerator.bit_length() + total.exponent
        shift = 0 if abs(magnitude) <= _PLAIN_RANGE else -(magnitude // 2)
        self._prescale = 2.0**shift
        self._factor = float(self.scale / (total.fraction * Fraction(2) ** shift))

    def approximate(self, masses: Masses) -> FloatQuotas:
        """Float quotas of masses of any real dtype, shape (k,)."""
        quota = masses.astype(np.float64)
        if self._prescale != 1.0:
            quota *= self._prescale
        quota *= self._factor
        slack = quota * RELATIVE_BOUND
        slack += ABSOLUTE_BOUND
        nearest = np.rint(quota)
        distance = np.abs(quota - nearest)
        doubtful = (distance <= slack) & (nearest > 0)
        whole = np.floor(quota)
        quota -= whole
        return FloatQuotas(whole, quota, slack, doubtful)

    def exact(self, distinct: Masses) -> ExactQuotas:
        """Quotas of distinct masses in Python integers; cost and memory grow with their number."""
        units = self.total.units(distinct) * self.scale
        whole, remainder = units // self.total.numerator, units % self.total.numerator
        return ExactQuotas(whole.astype(np.int64), remainder)

    def as_interval(self, remainder: NDArray[np.object_]) -> tuple[Floats, Floats]:
        """Floats below and above each exact fraction ``remainder / total.numerator``.

        A remainder of 0 has the interval [0, 0]; a fraction's upper end may be 1.
        """
        nearest = (remainder / self.total.numerator).astype(np.float64)
        some = remainder > 0
        low = np.where(some, np.nextafter(nearest, 0.0), 0.0)
        high = np.where(some, np.nextafter(nearest, 2.0), 0.0)
        return low, high


class Bounds:
    """Floors and bounds of the fractions of any masses of a country, as floats.

    Doubtful masses are decided exactly, each distinct one once. Their table is the only state;
    docs/proofs.md bounds its size.
    """

    def __init__(self, quotas: Quotas, dtype: np.dtype[Any]) -> None:
        self._quotas = quotas
        self._masses: Masses = np.empty(0, dtype)
        self._whole = np.empty(0, np.int64)
        self._low = np.empty(0, np.float64)
        self._high = np.empty(0, np.float64)

    def of(self, masses: Masses) -> tuple[NDArray[np.int64], Floats, Floats]:
        """(whole, low, high), shape (k,) each, of masses of shape (k,).

        The exact quota's floor is `whole`; its fraction lies in [low, high]. Equal masses always
        get equal answers.
        """
        quota = self._quotas.approximate(masses)
        whole = quota.whole.astype(np.int64)
        low = np.maximum(quota.fraction - quota.slack, 0.0)
        high = quota.fraction + quota.slack
        if quota.doubtful.any():
            at = np.flatnonzero(quota.doubtful)
            row = self._rows_of(masses[at])
            whole[at], low[at], high[at] = self._whole[row], self._low[row], self._high[row]
        return whole, low, high

    def _rows_of(self, doubtful: Masses) -> NDArray[np.intp]:
        row = np.searchsorted(self._masses, doubtful)
        held = np.zeros(doubtful.size, np.bool_)
        inside = row < self._masses.size
        held[inside] = self._masses[row[inside]] == doubtful[inside]
        if held.all():
            return row
        self._settle(np.unique(doubtful[~held]))
        return np.searchsorted(self._masses, doubtful)

    def _settle(self, distinct: Masses) -> None:
        exact = self._quotas.exact(distinct)
        low, high = self._quotas.as_interval(exact.remainder)
        masses = np.concatenate([self._masses, distinct])
        order = np.argsort(masses, kind="stable")
        self._masses = masses[order]
        self._whole = np.concatenate([self._whole, exact.whole])[order]
        self._low = np.concatenate([self._low, low])[order]
        self._high = np.concatenate([self._high, high])[order]
