"""S6: the position of each site in its tile (contract §4, S6)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.assets.asset_factory import PartitionedState
from segment1b_assets.contracts.dictionary import asset_name
from segment1b_assets.core.cell_box import CellBoxes
from segment1b_assets.core.jitter import site_jitter
from segment1b_assets.core.point_in_country import CountryTest
from segment1b_assets.core.site_batches import SITE_BATCH
from segment1b_assets.core.stream import PartitionStream
from segment1b_assets.storage.input_versions import RUN_IDENTITY
from segment1b_assets.storage.receipt_check import require_receipt_match
from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.storage.upstream import batches


def _jitter(inputs: RunInputs, country: str) -> PartitionStream:
    for dataset in ("s5_site_tile_assignment", "s4_alloc_plan"):
        require_receipt_match(inputs, country, dataset)
    assignment = batches(
        inputs,
        "s5_site_tile_assignment",
        country,
        "E_INPUT_MISSING",
        ["merchant_id", "site_order", "tile_id"],
    )
    policy, polygon = inputs.policies["policy.s6.jitter"], inputs.polygon(country)
    tiles = _used_tiles(inputs, country)
    return site_jitter(
        country,
        inputs.identity,
        inputs.receipt.verified_at_utc,
        assignment,
        inputs.grid,
        _Nowhere() if polygon is None else CountryTest(polygon, inputs.grid, tiles),
        policy.max_attempts,
        min(SITE_BATCH, inputs.options.batch_rows),
        CellBoxes.of(polygon, inputs.grid, tiles) if policy.mode == "uniform_v2" else None,
    )


class _Nowhere:
    """The point test of a country without a polygon: it has no tile, so it is never called."""

    def inside(
        self, tile_id: NDArray[np.uint64], lon: NDArray[np.float64], lat: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        return np.zeros(tile_id.size, np.bool_)


def _used_tiles(inputs: RunInputs, country: str) -> NDArray[np.uint64]:
    """The tiles that the country's plan uses, ascending."""
    used = [np.zeros(0, np.uint64)]
    for batch in batches(inputs, "s4_alloc_plan", country, "E_INPUT_MISSING", ["tile_id"]):
        used.append(np.unique(batch.column("tile_id").to_numpy()))
    return np.unique(np.concatenate(used))


S6 = PartitionedState(
    id="S6",
    group="s5_s8_sites",
    streams={"s6_site_jitter": _jitter},
    about={
        "s6_site_jitter": "Offset of every site from its tile's centre: drawn uniformly in the "
        "cell, or in the box of what it shares with the country, until the point lies in the "
        "country. Evidence: one RNG event per attempt."
    },
    deps=[
        "s5_site_tile_assignment",
        "tile_bounds",
        "world_countries",
        asset_name("policy.s6.jitter"),
        RUN_IDENTITY,
    ],
    preload=("iso_names", "policies", "identity", "receipt", "grid", "shapes"),
    cost=lambda inputs, country: float(inputs.demand(country)),
)
