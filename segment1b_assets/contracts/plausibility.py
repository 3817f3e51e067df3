"""Valid but odd: the rules of the check `plausible`, which warns and never blocks (contract §6)."""

from __future__ import annotations

from typing import NamedTuple


class PlausibilityRule(NamedTuple):
    """One row of the table: dataset id, the rule as a sentence, the next step."""

    dataset: str
    asks: str
    next_step: str


PLAUSIBILITY: dict[str, PlausibilityRule] = {
    "P101_NO_TILE": PlausibilityRule(
        "tile_index",
        "A country that has a polygon has at least one tile.",
        "compare the polygon with the raster's extent; a country smaller than a cell needs "
        "inclusion_rule any_overlap or a finer raster",
    ),
    "P102_SIDECAR_IGNORED": PlausibilityRule(
        "tile_index",
        "No sidecar file lies beside the raster; it would be ignored.",
        "put what the sidecar says into the raster itself (gdal_translate), or remove it",
    ),
    "P111_LONGITUDE_BEYOND_180": PlausibilityRule(
        "tile_bounds",
        "The cells' longitudes lie within -180 and 180.",
        "inform the consumers that longitudes wrap, or use a raster from -180 to 180",
    ),
    "P201_ALL_MASS_ZERO": PlausibilityRule(
        "tile_weights",
        "At least one tile of the country has a mass; otherwise all weigh the same.",
        "check the raster's values in this country",
    ),
    "P202_NO_POPULATED_CELL": PlausibilityRule(
        "tile_weights",
        "A country that has a polygon has a cell with people in it.",
        "check that the polygon is longitude first and that the raster covers the country",
    ),
    "P203_SENTINEL_SUSPECTED": PlausibilityRule(
        "tile_weights",
        "No cell holds more than 10^7 persons.",
        "if the value means missing data, declare it as the raster's nodata value",
    ),
    "P301_MORE_SITES_THAN_TILES": PlausibilityRule(
        "s3_requirements",
        "No merchant has more sites than the country has tiles.",
        "check the outlet catalogue's rows of this merchant, or use a finer raster",
    ),
    "P401_ONE_TILE_DOMINATES": PlausibilityRule(
        "s4_alloc_plan",
        "No tile holds more than half of the sites of a country of 100 tiles and 10 pairs.",
        "enable policy.s4.alloc_plan (population_arc_v1) if one-site merchants should spread",
    ),
    "P501_CROWDED_TILE": PlausibilityRule(
        "s5_site_tile_assignment",
        "No merchant has more than 1000 sites in one tile.",
        "check the merchant's rows in the outlet catalogue, or use a finer raster",
    ),
    "P601_MANY_ATTEMPTS": PlausibilityRule(
        "s6_site_jitter",
        "A site takes no more than 8 attempts on average.",
        "set mode uniform_v2 in policy.s6.jitter.yaml, or use a finer raster",
    ),
    "P701_LONGITUDE_BEYOND_180": PlausibilityRule(
        "s7_site_synthesis",
        "The sites' longitudes lie within -180 and 180.",
        "inform the consumers that longitudes wrap, or use a raster from -180 to 180",
    ),
    "P801_SAME_COORDINATES": PlausibilityRule(
        "site_locations",
        "No two sites of the country have the same coordinates.",
        "nothing is broken; report it if many sites coincide, since a collision is rare",
    ),
    "P802_LONGITUDE_BEYOND_180": PlausibilityRule(
        "site_locations",
        "The sites' longitudes lie within -180 and 180.",
        "inform the consumers that longitudes wrap, or use a raster from -180 to 180",
    ),
}
