"""The Dagster failure that names every country that failed, and why."""

from __future__ import annotations

from collections.abc import Mapping

import dagster as dg

from segment1b_assets.contracts.countries import COUNTRY_CODES
from segment1b_assets.contracts.errors import Segment1BError

#: Countries whose reason is given in full.
NAMED = 20


def country_failure(dataset: str, failed: Mapping[str, Segment1BError]) -> dg.Failure:
    """One failure for all countries; bad data is never retried (contract §6)."""
    lines = [str(failed[c]) for c in sorted(failed)]
    more = f"\n… and {len(lines) - NAMED} more" if len(lines) > NAMED else ""
    return dg.Failure(
        description=f"{dataset}: {_counted(failed)} failed\n" + "\n".join(lines[:NAMED]) + more,
        metadata={
            "countries": ", ".join(sorted(failed)),
            "codes": ", ".join(sorted({e.code for e in failed.values()})),
        },
        allow_retries=False,
    )


def _counted(failed: Mapping[str, Segment1BError]) -> str:
    if not set(failed) <= set(COUNTRY_CODES):
        return ", ".join(sorted(failed))
    return "1 country" if len(failed) == 1 else f"{len(failed)} countries"
