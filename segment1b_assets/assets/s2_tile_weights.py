"""S2: what share of the country's mass each tile has, in fixed point (contract §4, S2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.assets.asset_factory import PartitionedState
from segment1b_assets.contracts.dictionary import asset_name
from segment1b_assets.core.stream import PartitionStream
from segment1b_assets.core.weights import tile_weights
from segment1b_assets.storage.mass_spill import SpilledMasses
from segment1b_assets.storage.raster_values import RasterValues
from segment1b_assets.storage.receipt_check import require_receipt_match
from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.storage.sidecars import sidecar_names
from segment1b_assets.storage.upstream import row_areas_of, row_count, tile_runs


def _weights(inputs: RunInputs, country: str) -> PartitionStream:
    policy = inputs.policies["policy.s2.tile_weights"]
    require_receipt_match(inputs, country, "tile_index")
    runs = tile_runs(inputs, country, "E101_TILE_INDEX_MISSING")
    masses = _masses(inputs, country)
    # Only a raster's masses need a store: a large country's are read again from it.
    store = SpilledMasses(inputs.root, masses.dtype) if isinstance(masses, RasterValues) else None
    stream = tile_weights(
        country, runs, policy.basis, policy.dp, masses, inputs.options.batch_rows, store=store
    )
    stream.facts["ignored_sidecars"] = sidecar_names(inputs)
    return stream


def _masses(inputs: RunInputs, country: str) -> RasterValues | NDArray[np.float64] | None:
    """The raster (population), the areas of raster rows (area_m2), or None (uniform)."""
    basis = inputs.policies["policy.s2.tile_weights"].basis
    if basis == "population":
        return RasterValues(inputs.ensure_local("population_raster_2025"))
    return row_areas_of(inputs, country) if basis == "area_m2" else None


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
