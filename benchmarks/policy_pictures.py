"""Draws the pictures of docs/policies.md from the embedded world, through the code of the states.

    python -m benchmarks.policy_pictures [--root data] [--to docs/pictures]

Nothing is published: weights, plans, boxes and cells of three countries are worked out and drawn.
The same inputs give the same pictures. Colours are Okabe and Ito's; shape or lightness says the
same.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from segment1b_assets.contracts.identity import Identity
from segment1b_assets.core.allocation import alloc_plan
from segment1b_assets.core.arc_draw import ReachStep
from segment1b_assets.core.arc_plan import arc_plan
from segment1b_assets.core.cell_box import CellBoxes
from segment1b_assets.core.eligibility import eligible_cells
from segment1b_assets.core.hilbert import curve_order, hilbert_index
from segment1b_assets.core.point_in_country import CountryTest
from segment1b_assets.core.polygon import CountryPolygon
from segment1b_assets.core.stream import PartitionStream
from segment1b_assets.core.weights import tile_weights
from segment1b_assets.realism.drawing import COAST, FAINT, INK, LAND, figure, png
from segment1b_assets.storage.raster_values import RasterValues
from segment1b_assets.storage.run_inputs import RunInputs, RunOptions

Ids = NDArray[np.uint64]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

COUNTRY: Final = "IN"
ISLANDS: Final = "MV"
COAST_OF: Final = "DK"
SHIPPED: Final = (ReachStep(2, 3), ReachStep(9, 2), ReachStep(999, 1, 20_000))
#: Any identity will do; this one's first six chains lie apart.
IDENTITY: Final = Identity(seed=42, parameter_hash="a" * 64, manifest_fingerprint="b" * 64)
TS: Final = "2025-01-01T00:00:00.000000Z"
COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
SHAPES: Final = ("o", "^", "s", "D")
CHAINS: Final = np.arange(1, 5, dtype=np.uint64)
DP: Final = 12


class Country:
    """A country of the root: polygon, cells, and weights at any dp."""

    def __init__(self, inputs: RunInputs, code: str) -> None:
        polygon = inputs.polygon(code)
        assert polygon is not None
        self.code, self.grid = code, inputs.grid
        self.polygon: CountryPolygon = polygon
        self._raster = inputs.root.path_for("population_raster_2025")
        self._runs = eligible_cells(polygon, self.grid, "center").runs

    def weights(self, dp: int) -> tuple[Ids, Ints]:
        """tile_id and weight_fp of S2."""
        raster = RasterValues(self._raster)
        rows = rows_of(tile_weights(self.code, self._runs, "population", dp, raster))
        return rows["tile_id"], rows["weight_fp"].astype(np.int64)

    def centres(self, tile_id: Ids) -> tuple[Floats, Floats]:
        """Longitude and latitude of tiles."""
        row, col = np.divmod(tile_id.astype(np.int64), self.grid.ncols)
        return self.grid.centroid_lon[col], self.grid.centroid_lat[row]

    def plan(
        self, merchants: Ids, n_sites: int, reach: Sequence[ReachStep]
    ) -> dict[str, NDArray[Any]]:
        """Rows of S4 under population_arc_v1, of merchants with `n_sites` each."""
        batch = self.weights(DP)
        return rows_of(
            arc_plan(
                self.code, IDENTITY, TS, merchants, np.full(merchants.size, n_sites),
                lambda: iter([batch]), DP, (self.grid.nrows, self.grid.ncols), reach,
            )
        )  # fmt: skip

    def outline(self, axes: Axes) -> None:
        """Draw the rings."""
        parts = getattr(self.polygon.geometry, "geoms", [self.polygon.geometry])
        for part in parts:
            lon, lat = np.asarray(part.exterior.coords)[:, :2].T
            axes.fill(lon, lat, facecolor=LAND, edgecolor=COAST, linewidth=0.4)


def rows_of(stream: PartitionStream) -> dict[str, NDArray[Any]]:
    """The numeric columns of a small partition."""
    batches = [chunk.rows for chunk in stream.chunks]
    wanted = [f.name for f in batches[0].schema if f.name.endswith(("id", "_fp", "n_sites_tile"))]
    return {
        name: np.concatenate([b.column(name).to_numpy(zero_copy_only=False) for b in batches])
        for name in wanted
    }


def panels(count: int, width: float = 2.3, height: float = 2.6) -> tuple[Figure, list[Axes]]:
    """A row of maps."""
    made = figure(width * count, height, (0.05, 0.05, 0.05, 0.42))
    made.subplots_adjust(wspace=0.06)
    return made, [made.add_subplot(1, count, k + 1) for k in range(count)]


def titled(axes: Axes, title: str, below: str = "") -> None:
    axes.set_title(title, loc="left", fontsize=9, color=INK, pad=14 if below else 6)
    if below:
        axes.text(0, 1.02, below, transform=axes.transAxes, fontsize=7.5, color=FAINT)
    axes.set_aspect("equal", anchor="NW")
    axes.set_axis_off()


def draw_chains(country: Country, axes: Axes, rows: dict[str, NDArray[Any]]) -> None:
    """The tiles of up to four chains, each with a colour and a shape."""
    country.outline(axes)
    for number, merchant in enumerate(np.unique(rows["merchant_id"])):
        lon, lat = country.centres(rows["tile_id"][rows["merchant_id"] == merchant])
        axes.scatter(
            lon, lat, s=9 if lon.size < 100 else 2, c=COLOURS[number], marker=SHAPES[number],
            linewidths=0,
        )  # fmt: skip


def law(country: Country) -> Figure:
    """Merchants of one site, of four sites, under both laws of S4."""
    merchants = np.arange(1, 101, dtype=np.uint64)
    made, axes = panels(3, 2.9, 3.15)
    weights = iter([country.weights(DP)])
    plain = rows_of(alloc_plan(country.code, merchants, np.ones(100, np.int64), weights, DP))
    for place, rows, title, below in (
        (axes[0], plain, "enabled: false", "100 merchants of one site: 1 tile"),
        (axes[1], country.plan(merchants, 1, SHIPPED), "enabled: true", ""),
    ):
        country.outline(place)
        lon, lat = country.centres(rows["tile_id"])
        place.scatter(lon, lat, s=12, c=COLOURS[0], linewidths=0)
        tiles = np.unique(rows["tile_id"]).size
        titled(place, title, below or f"100 merchants of one site: {tiles} tiles")
    tile_id, weight = country.weights(DP)
    grid = country.grid
    row, col = np.divmod(tile_id, np.uint64(grid.ncols))
    along = np.argsort(hilbert_index(col, row, curve_order(grid.nrows, grid.ncols)))
    share = np.empty(tile_id.size)
    share[along] = np.cumsum(weight[along]) / 10**DP
    lon, lat = country.centres(tile_id)
    axes[2].scatter(lon, lat, s=0.9, c=share, cmap="cividis", marker="s", linewidths=0)
    titled(axes[2], "the line of places", "dark to light: the country's people in order")
    return made


def power(country: Country) -> Figure:
    """Four chains of 20 shops as the power grows."""
    made, axes = panels(4)
    for place, value in zip(axes, (1, 2, 3, 6), strict=True):
        draw_chains(country, place, country.plan(CHAINS, 20, [ReachStep(20, value)]))
        titled(place, f"power: {value}", f"median arc: {100 * 0.5**value:.3g} % of people")
    return made


def least_share(country: Country) -> Figure:
    """Four chains of 20 shops of power 6 as min_ppm grows."""
    made, axes = panels(4)
    for place, value in zip(axes, (0, 20_000, 200_000, 1_000_000), strict=True):
        draw_chains(country, place, country.plan(CHAINS, 20, [ReachStep(20, 6, value)]))
        titled(place, f"min_ppm: {value}", f"at least {value / 10_000:g} % of the people")
    return made


def size(country: Country) -> Figure:
    """Four chains of each size under the shipped entries."""
    made, axes = panels(4)
    said = (
        "entry n_max 2, power 3",
        "entry n_max 9, power 2",
        "entry n_max 999, power 1",
        "above the last entry",
    )
    for place, value, below in zip(axes, (2, 9, 60, 1000), said, strict=True):
        draw_chains(country, place, country.plan(CHAINS, value, SHIPPED))
        titled(place, f"chains of {value:,} shops", below)
    return made


def decimals(country: Country) -> Figure:
    """Tiles that have weight as dp grows."""
    made, axes = panels(4)
    for place, dp in zip(axes, (2, 3, 4, 12), strict=True):
        tile_id, weight = country.weights(dp)
        country.outline(place)
        lon, lat = country.centres(tile_id[weight > 0])
        place.scatter(lon, lat, s=1.2, c=COLOURS[0], marker="s", linewidths=0)
        held = int(np.count_nonzero(weight))
        titled(place, f"dp: {dp}", f"{held:,} of {weight.size:,} tiles have weight")
    return made


def window(country: Country, tiles: Ids, pad: float) -> tuple[float, float, float, float]:
    """The box around some tiles, wider by `pad` cells."""
    row, col = np.divmod(tiles.astype(np.int64), country.grid.ncols)
    wide = pad * country.grid.a
    return (
        country.grid.lon_edges[col.min()] - wide, country.grid.lon_edges[col.max() + 1] + wide,
        country.grid.lat_edges[row.max() + 1] - wide, country.grid.lat_edges[row.min()] + wide,
    )  # fmt: skip


def inclusion(country: Country) -> Figure:
    """The cells of a piece of coast under both rules."""
    made, axes = panels(2, 3.9, 3.2)
    (west, east), (south, north) = (9.7, 12.0), (54.5, 56.0)
    for place, rule in zip(axes, ("center", "any_overlap"), strict=True):
        runs = eligible_cells(country.polygon, country.grid, rule).runs
        lon, lat = country.centres(runs.tile_ids())
        step = country.grid.a
        shown = (lon > west) & (lon < east) & (lat > south) & (lat < north)
        for x, y in zip(lon[shown], lat[shown], strict=True):
            corners = [x - step / 2, x + step / 2, x + step / 2, x - step / 2]
            sides = [y - step / 2, y - step / 2, y + step / 2, y + step / 2]
            place.fill(corners, sides, facecolor="#BFDDF0", edgecolor=COLOURS[0], linewidth=0.6)
        for part in getattr(country.polygon.geometry, "geoms", [country.polygon.geometry]):
            x, y = np.asarray(part.exterior.coords)[:, :2].T
            place.plot(x, y, color=COLOURS[1], linewidth=0.8)
        place.set_xlim(west, east)
        place.set_ylim(south, north)
        titled(place, f"inclusion_rule: {rule}", f"{int(shown.sum())} cells in this window")
    return made


def boxes(country: Country) -> Figure:
    """400 uniform points of one coastal cell, and of its box."""
    grid = country.grid
    tiles = eligible_cells(country.polygon, grid, "any_overlap").runs.tile_ids()
    found = CellBoxes.of(country.polygon, grid, tiles)
    box = found.box
    wide, high = box.max_lon - box.min_lon, box.max_lat - box.min_lat
    area = wide * high / grid.a**2
    # Of the cells whose box is a tenth of them or so, the one whose box has the most land.
    u, v = np.random.default_rng(1).random((2, 400))
    some = np.flatnonzero((area > 0.06) & (area < 0.16))
    number = np.repeat(some, u.size)
    lon = box.min_lon[number] + np.tile(u, some.size) * wide[number]
    lat = box.min_lat[number] + np.tile(v, some.size) * high[number]
    held = CountryTest(country.polygon, grid, tiles).inside(
        found.met[number].astype(np.uint64), lon, lat
    )
    chosen = int(some[np.argmax(held.reshape(some.size, -1).sum(axis=1))])
    tile = found.met[chosen : chosen + 1].astype(np.uint64)
    cell = window(country, tile, 0)
    of_box = (
        box.min_lon[chosen], box.max_lon[chosen], box.min_lat[chosen], box.max_lat[chosen]
    )  # fmt: skip
    test = CountryTest(country.polygon, grid, tile)
    made, axes = panels(2, 3.4, 3.7)
    for place, mode, bounds in (
        (axes[0], "uniform_v1", cell), (axes[1], "uniform_v2", of_box),
    ):  # fmt: skip
        west, east, south, north = bounds
        lon, lat = west + u * (east - west), south + v * (north - south)
        held = test.inside(np.repeat(tile, u.size), lon, lat)
        country.outline(place)
        for kept, shape, colour in ((~held, "x", FAINT), (held, "o", COLOURS[0])):
            place.scatter(lon[kept], lat[kept], s=7, c=colour, marker=shape, linewidths=0.7)
        for edge, line in ((cell, "-"), (bounds, "--")):
            x, y = [edge[0], edge[1], edge[1], edge[0]], [edge[2], edge[2], edge[3], edge[3]]
            place.fill(x, y, facecolor="none", edgecolor=COLOURS[1], linestyle=line, linewidth=1.2)
        wide_by = 0.04 * grid.a
        place.set_xlim(cell[0] - wide_by, cell[1] + wide_by)
        place.set_ylim(cell[2] - wide_by, cell[3] + wide_by)
        share = int(held.sum()) / 4
        titled(place, f"mode: {mode}", f"{share:g} % of 400 attempts are accepted")
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, default=Path("data"))
    parser.add_argument("--to", type=Path, default=Path("docs/pictures"))
    given = parser.parse_args()
    inputs = RunInputs(RunOptions(given.root))
    country, islands = Country(inputs, COUNTRY), Country(inputs, ISLANDS)
    pictures = {
        "inclusion-rule": inclusion(Country(inputs, COAST_OF)),
        "dp": decimals(country),
        "law": law(country),
        "power": power(country),
        "min-ppm": least_share(country),
        "n-max": size(country),
        "box": boxes(islands),
    }
    for name, made in pictures.items():
        path = given.to / f"policy-{name}.png"
        path.write_bytes(png(made, 96))
        print(f"{path}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
