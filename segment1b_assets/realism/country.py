"""One country measured: what is observed beside its draws, in arrays whose row 0 is observed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.realism import RealismRules
from segment1b_assets.core.grid import Grid
from segment1b_assets.realism.chains import reaches, with_identical_tiles
from segment1b_assets.realism.distances import Neighbours, on_sphere
from segment1b_assets.realism.draws import Draws, generator
from segment1b_assets.realism.sites import CountrySites, read_sites
from segment1b_assets.realism.tile_pass import half_degree_cells, pass_over_tiles, weight_sum
from segment1b_assets.storage.run_inputs import RunInputs

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
U64 = NDArray[np.uint64]


@dataclass(frozen=True)
class CountryMeasures:
    """A country's part of the scorecard; `rows` is 1 + draws, and row 0 is what is observed.

    Attributes:
        sites: what is published; see `CountrySites`.
        tiles: the country's tiles with weight.
        people: float64 (CELLS,), persons by half-degree cell.
        cell: int64 (rows, sites), the half-degree cell of each site.
        occupancy: int64 (rows, sites + 1), tiles that hold k sites; entry 0 is 0.
        nearest_km: float64 (rows, sites), or (rows, 0) for a single site.
        pairs_within: int64 (rows, radii).
        identical: int64 (rows,), multi-site pairs that share their set of tiles.
        top_seen, top_chance: one-site pairs in the heaviest tile, and the chance of one to be.
        position: float64 (one-site pairs,), along the cumulative weight, in [0, 1).
        reach, reach_drawn: float64 (pairs,); NaN for a pair of one site.
    """

    country: str
    sites: CountrySites
    tiles: int
    people: Floats
    cell: Ints
    occupancy: Ints
    nearest_km: Floats
    pairs_within: Ints
    identical: Ints
    top_seen: int
    top_chance: float
    position: Floats
    reach: Floats
    reach_drawn: Floats

    @property
    def one_site(self) -> int:
        return int((self.sites.shops == 1).sum())

    @property
    def chains(self) -> int:
        return int((self.sites.shops > 1).sum())


def measure_country(inputs: RunInputs, country: str, rules: RealismRules) -> CountryMeasures:
    """Measure a published country; memory follows `rules.kept_sites` and the batch.

    Raises:
        Segment1BError: E_INPUT_MISSING, E402_MISSING_TILE_WEIGHTS, E_INPUT_SCHEMA,
            E002_RASTER_MISMATCH.
    """
    sites = read_sites(inputs, country, rules)
    total = weight_sum(inputs, country)
    if total == 0 and sites.total:
        raise Segment1BError(
            "E402_MISSING_TILE_WEIGHTS", "the country has sites and its tiles have no weight",
            country=country, file=inputs.path("tile_weights", country),
        )  # fmt: skip
    count = sites.pair.size
    draws = Draws.of(rules.draws, count, max(1, total), rules.draw_key, country)
    asked, place = np.unique(sites.tile, return_inverse=True)
    found = pass_over_tiles(inputs, country, draws.quantile, asked)
    tile = np.concatenate([sites.tile[None], draws.by_draw(found.drawn_tile)])

    inside = generator(rules.draw_key, country, "place").random(count)
    share = inside * found.weight[place]
    along = (found.before[place] + share) / total
    on_curve = (found.before_on_curve[place] + share) / total
    alone = sites.shops[sites.pair] == 1
    uniform = generator(rules.draw_key, country, "reach").random(count)
    pairs = sites.shops.size
    nearest, within = _distances(inputs.grid, sites, tile[1:], draws.within, rules)
    return CountryMeasures(
        country=country,
        sites=sites,
        tiles=found.tiles,
        people=found.people,
        cell=half_degree_cells(inputs.grid, tile.reshape(-1)).reshape(tile.shape),
        occupancy=_occupancy(tile),
        nearest_km=nearest,
        pairs_within=within,
        identical=_identical(sites, tile),
        top_seen=int((sites.tile[alone] == found.heaviest_tile).sum()),
        top_chance=found.heaviest_weight / total if total else 0.0,
        position=along[alone],
        reach=reaches(sites.pair, on_curve, pairs),
        reach_drawn=reaches(sites.pair, uniform, pairs),
    )


def _occupancy(tile: U64) -> Ints:
    found = np.zeros((tile.shape[0], tile.shape[1] + 1), np.int64)
    for row, tiles in enumerate(tile):
        held = np.unique(tiles, return_counts=True)[1]
        found[row] = np.bincount(held, minlength=found.shape[1])
    return found


def _identical(sites: CountrySites, tile: U64) -> Ints:
    """How many multi-site pairs share their set of tiles with another, by row."""
    several = sites.shops[sites.pair] > 1
    pair = sites.pair[several]
    return np.array([with_identical_tiles(pair, tiles[several]).size for tiles in tile], np.int64)


def _distances(
    grid: Grid, sites: CountrySites, drawn: U64, within: Floats, rules: RealismRules
) -> tuple[Floats, Ints]:
    """Nearest neighbours and pair counts, row by row; a drawn site lies anywhere in its tile."""
    rows, count = drawn.shape[0] + 1, drawn.shape[1]
    nearest = np.empty((rows, count if count > 1 else 0))
    pairs = np.zeros((rows, len(rules.radii_km)), np.int64)
    for row in range(rows if count > 1 else 0):
        if row == 0:
            lon, lat = sites.lon, sites.lat
        else:
            at_row, at_col = np.divmod(drawn[row - 1], np.uint64(grid.ncols))
            lon = grid.lon_edges[at_col] + within[row - 1, :, 0] * grid.a
            lat = grid.lat_edges[at_row] + within[row - 1, :, 1] * grid.e
        found = Neighbours(on_sphere(lon, lat))
        nearest[row] = found.nearest_km()
        pairs[row] = found.pairs_within(rules.radii_km)
    return nearest, pairs
