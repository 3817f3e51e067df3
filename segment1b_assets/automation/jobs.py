"""The jobs that people, schedules and sensors launch by name."""

from __future__ import annotations

from typing import Any

import dagster as dg

from segment1b_assets.automation.map_job import draw_maps
from segment1b_assets.automation.retire_job import retire_partition
from segment1b_assets.checks.input_checks import check_the_inputs
from segment1b_assets.contracts.states import COUNTRY_STATES, STATES

ALL_ASSETS = tuple(dataset for state in STATES.values() for dataset in state.datasets)
COUNTRY_ASSETS = tuple(dataset for state in COUNTRY_STATES for dataset in state.datasets)

#: Dagster's daemon expects one partition where a backfill's run is over a range
#: (`test_backfills.py`); the only place where it can be said is the job's page.
_AGAIN = (
    " A backfill that was launched on this page cannot be re-executed from failure: Dagster ends "
    "it with an error about `PartitionKeyRange`. Launch a new one for *Failed* partitions, or "
    "materialise the failed countries on the asset's page."
)

everything = dg.define_asset_job(
    "everything",
    selection=dg.AssetSelection.assets(*ALL_ASSETS),
    description="S0 to S9, for the countries of the run. S9 is over all countries with outlets: "
    "it passes when every one of them is published." + _AGAIN,
)
countries = dg.define_asset_job(
    "countries",
    selection=dg.AssetSelection.assets("s0_gate_receipt_1B", *COUNTRY_ASSETS),
    description="S0 to S8 for the countries of the run, without the flag." + _AGAIN,
)
close = dg.define_asset_job(
    "close",
    selection=dg.AssetSelection.assets("validation_bundle_1B"),
    description="S9: the bundle and, only if every country with outlets is valid, its PASS flag.",
)
verification = dg.define_asset_job(
    "verify_everything",
    selection=dg.AssetSelection.checks_for_assets(*(dg.AssetKey(a) for a in ALL_ASSETS)),
    description="Every rule on every published country, and the flag; computes and publishes "
    "nothing.",
)
input_check = dg.define_asset_job(
    "check_inputs",
    selection=dg.AssetSelection.checks(*check_the_inputs.check_keys),
    description="Every input judged at once, before anything runs; reads them wholly.",
)

asset_jobs = [everything, countries, close, verification, input_check]
jobs: list[Any] = [*asset_jobs, draw_maps, retire_partition]
