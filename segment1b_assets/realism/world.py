"""The countries pooled, one at a time: nothing of a country stays but its sums and its chains."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.contracts.realism import RealismRules
from segment1b_assets.realism.country import CountryMeasures
from segment1b_assets.realism.statistics import DistanceHistogram, correlation, ranks
from segment1b_assets.realism.tile_pass import CELLS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class CountrySummary:
    """What is kept of a country's measures for its row of the table."""

    country: str
    sites: int
    measured: int
    merchants: int
    one_site: int
    chains: int
    tiles: int
    tiles_used: int
    tiles_used_drawn: float
    top_seen: int
    top_chance: float
    identical: int
    identical_drawn: float
    pairs_within: Ints
    pairs_within_drawn: Floats


@dataclass
class World:
    """Sums over countries; arrays of `rows` rows have what is observed in row 0, then the draws."""

    rules: RealismRules
    countries: list[CountrySummary] = field(default_factory=list)

    def __post_init__(self) -> None:
        rows = self.rules.draws + 1
        self.people: Floats = np.zeros(CELLS)
        self.cells = np.zeros((rows, CELLS), np.int32)
        self.occupancy: Ints = np.zeros((rows, self.rules.kept_sites + 1), np.int64)
        self.nearest = DistanceHistogram(rows)
        self.identical: Ints = np.zeros(rows, np.int64)
        self._positions: list[Floats] = []
        self._shops: list[Ints] = []
        self._reach: list[Floats] = []
        self._reach_drawn: list[Floats] = []

    def add(self, found: CountryMeasures) -> None:
        """Take in one country."""
        rows = self.rules.draws + 1
        self.people += found.people
        flat = found.cell + np.arange(rows)[:, None] * CELLS
        np.add.at(self.cells.reshape(-1), flat.reshape(-1), 1)
        self.occupancy[:, : found.occupancy.shape[1]] += found.occupancy
        for row, km in enumerate(found.nearest_km):
            self.nearest.add(row, km)
        self.identical += found.identical
        self._positions.append(found.position)
        several = found.sites.shops > 1
        self._shops.append(found.sites.shops[several])
        self._reach.append(found.reach[several])
        self._reach_drawn.append(found.reach_drawn[several])
        used = found.occupancy.sum(axis=1)
        self.countries.append(
            CountrySummary(
                country=found.country,
                sites=found.sites.total,
                measured=found.sites.pair.size,
                merchants=found.sites.shops.size,
                one_site=found.one_site,
                chains=found.chains,
                tiles=found.tiles,
                tiles_used=int(used[0]),
                tiles_used_drawn=float(np.median(used[1:])),
                top_seen=found.top_seen,
                top_chance=found.top_chance,
                identical=int(found.identical[0]),
                identical_drawn=float(found.identical[1:].mean()),
                pairs_within=found.pairs_within[0],
                pairs_within_drawn=found.pairs_within[1:].mean(axis=0),
            )
        )

    @property
    def positions(self) -> Floats:
        """Of all one-site merchants along their country's cumulative weight."""
        return np.concatenate([np.empty(0), *self._positions])

    @property
    def shops(self) -> Ints:
        """Of all chains, in the order of `reach` and `reach_drawn`."""
        return np.concatenate([np.empty(0, np.int64), *self._shops])

    @property
    def reach(self) -> Floats:
        return np.concatenate([np.empty(0), *self._reach])

    @property
    def reach_drawn(self) -> Floats:
        return np.concatenate([np.empty(0), *self._reach_drawn])

    def rank_correlations(self) -> list[float | None]:
        """Spearman's, of sites and persons over half-degree cells that hold either, by row."""
        there = (self.people > 0) | self.cells.any(axis=0)
        people = ranks(self.people[there])
        return [correlation(ranks(row[there]), people) for row in self.cells]
