"""Small worlds whose sites were placed by a law that is known, for the tests of the scorecard."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import rasterio
import shapely
from numpy.typing import NDArray
from rasterio.transform import Affine

from segment1b_assets.contracts.schemas import TABLES
from segment1b_assets.core.hilbert import curve_order, hilbert_index
from segment1b_assets.storage.parquet import PartitionWriter
from segment1b_assets.storage.run_inputs import RunInputs, RunOptions
from segment1b_assets_tests.oracle import layout
from segment1b_assets_tests.oracle.world import make_world

Ints = NDArray[np.int64]
#: Each country is a box of so many quarter degrees a side.
SIDE, CELL = 40, 0.25
WEST: Mapping[str, float] = {"FR": 0.0, "IT": 12.0}
NORTH = 50.0
#: Sites of each merchant: as in real catalogues most have one.
SHOPS = [1] * 100 + [2] * 24 + [3] * 16 + [5] * 12 + [12] * 8 + [30] * 6 + [60] * 6

#: (weights in tile order, Hilbert rank of each tile, shops of each pair, generator) -> tiles by
#: pair: places in the weights, one list a pair.
Law = Callable[[Ints, Ints, Ints, np.random.Generator], list[Ints]]


@dataclass(frozen=True)
class PlacedWorld:
    """A root with tile_weights and site_locations of FR and IT."""

    root: Path
    weights: Mapping[str, Ints]
    tiles: Mapping[str, NDArray[np.uint64]]


def plain_law(weights: Ints, rank: Ints, shops: Ints, source: np.random.Generator) -> list[Ints]:
    """S4's plain law: the largest remainders, ties by the lower tile."""
    total = int(weights.sum())
    found = []
    for n in shops.tolist():
        whole, rest = np.divmod(weights * n, total)
        whole[np.argsort(-rest, kind="stable")[: n - int(whole.sum())]] += 1
        found.append(np.repeat(np.arange(weights.size), whole))
    return found


