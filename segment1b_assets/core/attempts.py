"""The attempts of S6: where each falls, and how many a site needs (contract §4, S6).

The contract draws one site after another. This module draws for all undecided sites of a batch
together, in rounds, until each has an attempt inside the country. An attempt's block depends only
on the site and the attempt's number, so the order of the attempts changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from segment1b_assets.contracts.identity import Identity
from segment1b_assets.core.cells import F64, Cells, cells_of
from segment1b_assets.core.grid import Grid
from segment1b_assets.core.philox import U64, counter_plus, philox_blocks
from segment1b_assets.core.substreams import jitter_substreams
from segment1b_assets.core.uniforms import uniform

Index = NDArray[np.intp]

#: Points drawn in one step.
POINTS: Final = 1 << 14


class CountryTest(Protocol):
    """Says whether points of given tiles are inside the country, by the rule of `center`."""

    def inside(self, tile_id: U64, lon: F64, lat: F64) -> NDArray[np.bool_]:
        """bool (n,) for tile_id uint64 (n,) and points, degrees (n,), in their closed cells."""


class Bounds(Protocol):
    """Bounds that points are drawn between, degrees, float64 (n,) each."""

    @property
    def min_lon(self) -> F64: ...
    @property
    def max_lon(self) -> F64: ...
    @property
    def min_lat(self) -> F64: ...
    @property
    def max_lat(self) -> F64: ...


class Boxes(Protocol):
    """Gives the bounds that mode uniform_v2 uses in place of a cell's edges."""

    def bounds(self, tile_id: U64) -> Bounds:
        """Bounds (n,) for tile_id uint64 (n,)."""


@dataclass(frozen=True)
class Draws:
    """n attempts: the counters of their blocks, and their points as seen from the centroid.

    Attributes:
        counter_lo, counter_hi: uint64 (n,).
        delta_lon, delta_lat: degrees, float64 (n,).
        cells: of the attempts' tiles.
    """

    counter_lo: U64
    counter_hi: U64
    delta_lon: F64
    delta_lat: F64
    cells: Cells


class Attempts:
    """The attempts of a batch of sites: rows of s5_site_tile_assignment, none needed twice.

    Without `boxes` points are drawn between their cells' edges, which is uniform_v1.
    """

    def __init__(
        self,
        country: str,
        identity: Identity,
        grid: Grid,
        sites: pa.RecordBatch,
        boxes: Boxes | None = None,
    ) -> None:
        self.merchant_id: U64 = sites.column("merchant_id").to_numpy()
        self.site_order: NDArray[np.int32] = sites.column("site_order").to_numpy()
        self.tile_id: U64 = sites.column("tile_id").to_numpy()
        self._grid, self._boxes = grid, boxes
        self._starts = jitter_substreams(identity, country, self.merchant_id, self.site_order)

    def draw(self, site: Index, number: Index) -> Draws:
        """Attempts by index of the site within the batch and by number from 1; (n,) each."""
        lo, hi = counter_plus(
            self._starts.counter_lo[site],
            self._starts.counter_hi[site],
            (number - 1).astype(np.uint64),
        )
        first, second = philox_blocks(lo, hi, self._starts.key[site])
        tile_id = self.tile_id[site]
        cells = cells_of(self._grid, tile_id)
        edges: Bounds = cells if self._boxes is None else self._boxes.bounds(tile_id)
        lon = edges.min_lon + uniform(first) * (edges.max_lon - edges.min_lon)
        lat = edges.min_lat + uniform(second) * (edges.max_lat - edges.min_lat)
        return Draws(lo, hi, lon - cells.centroid_lon, lat - cells.centroid_lat, cells)

    def needed(self, country_test: CountryTest, most: int) -> NDArray[np.int64]:
        """Number of each site's accepted attempt, (sites,); 0 where none of `most` is accepted."""
        accepted = np.zeros(self.tile_id.size, np.int64)
        undecided = np.arange(self.tile_id.size)
        attempted, several = 0, 1
        while undecided.size and attempted < most:
            # Where few sites are left, each draws several attempts, twice as many every round:
            # this keeps both the rounds and the unused draws few.
            width = min(several, max(1, POINTS // undecided.size), most - attempted)
            site = np.repeat(undecided, width)
            number = np.tile(np.arange(attempted + 1, attempted + width + 1), undecided.size)
            good = self._accept(country_test, site, number).reshape(undecided.size, width)
            done = good.any(axis=1)
            accepted[undecided[done]] = attempted + 1 + good[done].argmax(axis=1)
            undecided = undecided[~done]
            attempted += width
            several *= 2
        return accepted

    def _accept(self, country_test: CountryTest, site: Index, number: Index) -> NDArray[np.bool_]:
        draws = self.draw(site, number)
        # The point is what a reader gets: centroid + delta, rounded as S7 rounds it.
        lon = draws.cells.centroid_lon + draws.delta_lon
        lat = draws.cells.centroid_lat + draws.delta_lat
        good = draws.cells.hold(lon, lat)
        held = np.flatnonzero(good)
        good[held] = country_test.inside(self.tile_id[site[held]], lon[held], lat[held])
        return good
