"""The tags that make one run out of many countries."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
)

from segment1b_assets.assets.asset_factory import ONLY_TAG
from segment1b_assets.automation.run_coordinator import EVENTS_PER_COUNTRY
from segment1b_assets.partitions import COUNTRY_CODES


def partition_tags(countries: Sequence[str]) -> dict[str, str]:
    """The tags of one run over these countries, in alphabetical order."""
    positions = [COUNTRY_CODES.index(c) for c in countries]
    tags = {
        ASSET_PARTITION_RANGE_START_TAG: countries[0],
        ASSET_PARTITION_RANGE_END_TAG: countries[-1],
    }
    if positions[-1] - positions[0] + 1 != len(positions):
        tags[ONLY_TAG] = ",".join(countries)
    return tags


def run_request(
    assets: Sequence[str],
    countries: Sequence[str],
    by: str,
    run_key: str | None = None,
) -> dg.RunRequest:
    """One run that makes some assets with their checks for some countries.

    Args:
        countries: in alphabetical order; none for assets that are not partitioned.
        by: who asks, shown as the run's tag ``segment1b/by``.
        run_key: Dagster launches a key only once.
    """
    return dg.RunRequest(
        run_key=run_key,
        asset_selection=[dg.AssetKey(a) for a in assets],
        tags={
            **(partition_tags(countries) if countries else {}),
            **EVENTS_PER_COUNTRY,
            "segment1b/by": by,
        },
    )
