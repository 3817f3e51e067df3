"""S2: masses and their exact largest-remainder quantisation, contract §4.

Interpretations taken: a raster value equal to the file's nodata value in the raster's own dtype is
0 before its sign is judged; negative zero is 0; basis area_m2 uses the binary64 areas that
tile_index publishes, for only their relative error is the contract's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction


class BadMass(Exception):
    """A negative or infinite raster value: E105."""


@dataclass(frozen=True)
class Weights:
    """Weights in tile order, and what the report says of them."""

    weights: list[int]
    residue_allocations: int
    zero_mass_fallback: bool


def mass_of_value(value: float | int, nodata: float | int | None) -> Fraction:
    """A raster value as exact mass; BadMass if negative or infinite."""
    if isinstance(value, float) and math.isnan(value):
        return Fraction(0)
    if nodata is not None and value == nodata:
        return Fraction(0)
    if value < 0 or (isinstance(value, float) and math.isinf(value)):
        raise BadMass(f"value {value!r}")
    return Fraction(value)


def quantise(masses: Sequence[Fraction], dp: int) -> Weights:
    """Largest remainder to a sum of 10^dp; masses in ascending tile_id, ties to the lowest."""
    if not masses:
        return Weights([], 0, False)
    total = sum(masses, Fraction(0))
    fallback = total == 0
    if fallback:
        masses, total = [Fraction(1)] * len(masses), Fraction(len(masses))
    scale = 10**dp
    quotas = [mass * scale / total for mass in masses]
    weights = [math.floor(quota) for quota in quotas]
    missing = scale - sum(weights)
    by_rest = sorted(range(len(quotas)), key=lambda i: (weights[i] - quotas[i], i))
    for i in by_rest[:missing]:
        weights[i] += 1
    if sum(weights) != scale:
        raise AssertionError("largest remainder did not reach its sum")
    return Weights(weights, missing, fallback)
