"""S2: what share of the country's mass each tile has, in fixed point (contract section 4, S2)."""

from __future__ import annotations

from segment1b_assets.assets.references import asset_name
from segment1b_assets.assets.seam import CountryState, country_assets
from segment1b_assets.checks import s2_tile_weights as checks
from segment1b_assets.core.stream import PartitionStream
from segment1b_assets.core.weights import tile_weights
from segment1b_assets.storage.segment import Segment
from segment1b_assets.storage.untouched import require_untouched
from segment1b_assets.storage.upstream import row_count, tile_runs


def _weights(segment: Segment, country: str) -> PartitionStream:
    policy = segment.policies["policy.s2.tile_weights"]
    require_untouched(segment, country, "tile_index")
    runs = tile_runs(segment, country, "E101_TILE_INDEX_MISSING")
    masses = checks.masses(segment, country)
    return tile_weights(country, runs, policy.basis, policy.dp, masses, segment.options.batch_rows)


S2 = CountryState(
    id="S2",
    group="s2_weights",
    outputs={"tile_weights": _weights},
    about={
        "tile_weights": "Fixed-point weight of every tile: the exact largest remainder of "
        "uniform, area or population masses, adding up to 10^dp."
    },
    deps=["tile_index", "population_raster_2025", asset_name("policy.s2.tile_weights")],
    follows=("S1",),
    rules=checks.RULES,
    judge=checks.judge,
    warm=("iso_names", "policies", "grid", "parameter_hash"),
    cost=lambda segment, country: float(row_count(segment, "tile_index", country)),
)

s2_assets = country_assets(S2)