def arc_law(weights: Ints, rank: Ints, shops: Ints, source: np.random.Generator) -> list[Ints]:
    """A home by weight, and an arc of the Hilbert curve that grows with the chain.

    The draws of reach of the chains of one size are spread evenly, so that their median is no luck.
    """
    order = np.argsort(rank)
    upto = np.cumsum(weights[order])
    total = int(upto[-1])
    found = []
    for pair, n in enumerate(shops.tolist()):
        power = 3 if n == 2 else 2 if n < 10 else 1
        alike = np.flatnonzero(shops == n)
        share = (int(np.searchsorted(alike, pair)) + 0.5) / alike.size
        reach = total if n == 1 else 1 + int(share**power * total)
        home = int(source.integers(total))
        places = (home + np.arange(n) * reach // n) % total
        found.append(order[np.searchsorted(upto, places, side="right")])
    return found


def placed_world(root: Path, law: Law, shops: list[int] | None = None) -> PlacedWorld:
    """Write inputs, weights and sites; every number comes from fixed seeds."""
    made = make_world(root, 5, codes=list(WEST), basis="population", denylist=None, dp=12)
    _write_polygons(root)
    _write_raster(root)
    counts = np.array(SHOPS if shops is None else shops)
    _write_catalogue(root, made.seed, made.manifest_fingerprint, counts)
    inputs = RunInputs(RunOptions(root))
    weights, tiles = {}, {}
    for country in WEST:
        tiles[country], weights[country] = _weights(inputs, country)
        _publish(
            inputs,
            "tile_weights",
            country,
            tile_id=tiles[country],
            weight_fp=weights[country],
            dp=np.full(SIDE * SIDE, 12, np.int32),
            basis=np.full(SIDE * SIDE, "population"),
        )
        _place(inputs, country, tiles[country], weights[country], counts, law)
    return PlacedWorld(root, weights, tiles)


def merchant_ids(country: str, pairs: int) -> NDArray[np.uint64]:
    """Ids of a country's merchants, ascending; the last has the top bit set."""
    first = np.uint64((1 << 63) + list(WEST).index(country) * 10_000)
    return first + np.arange(pairs, dtype=np.uint64)


def _place(
    inputs: RunInputs, country: str, tiles: NDArray[np.uint64], weights: Ints, shops: Ints, law: Law
) -> None:
    source = np.random.Generator(np.random.Philox(key=len(country) + ord(country[0])))
    grid = inputs.grid
    row, col = np.divmod(tiles, np.uint64(grid.ncols))
    rank = hilbert_index(col, row, curve_order(grid.nrows, grid.ncols)).astype(np.int64)
    place = np.concatenate(law(weights, rank, shops, source))
    merchant = np.repeat(merchant_ids(country, shops.size), shops)
    starts = np.cumsum(shops) - shops
    _publish(
        inputs, "site_locations", country,
        merchant_id=merchant,
        site_order=(np.arange(place.size) - np.repeat(starts, shops) + 1).astype(np.int32),
        lon_deg=grid.lon_edges[col[place]] + source.random(place.size) * grid.a,
        lat_deg=grid.lat_edges[row[place]] + source.random(place.size) * grid.e,
    )  # fmt: skip


def _publish(inputs: RunInputs, dataset: str, country: str, **columns: NDArray[np.generic]) -> None:
    table = TABLES[dataset]
    rows = len(next(iter(columns.values())))
    label = "country_iso" if "country_iso" in table.names else "legal_country_iso"
    values = {label: np.full(rows, country), **columns}
    batch = pa.RecordBatch.from_arrays(
        [
            pa.array(values[name]).dictionary_encode().cast(kind)
            if pa.types.is_dictionary(kind)
            else pa.array(values[name], kind)
            for name, kind in zip(table.wire.names, table.wire.types, strict=True)
        ],
        schema=table.wire,
    )
    folder = inputs.path(dataset, country)
    folder.mkdir(parents=True)
    with PartitionWriter(folder, table, inputs.lineage(dataset, country)) as writer:
        writer.write(batch)


def _people() -> NDArray[np.float32]:
    """Persons a cell: towns of very different size in a thinly settled land."""
    source = np.random.Generator(np.random.Philox(key=7))
    cols = round((max(WEST.values()) + SIDE * CELL) / CELL)
    people = source.pareto(1.1, (SIDE, cols)) * 40 + 1
    return np.minimum(people, 60_000).astype(np.float32)


def _weights(inputs: RunInputs, country: str) -> tuple[NDArray[np.uint64], Ints]:
    first = round(WEST[country] / CELL)
    rows, cols = np.mgrid[0:SIDE, first : first + SIDE]
    people = _people()[rows, cols].ravel().astype(np.float64)
    weights = np.floor(people / people.sum() * 10**12).astype(np.int64)
    weights[0] += 10**12 - weights.sum()
    return (rows * inputs.grid.ncols + cols).ravel().astype(np.uint64), weights


def _write_raster(root: Path) -> None:
    people = _people()
    with rasterio.open(
        layout.raster_path(root), "w", driver="GTiff", height=people.shape[0],
        width=people.shape[1], count=1, dtype="float32", crs="EPSG:4326", nodata=-9999.0,
        transform=Affine(CELL, 0.0, 0.0, 0.0, -CELL, NORTH),
    ) as raster:  # fmt: skip
        raster.write(people, 1)


def _write_polygons(root: Path) -> None:
    side = SIDE * CELL
    shapes = [shapely.box(west, NORTH - side, west + side, NORTH) for west in WEST.values()]
    geo = {
        "version": "1.1.0",
        "primary_column": "geom",
        "columns": {"geom": {"encoding": "WKB", "geometry_types": ["Polygon"]}},
    }
    table = pa.table(
        {
            "country_iso": list(WEST),
            "name": [f"Country {code}" for code in WEST],
            "geom": pa.array([shapely.to_wkb(s) for s in shapes], pa.binary()),
        }
    ).replace_schema_metadata({"geo": json.dumps(geo)})
    pq.write_table(table, layout.polygons_path(root))


def _write_catalogue(root: Path, seed: int, fingerprint: str, shops: Ints) -> None:
    folder = layout.catalogue_dir(root, seed, fingerprint)
    for stale in folder.glob("*.parquet"):
        stale.unlink()
    order = np.concatenate([np.arange(1, n + 1) for n in shops.tolist()])
    rows = order.size
    table = pa.table(
        {
            "manifest_fingerprint": [fingerprint] * (rows * len(WEST)),
            "merchant_id": np.concatenate(
                [np.repeat(merchant_ids(c, shops.size), shops) for c in WEST]
            ),
            "site_id": [f"{n:06d}" for n in order.tolist() * len(WEST)],
            "legal_country_iso": np.repeat(list(WEST), rows),
            "site_order": np.tile(order, len(WEST)).astype(np.int32),
        }
    )
    pq.write_table(table, folder / "part-00000.parquet")
