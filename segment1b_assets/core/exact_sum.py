"""Sums of masses without rounding, and masses as whole numbers of one unit (contract §4, S2).

A binary mass is mantissa * 2^exponent. Mantissas of one exponent are added in whole numbers, and
the few hundred sums are then added as Python integers. Nothing is rounded.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

Masses = NDArray[Any]

#: Values added at a time: they stay in cache, and 2^15 mantissa halves of 27 bits below 2^53.
_STEP = 1 << 15


@dataclass(frozen=True)
class ExactTotal:
    """A sum as ``numerator * 2^exponent``, where 2^exponent divides every mass that is in it."""

    numerator: int
    exponent: int

    @property
    def fraction(self) -> Fraction:
        return Fraction(self.numerator) * Fraction(2) ** self.exponent

    def units(self, masses: Masses) -> NDArray[np.object_]:
        """Masses of this sum as Python integers, in units of 2^exponent.

        Args:
            masses: values >= 0, shape (k,), of the dtype that was summed.

        Returns:
            Python integers, dtype object, shape (k,).
        """
        if masses.dtype.kind in "iu":
            return masses.astype(object)
        mantissa, exponent = _split(masses)
        shift = np.where(mantissa == 0, 0, exponent - self.exponent)
        units: NDArray[np.object_] = np.left_shift(mantissa.astype(object), shift.astype(object))
        return units


def sum_of_weights(weights: NDArray[np.int64]) -> int:
    """The exact sum of any int64 values, shape (k,)."""
    if weights.size == 0:
        return 0
    if max(int(weights.max()), -int(weights.min())) * weights.size < 2**63:
        return int(weights.sum())
    # In halves of 32 bits: no file can overflow their sums.
    return int((weights & 0xFFFFFFFF).sum()) + (int((weights >> 32).sum()) << 32)


class ExactSum:
    """Adds masses >= 0 of one dtype: float32, float64 or any integer type.

    The state is two arrays of one number an exponent, so it does not grow with the country. It
    holds up to 2^36 masses: each adds less than 2^27 to an int64.
    """

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self._dtype = np.dtype(dtype)
        self._whole = 0
        bins = 0 if self._dtype.kind in "iu" else 1 << _layout(self._dtype)[1]
        self._low = np.zeros(bins, np.int64)
        self._high = np.zeros(bins, np.int64)

    def add(self, masses: Masses) -> None:
        """Add masses of shape (k,); none may be negative, infinite or NaN."""
        for start in range(0, masses.size, _STEP):
            self._add_step(masses[start : start + _STEP])

    def _add_step(self, masses: Masses) -> None:
        if self._dtype.kind in "iu":
            if self._dtype.itemsize < 8:
                self._whole += int(masses.sum(dtype=np.int64))
            else:
                wide = masses.astype(np.uint64)
                self._whole += int((wide & np.uint64(0xFFFFFFFF)).sum())
                self._whole += int((wide >> np.uint64(32)).sum()) << 32
            return
        mantissa, biased = _fields(masses)
        bins = self._low.size
        if self._dtype == np.float32:
            self._low += _by_exponent(biased, mantissa, bins)
        else:
            self._low += _by_exponent(biased, mantissa & _LOW_HALF, bins)
            self._high += _by_exponent(biased, mantissa >> _HALF_BITS, bins)

    def total(self) -> ExactTotal:
        """The sum so far, exactly."""
        if self._dtype.kind in "iu":
            return ExactTotal(self._whole, 0)
        fraction_bits, _, bias = _layout(self._dtype)
        held = np.flatnonzero((self._low != 0) | (self._high != 0))
        if held.size == 0:
            return ExactTotal(0, 0)
        # Subnormals (biased exponent 0) have the unit of biased exponent 1.
        lowest = max(int(held[0]), 1)
        numerator = 0
        for at in held.tolist():
            mantissas = int(self._low[at]) + (int(self._high[at]) << _HALF_BITS)
            numerator += mantissas << (max(at, 1) - lowest)
        return ExactTotal(numerator, lowest - bias - fraction_bits)


def sum_of_repeats(masses: Masses, counts: NDArray[np.int64]) -> ExactTotal:
    """The exact sum of ``counts[i]`` times ``masses[i]``: for few masses, in Python integers.

    Args:
        masses: float64 >= 0, shape (k,).
        counts: how often each occurs, shape (k,).
    """
    mantissa, exponent = _split(masses)
    some = (mantissa > 0) & (counts > 0)
    if not some.any():
        return ExactTotal(0, 0)
    mantissa, exponent, counts = mantissa[some], exponent[some], counts[some]
    lowest = int(exponent.min())
    terms = zip(mantissa.tolist(), exponent.tolist(), counts.tolist(), strict=True)
    return ExactTotal(sum((m * n) << (e - lowest) for m, e, n in terms), lowest)


_HALF_BITS = 26
_LOW_HALF = np.int64((1 << _HALF_BITS) - 1)


def _layout(dtype: np.dtype[Any]) -> tuple[int, int, int]:
    """Fraction bits, exponent bits and exponent bias of a binary float."""
    return (23, 8, 127) if dtype == np.float32 else (52, 11, 1023)


def _fields(masses: Masses) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Mantissas with their hidden bit, and biased exponents (0 for zero and subnormals)."""
    fraction_bits, exponent_bits, _ = _layout(masses.dtype)
    bits = np.ascontiguousarray(masses).view(f"i{masses.dtype.itemsize}").astype(np.int64)
    biased = (bits >> fraction_bits) & ((1 << exponent_bits) - 1)
    mantissa = bits & ((1 << fraction_bits) - 1)
    mantissa |= (biased != 0).astype(np.int64) << fraction_bits
    return mantissa, biased


def _split(masses: Masses) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Mantissas and exponents: each mass is mantissa * 2^exponent."""
    fraction_bits, _, bias = _layout(masses.dtype)
    mantissa, biased = _fields(masses)
    return mantissa, np.maximum(biased, 1) - (bias + fraction_bits)


def _by_exponent(
    biased: NDArray[np.int64], parts: NDArray[np.int64], bins: int
) -> NDArray[np.int64]:
    """Sums of parts (below 2^27) by exponent; in float64, where they are whole and below 2^53."""
    return np.bincount(biased, weights=parts, minlength=bins).astype(np.int64)
