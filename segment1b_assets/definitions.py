"""The code location."""

from __future__ import annotations

import dagster as dg

from segment1b_assets.assets.every_state import state_assets, state_checks
from segment1b_assets.assets.parquet_io_manager import ParquetByCountry
from segment1b_assets.assets.references import reference_assets
from segment1b_assets.assets.s0_gate import s0_gate_receipt
from segment1b_assets.assets.s9_bundle import validation_bundle
from segment1b_assets.assets.site_realism import site_realism
from segment1b_assets.automation.jobs import jobs
from segment1b_assets.automation.schedules import schedules
from segment1b_assets.automation.sensors import sensors
from segment1b_assets.checks.flag_check import flag_holds
from segment1b_assets.checks.input_checks import check_the_inputs
from segment1b_assets.checks.realism_check import sites_believable
from segment1b_assets.resources import Segment1B

segment1b = Segment1B.configure_at_launch()

definitions = dg.Definitions(
    assets=[
        *reference_assets,
        s0_gate_receipt,
        *state_assets,
        validation_bundle,
        site_realism,
    ],
    asset_checks=[check_the_inputs, *state_checks, flag_holds, sites_believable],
    jobs=jobs,
    schedules=schedules,
    sensors=sensors,
    resources={
        "segment1b": segment1b,
        "parquet_by_country": ParquetByCountry(segment1b=segment1b),
    },
    # One process per run: countries run in parallel in its threads and share the inputs.
    executor=dg.in_process_executor,
)
