"""Which tiles get the residue: the cut through the fractional parts of a country (docs/proofs.md).

The largest remainder gives +1 to the R largest fractions. The R-th of them is the cut. Counting in
bins encloses it between two floats, without sorting the country; the distinct masses between the
two are then ranked in whole numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.core.exact_sum import Masses
from segment1b_assets.core.quotas import Bounds, Flags, Floats, Quotas

Ints = NDArray[np.int64]

#: Masses in tile order (or distinct ones), with how often each occurs (None: once each).
Block = tuple[Masses, Ints | None]
Blocks = Callable[[], Iterator[Block]]

#: Distinct masses that are ranked in memory; beyond, the bins are made finer first.
RANKED_IN_MEMORY: Final = 1 << 20
_BINS: Final = 1 << 16

BELOW: Final = 0
ABOVE: Final = 1
TIED: Final = 2


@dataclass(frozen=True)
class Interval:
    """The cut lies in [low, high]: at least R fractions are >= low, and fewer than R are > high."""

    low: float
    high: float

    def above(self, low: Floats) -> Flags:
        """Fractions that are certainly above it, by their lower bounds."""
        return low > self.high

    def undecided(self, low: Floats, high: Floats) -> Flags:
        """Fractions that may lie in it, by their bounds."""
        return (high >= self.low) & (low <= self.high)


@dataclass(frozen=True)
class ResidueCut:
    """The rule that decides every tile's +1.

    Attributes:
        interval: tiles whose fraction is certainly above or below it are decided by that.
        masses: the distinct masses of all others, ascending.
        side: ABOVE, BELOW or TIED with the cut, int8, for each of `masses`.
        tied_units: how many of the tied tiles, lowest tile_id first, get +1.
        residue: R, the units that the floors leave over.
    """

    interval: Interval
    masses: Masses
    side: NDArray[np.int8]
    tied_units: int
    residue: int

    def side_of(self, masses: Masses) -> NDArray[np.int8]:
        """The sides of undecided masses, shape (k,)."""
        return self.side[np.searchsorted(self.masses, masses)]


def find_cut(
    blocks: Blocks,
    quotas: Quotas,
    bounds: Bounds,
    dtype: np.dtype[np.generic],
    ranked_in_memory: int = RANKED_IN_MEMORY,
) -> ResidueCut:
    """Find the cut in two passes over the masses (more only if too many differ near the cut).

    Args:
        blocks: starts a pass over the country's masses.
        quotas, bounds: of these masses.
        dtype: of the masses.
        ranked_in_memory: distinct masses near the cut that may be held in memory.
    """
    floors = _Bins(Interval(2.0**-64, 1.0))
    whole_sum = 0
    for masses, counts in blocks():
        whole, low, high = bounds.of(masses)
        whole_sum += int(whole.sum() if counts is None else (whole * counts).sum())
        floors.add(low, high, counts)
    residue = quotas.scale - whole_sum
    if residue == 0:
        never = Interval(np.inf, np.inf)
        return ResidueCut(never, np.empty(0, dtype), np.empty(0, np.int8), 0, 0)
    interval = floors.narrowed(residue, Interval(0.0, 1.0))
    while True:
        near = _near(blocks, bounds, interval, dtype, ranked_in_memory)
        if near is not None:
            return _ranked(near, quotas, bounds, residue)
        finer = _Bins(interval)
        for masses, counts in blocks():
            _, low, high = bounds.of(masses)
            finer.add(low, high, counts)
        narrowed = finer.narrowed(residue, interval)
        if narrowed == interval:
            ranked_in_memory *= 4
        interval = narrowed


class _Bins:
    """Counts of fractions' lower and upper bounds in bins of their bit patterns.

    The pattern of a float >= 0, read as an integer, rises with the float: bins of equal width in
    patterns are fine for small fractions as for large ones.
    """

    def __init__(self, window: Interval) -> None:
        self._first = _pattern(window.low)
        span = _pattern(window.high) - self._first
        self._shift = max(0, span.bit_length() - _BINS.bit_length() + 1)
        self._count = (span >> self._shift) + 1
        # Bin 0 holds what lies below the window, the last one what lies above.
        self._low = np.zeros(self._count + 2, np.int64)
        self._high = np.zeros(self._count + 2, np.int64)

    def add(self, low: Floats, high: Floats, counts: Ints | None) -> None:
        low_bin, high_bin = self._bin(low), self._bin(high)
        counted = self._counted(low_bin, counts)
        self._low += counted
        self._high += counted
        # Bounds are so close that hardly any pair lies in two bins.
        apart = np.flatnonzero(low_bin != high_bin)
        if apart.size:
            some = None if counts is None else counts[apart]
            self._high -= self._counted(low_bin[apart], some)
            self._high += self._counted(high_bin[apart], some)

    def _bin(self, values: Floats) -> Ints:
        bins = values.view(np.int64) - self._first
        bins >>= self._shift
        bins += 1
        return np.clip(bins, 0, self._count + 1, out=bins)

    def _counted(self, bins: Ints, counts: Ints | None) -> Ints:
        return np.bincount(bins, weights=counts, minlength=self._count + 2).astype(np.int64)

    def narrowed(self, residue: int, known: Interval) -> Interval:
        """The part of `known` that the counts leave for the cut."""
        low_bin = self._last_with(self._low, residue)
        high_bin = self._last_with(self._high, residue)
        low, high = known.low, known.high
        if low_bin > 0:
            low = max(low, _float(self._first + ((low_bin - 1) << self._shift)))
        if high_bin <= self._count:
            high = min(high, _float(self._first + (high_bin << self._shift) - 1))
        return Interval(low, high)

    def _last_with(self, counts: Ints, residue: int) -> int:
        """The last bin from which on there are `residue` or more."""
        from_top = np.cumsum(counts[::-1])
        return counts.size - 1 - int(np.searchsorted(from_top, residue))


def _pattern(value: float) -> int:
    return int(np.float64(value).view(np.int64))


def _float(pattern: int) -> float:
    return float(np.int64(pattern).view(np.float64))


@dataclass(frozen=True)
class _Near:
    masses: Masses
    counts: Ints
    above: int


def _near(
    blocks: Blocks,
    bounds: Bounds,
    interval: Interval,
    dtype: np.dtype[np.generic],
    most: int,
) -> _Near | None:
    """Distinct undecided masses with their counts, and how many tiles are above: None if > most."""
    masses: Masses = np.empty(0, dtype)
    counts = np.empty(0, np.int64)
    waiting: list[tuple[Masses, Ints]] = []
    waiting_size = above = 0
    for block, times in blocks():
        _, low, high = bounds.of(block)
        over = interval.above(low)
        above += int(np.count_nonzero(over) if times is None else times[over].sum())
        at = np.flatnonzero(interval.undecided(low, high))
        if at.size == 0:
            continue
        once = np.ones(at.size, np.int64) if times is None else times[at]
        waiting.append(_distinct([block[at]], [once]))
        waiting_size += waiting[-1][0].size
        if waiting_size > most // 4:
            masses, counts = _merged(masses, counts, waiting)
            waiting, waiting_size = [], 0
            if masses.size > most:
                return None
    masses, counts = _merged(masses, counts, waiting)
    return _Near(masses, counts, above) if masses.size <= most else None


def _merged(
    masses: Masses, counts: Ints, waiting: list[tuple[Masses, Ints]]
) -> tuple[Masses, Ints]:
    return _distinct([masses, *(m for m, _ in waiting)], [counts, *(c for _, c in waiting)])


def _distinct(masses: list[Masses], counts: list[Ints]) -> tuple[Masses, Ints]:
    distinct, at = np.unique(np.concatenate(masses), return_inverse=True)
    # Whole numbers below 2^53, so that the float sums of bincount are exact.
    times = np.bincount(at, weights=np.concatenate(counts), minlength=distinct.size)
    return distinct, times.astype(np.int64)


def _ranked(near: _Near, quotas: Quotas, bounds: Bounds, residue: int) -> ResidueCut:
    """Narrow the cut among the near masses, then rank the rest in whole numbers."""
    need = residue - near.above
    _, low, high = bounds.of(near.masses)
    closer = Interval(_nth_largest(low, near.counts, need), _nth_largest(high, near.counts, need))
    need -= int(near.counts[closer.above(low)].sum())
    left = closer.undecided(low, high)
    masses, counts = near.masses[left], near.counts[left]
    remainder = quotas.exact(masses).remainder
    order = np.argsort(-remainder, kind="stable")
    upto = np.cumsum(counts[order])
    cut = remainder[order[int(np.searchsorted(upto, need))]]
    side = np.where(remainder == cut, TIED, np.where(remainder > cut, ABOVE, BELOW))
    tied_units = need - int(counts[side == ABOVE].sum())
    return ResidueCut(closer, masses, side.astype(np.int8), tied_units, residue)


def _nth_largest(values: Floats, counts: Ints, n: int) -> float:
    order = np.argsort(-values)
    return float(values[order[int(np.searchsorted(np.cumsum(counts[order]), n))]])
