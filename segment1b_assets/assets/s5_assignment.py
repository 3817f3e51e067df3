"""S5: which site goes to which of its merchant's tiles (contract §4, S5)."""

from __future__ import annotations

from segment1b_assets.assets.asset_factory import PartitionedState
from segment1b_assets.core.assignment import site_tile_assignment
from segment1b_assets.core.site_batches import SITE_BATCH
from segment1b_assets.core.stream import PartitionStream
from segment1b_assets.storage.audit_log import write_audit_log
from segment1b_assets.storage.input_versions import RUN_IDENTITY
from segment1b_assets.storage.receipt_check import require_receipt_match
from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.storage.upstream import batches


def _assignment(inputs: RunInputs, country: str) -> PartitionStream:
    require_receipt_match(inputs, country, "s4_alloc_plan")
    plan = batches(
        inputs,
        "s4_alloc_plan",
        country,
        "E_INPUT_MISSING",
        ["merchant_id", "tile_id", "n_sites_tile"],
    )
    return site_tile_assignment(
        country,
        inputs.identity,
        inputs.receipt.verified_at_utc,
        plan,
        min(SITE_BATCH, inputs.options.batch_rows),
    )


S5 = PartitionedState(
    id="S5",
    group="s5_s8_sites",
    streams={"s5_site_tile_assignment": _assignment},
    about={
        "s5_site_tile_assignment": "The tile of every site: one uniform per site decides the order "
        "in which a merchant's tiles are filled. Evidence: one RNG event per site."
    },
    deps=["s4_alloc_plan", RUN_IDENTITY],
    preload=("iso_names", "policies", "identity", "receipt"),
    cost=lambda inputs, country: float(inputs.demand(country)),
    prepare=write_audit_log,
)
