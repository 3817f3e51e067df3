"""S8: the published product (contract §4, S8)."""

from __future__ import annotations

from datetime import timedelta

import dagster as dg

from segment1b_assets.assets.asset_factory import PartitionedState
from segment1b_assets.contracts.dictionary import dictionary
from segment1b_assets.core.stream import PartitionStream
from segment1b_assets.core.synthesis import site_locations
from segment1b_assets.storage.receipt_check import require_receipt_match
from segment1b_assets.storage.retire import retire_superseded
from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.storage.upstream import batches


def _locations(inputs: RunInputs, country: str) -> PartitionStream:
    require_receipt_match(inputs, country, "s7_site_synthesis")
    return site_locations(country, batches(inputs, "s7_site_synthesis", country, "E_INPUT_MISSING"))


#: The dictionary's retention limits how long the bytes may be kept; the warning starts a month
#: before its end.
_TERM = timedelta(days=dictionary()["site_locations"].retention_days)
TERM_OF_SITE_LOCATIONS = dg.FreshnessPolicy.time_window(
    fail_window=_TERM, warn_window=_TERM - timedelta(days=30)
)

S8 = PartitionedState(
    id="S8",
    group="s5_s8_sites",
    streams={"site_locations": _locations},
    about={
        "site_locations": "The product: one row per site, longitude and latitude. Read it through "
        "`segment1b_assets.read_site_locations`, which verifies S9's flag first."
    },
    deps=["s7_site_synthesis"],
    preload=("iso_names", "policies", "identity", "receipt"),
    cost=lambda inputs, country: float(inputs.demand(country)),
    before_publish=retire_superseded,
    freshness=TERM_OF_SITE_LOCATIONS,
)
