"""The statistics of the scorecard: ranks, Kolmogorov-Smirnov, Gini, Lorenz."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import kolmogorov

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def ranks(values: NDArray[np.int32] | Floats) -> Floats:
    """Ranks from 1, ties sharing their mean, float64, shape of `values`."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return (last - (count - 1) / 2.0)[place]


def correlation(a: Floats, b: Floats) -> float | None:
    """Pearson's correlation; of ranks it is Spearman's. None where one of them is constant."""
    if a.size < 3:
        return None
    x, y = a - a.mean(), b - b.mean()
    norm = math.sqrt(float((x * x).sum()) * float((y * y).sum()))
    return None if norm == 0.0 else float((x * y).sum()) / norm


def kolmogorov_smirnov(positions: Floats) -> tuple[float, float]:
    """(D, p) of positions against the uniform distribution on [0, 1], n >= 1.

    p is Kolmogorov's limit with Stephens' correction for small n.
    """
    n = positions.size
    ordered = np.sort(positions)
    step = np.arange(n + 1) / n
    d = float(max((step[1:] - ordered).max(), (ordered - step[:-1]).max()))
    root = math.sqrt(n)
    x = (root + 0.12 + 0.11 / root) * d
    return d, float(kolmogorov(x))


def gini(histogram: Ints, tiles: int) -> float:
    """Gini coefficient of sites over tiles.

    Args:
        histogram: int64, `histogram[k]` tiles hold k sites, k >= 1 (entry 0 is not read).
        tiles: all tiles; those that hold no site make up the rest.
    """
    held = np.arange(histogram.size)
    total = int((held[1:] * histogram[1:]).sum())
    if total == 0:
        return 0.0
    before = tiles - int(histogram[1:].sum())
    weighted = 0
    # Whole numbers: the sum of rank * value passes 2^53 in a large world.
    for k in np.flatnonzero(histogram[1:]) + 1:
        count = int(histogram[k])
        weighted += int(k) * (count * before + count * (count + 1) // 2)
        before += count
    return 2 * weighted / (tiles * total) - (tiles + 1) / tiles


def crowded_first(histogram: Ints) -> tuple[Floats, Floats]:
    """The Lorenz curve from its crowded end: (tiles, sites) so far, a point a number of sites."""
    held = np.flatnonzero(histogram[1:])[::-1] + 1
    count = histogram[held]
    return (
        np.append(0, np.cumsum(count)).astype(np.float64),
        np.append(0, np.cumsum(count * held)).astype(np.float64),
    )


class DistanceHistogram:
    """Quantiles of many distances in bounded memory: bins of 0.8 %, from a metre to the antipode.

    Args:
        rows: how many distributions are kept side by side.
    """

    BINS = 2100
    _LOW, _HIGH = 1e-3, 2.1e4

    def __init__(self, rows: int) -> None:
        self.counts = np.zeros((rows, self.BINS), np.int64)
        self._scale = self.BINS / math.log(self._HIGH / self._LOW)

    def add(self, row: int, km: Floats) -> None:
        """Count distances in km into one row."""
        at = np.log(np.maximum(km, self._LOW) / self._LOW) * self._scale
        place = np.minimum(at.astype(np.int64), self.BINS - 1)
        self.counts[row] += np.bincount(place, minlength=self.BINS)

    def quantiles(self, q: float) -> Floats:
        """The q-quantile of every row in km, each the middle of its bin; NaN for an empty row."""
        upto = np.cumsum(self.counts, axis=1)
        total = upto[:, -1]
        wanted = np.maximum(1, np.ceil(q * total)).astype(np.int64)
        bins = (upto < wanted[:, None]).sum(axis=1)
        km = self._LOW * np.exp((bins + 0.5) / self._scale)
        return np.where(total > 0, km, np.nan)
