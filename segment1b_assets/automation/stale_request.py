"""One run over everything that is stale or missing: what the schedule and the sensor launch."""

from __future__ import annotations

import dagster as dg

from segment1b_assets.automation.jobs import ALL_ASSETS
from segment1b_assets.automation.run_requests import run_request
from segment1b_assets.automation.stale_partitions import find_stale_partitions
from segment1b_assets.contracts.countries import COUNTRY_CODES
from segment1b_assets.contracts.states import STATES
from segment1b_assets.storage.input_versions import is_fetched
from segment1b_assets.storage.run_inputs import RunInputs

GATES = (STATES["S0"].main, STATES["S9"].main)


def stale_request(instance: dg.DagsterInstance, inputs: RunInputs, by: str) -> dg.RunRequest:
    """S0, the assets in which a country is stale or missing for these countries, and S9.

    Raises:
        Segment1BError: the paths cannot be found (E_INPUT_MISSING, E_POLICY_INVALID …).
    """
    if not is_fetched(inputs, "population_raster_2025"):
        # Its digest is in the paths, so they are unknown before it is fetched, and a tick has no
        # time for that. The run has; it leaves published partitions as they are.
        countries = [c for c in COUNTRY_CODES if c in inputs.iso_names]
        return run_request(ALL_ASSETS, countries, by)
    stale = find_stale_partitions(instance, inputs)
    return run_request([GATES[0], *stale.assets, GATES[1]], stale.all_countries, by)
