"""Requests for one run over many countries."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from segment1b_assets.run_tags import BY_TAG, EVENTS_PER_COUNTRY, partition_tags


def run_request(
    assets: Sequence[str],
    countries: Sequence[str],
    by: str,
    run_key: str | None = None,
) -> dg.RunRequest:
    """One run that makes some assets with their checks for some countries.

    Args:
        countries: in alphabetical order; empty for assets without partitions.
        by: who starts it, shown as the run's tag ``segment1b/by``.
        run_key: Dagster launches a key only once.
    """
    return dg.RunRequest(
        run_key=run_key,
        asset_selection=[dg.AssetKey(a) for a in assets],
        tags={
            **(partition_tags(countries) if countries else {}),
            **EVENTS_PER_COUNTRY,
            BY_TAG: by,
        },
    )
