"""What is shown beside the numbers: the points of the map, and twelve chains."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.realism.draws import kept_rows
from segment1b_assets.realism.sites import CountrySites

#: Shops of the chains that are drawn, and how many chains of each.
CHAIN_SIZES: Final = (2, 5, 20, 100)
CHAINS_OF_A_SIZE: Final = 3


@dataclass(frozen=True)
class Points:
    """Sites of one country on the map; arrays as in `CountrySites`, shape (points,).

    Attributes:
        shops: int64, the number of sites of each point's merchant in this country.
    """

    country: str
    merchant_id: NDArray[np.uint64]
    site_order: NDArray[np.int32]
    shops: NDArray[np.int64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]


@dataclass(frozen=True)
class Chain:
    """A chain to be drawn: `target` is the size it stands for, `shops` its own."""

    country: str
    merchant_id: int
    target: int
    shops: int
    country_sites: int
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]


def points_of(country: str, sites: CountrySites, most: int, key: int) -> Points:
    """At most `most` of a country's sites, spread evenly over its merchants."""
    rows = kept_rows(sites.pair.size, most, key, country)
    pair = sites.pair[rows]
    return Points(
        country, sites.merchant_id[pair], sites.site_order[rows], sites.shops[pair],
        sites.lon[rows], sites.lat[rows],
    )  # fmt: skip


def candidates_of(country: str, sites: CountrySites) -> list[Chain]:
    """For each size the country's chain that is nearest to it, the lowest merchant_id first."""
    held = np.bincount(sites.pair, minlength=sites.shops.size)
    whole = np.flatnonzero((sites.shops >= 2) & (held == sites.shops))
    found = []
    for target in CHAIN_SIZES if whole.size else ():
        pair = int(whole[np.argmin(np.abs(np.log(sites.shops[whole] / target)))])
        ours = sites.pair == pair
        found.append(
            Chain(
                country, int(sites.merchant_id[pair]), target, int(sites.shops[pair]),
                sites.total, sites.lon[ours], sites.lat[ours],
            )
        )  # fmt: skip
    return found


def chosen_chains(candidates: Sequence[Chain]) -> Mapping[int, list[Chain]]:
    """For each size the three nearest to it, of three countries; the largest countries first."""
    chosen = {}
    for target in CHAIN_SIZES:
        ours = [c for c in candidates if c.target == target]
        ours.sort(
            key=lambda c: (round(abs(math.log(c.shops / target)), 2), -c.country_sites, c.country)
        )
        chosen[target] = ours[:CHAINS_OF_A_SIZE]
    return chosen
