"""S1: which cells of the raster belong to a country, and where they lie (contract S1)."""

from __future__ import annotations

from collections.abc import Callable

from segment1b_assets.assets.references import asset_name
from segment1b_assets.assets.seam import CountryState, country_assets
from segment1b_assets.checks import s1_tiles as checks
from segment1b_assets.core.stream import PartitionStream
from segment1b_assets.core.tiles import tile_bounds, tile_index
from segment1b_assets.storage.segment import Segment

#: What decides S1, of all that the parameter_hash names.
INGRESS = (
    "iso3166_canonical_2024",
    "world_countries",
    "population_raster_2025",
    "policy.s1.tile_index",
)


def _index(segment: Segment, country: str) -> PartitionStream:
    return _made_by(tile_index, segment, country)


def _bounds(segment: Segment, country: str) -> PartitionStream:
    return _made_by(tile_bounds, segment, country)


def _made_by(
    make: Callable[..., PartitionStream], segment: Segment, country: str
) -> PartitionStream:
    rule = segment.policies["policy.s1.tile_index"].inclusion_rule
    cells = segment.eligibility(country)
    stream = make(country, segment.grid, cells, rule, segment.options.batch_rows)
    stream.facts["ingress_versions"] = segment.ingress_versions(INGRESS)
    return stream


S1 = CountryState(
    id="S1",
    group="s1_tiles",
    outputs={"tile_index": _index, "tile_bounds": _bounds},
    about={
        "tile_index": "Every raster cell of the country, its centroid and its area on the "
        "ellipsoid. The raster gives the grid only; its values decide nothing here.",
        "tile_bounds": "The four edges of every tile of the country: S6 draws points between them, "
        "S7 adds its offsets to their centre.",
    },
    deps=[
        "iso3166_canonical_2024",
        "world_countries",
        "population_raster_2025",
        asset_name("policy.s1.tile_index"),
    ],
    follows=(),
    rules=checks.RULES,
    judge=checks.judge,
    warm=("iso_names", "policies", "grid", "shapes", "parameter_hash"),
    cost=lambda segment, country: float(segment.extent(country)),
    foreign=checks.foreign_codes,
    code_version="2",
)

s1_assets = country_assets(S1)
