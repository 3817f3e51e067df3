"""The jobs that people launch by name, and that schedules and sensors launch for them."""

from __future__ import annotations

import dagster as dg

from segment1b_assets.assets.every_state import COUNTRY_STATES

STATE_ASSETS: dict[str, tuple[str, ...]] = {
    "S0": ("s0_gate_receipt_1B",),
    **{s.id: tuple(s.outputs) for s in COUNTRY_STATES},
    "S9": ("validation_bundle_1B",),
}
ALL_ASSETS = tuple(asset for assets in STATE_ASSETS.values() for asset in assets)

everything = dg.define_asset_job(
    "segment1b",
    selection=dg.AssetSelection.assets(*ALL_ASSETS),
    description="Every state, for the countries of the run.",
)
verification = dg.define_asset_job(
    "verify_everything",
    selection=dg.AssetSelection.checks_for_assets(*(dg.AssetKey(a) for a in ALL_ASSETS)),
    description="Every rule on every published country, and the flag; computes and publishes "
    "nothing.",
)

jobs = [everything, verification]
