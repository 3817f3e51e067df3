"""One run over everything that is stale or missing: what the schedule and the sensor launch."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from segment1b_assets.automation.jobs import ALL_ASSETS
from segment1b_assets.automation.stale_partitions import find_stale_partitions
from segment1b_assets.contracts.countries import COUNTRY_CODES
from segment1b_assets.contracts.states import STATES
from segment1b_assets.run_tags import BY_TAG, EVENTS_PER_COUNTRY, partition_tags
from segment1b_assets.storage.input_versions import is_fetched
from segment1b_assets.storage.run_inputs import RunInputs

GATES = (STATES["S0"].main, STATES["S9"].main)


def stale_request(instance: dg.DagsterInstance, inputs: RunInputs, by: str) -> dg.RunRequest:
    """S0, the assets in which a country is stale or missing for these countries, and S9.

    Args:
        by: who starts it, shown as the run's tag ``segment1b/by``.

    Raises:
        Segment1BError: the paths cannot be found (E_INPUT_MISSING, E_POLICY_INVALID …).
    """
    if not is_fetched(inputs, "population_raster_2025"):
        # Its digest is in the paths, so they are unknown before it is fetched, and a tick has no
        # time for that. The run has; it leaves published partitions as they are.
        countries = [c for c in COUNTRY_CODES if c in inputs.iso_names]
        return _run_request(ALL_ASSETS, countries, by)
    stale = find_stale_partitions(instance, inputs)
    return _run_request([GATES[0], *stale.assets, GATES[1]], stale.all_countries, by)


def _run_request(assets: Sequence[str], countries: Sequence[str], by: str) -> dg.RunRequest:
    """One run that makes some assets with their checks; `countries` in alphabetical order."""
    return dg.RunRequest(
        asset_selection=[dg.AssetKey(a) for a in assets],
        tags={
            **(partition_tags(countries) if countries else {}),
            **EVENTS_PER_COUNTRY,
            BY_TAG: by,
        },
    )
