"""S2: what share of the country's mass each tile has, in fixed point (contract §4, S2)."""

from __future__ import annotations

from segment1b_assets.assets.asset_factory import PartitionedState, country_assets
from segment1b_assets.contracts.dictionary import asset_name
from segment1b_assets.core.stream import PartitionStream
from segment1b_assets.core.weights import tile_weights
from segment1b_assets.storage.receipt_check import require_receipt_match
from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.storage.sidecars import sidecar_names
from segment1b_assets.storage.tile_masses import mass_store, tile_masses
from segment1b_assets.storage.upstream import row_count, tile_runs


def _weights(inputs: RunInputs, country: str) -> PartitionStream:
    policy = inputs.policies["policy.s2.tile_weights"]
    require_receipt_match(inputs, country, "tile_index")
    runs = tile_runs(inputs, country, "E101_TILE_INDEX_MISSING")
    masses = tile_masses(inputs, country)
    store = mass_store(inputs, masses)
    stream = tile_weights(
        country, runs, policy.basis, policy.dp, masses, inputs.options.batch_rows, store=store
    )
    stream.facts["ignored_sidecars"] = sidecar_names(inputs)
    return stream


S2 = PartitionedState(
    id="S2",
    group="s2_weights",
    streams={"tile_weights": _weights},
    about={
        "tile_weights": "Fixed-point weight of every tile: the exact largest remainder of "
        "uniform, area or population masses, adding up to 10^dp."
    },
    deps=["tile_index", "population_raster_2025", asset_name("policy.s2.tile_weights")],
    preload=("iso_names", "policies", "grid", "parameter_hash"),
    cost=lambda inputs, country: float(row_count(inputs, "tile_index", country)),
)

s2_assets = country_assets(S2)
