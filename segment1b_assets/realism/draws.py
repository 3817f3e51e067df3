"""The draws that a country's sites are compared with: population-weighted, of fixed seeds.

Everything random comes from numpy's Philox generator under the rules' key and the country's code,
as whole numbers below the sum of weights and as 53-bit fractions: the same on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def generator(key: int, country: str, use: str) -> np.random.Generator:
    """A generator of its own for each country and use."""
    label = np.frombuffer(f"{country:2}{use:6}".encode("ascii"), "<u8")[0]
    words = np.array([key, label], np.uint64)
    return np.random.Generator(np.random.Philox(key=words))


def kept_rows(rows: int, most: int, key: int, country: str) -> Ints:
    """Row numbers of the sites that stand for a country, int64, ascending.

    All rows where there are at most `most`; else one row of each of `most` equal stretches, so that
    every merchant keeps its share.
    """
    if rows <= most:
        return np.arange(rows)
    bounds = np.array([i * rows // most for i in range(most + 1)], np.int64)
    return bounds[:-1] + generator(key, country, "keep").integers(0, np.diff(bounds))


@dataclass(frozen=True)
class Draws:
    """Independent draws of a country's sites.

    Attributes:
        quantile: int64 (draws * sites,), ascending: places below the sum of weights.
        which: int64 (draws * sites,), the draw and site of each: draw * sites + site.
        within: float64 (draws, sites, 2), place in the tile: of its width and of its height.
    """

    quantile: Ints
    which: Ints
    within: Floats

    @classmethod
    def of(cls, draws: int, sites: int, weight_sum: int, key: int, country: str) -> Draws:
        """Draw each site of each draw with a tile's weight as its probability."""
        source = generator(key, country, "draw")
        quantile = source.integers(0, weight_sum, draws * sites, dtype=np.int64)
        within = source.random((draws, sites, 2))
        which = np.argsort(quantile, kind="stable")
        return cls(quantile[which], which, within)

    def by_draw(self, values: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Values in the order of `quantile`, as (draws, sites)."""
        found = np.empty_like(values)
        found[self.which] = values
        return found.reshape(self.within.shape[:2])
