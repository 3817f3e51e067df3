"""The Dagster failure that names every country that failed, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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


def reason_metadata(error: Segment1BError) -> dict[str, dg.MetadataValue[Any]]:
    """Why a country failed, as its page shows it, with the runbook's section."""
    found: dict[str, dg.MetadataValue[Any]] = {
        "code": dg.MetadataValue.text(error.code),
        "detail": dg.MetadataValue.text(error.detail),
        "next_step": dg.MetadataValue.text(error.next_step),
        "runbook": dg.MetadataValue.text(f"docs/runbook.md#{error.code.lower()}"),
    }
    if error.file is not None:
        found["file"] = dg.MetadataValue.path(error.file)
    if error.value is not None:
        found["value"] = dg.MetadataValue.text(repr(error.value))
    return found


def _counted(failed: Mapping[str, Segment1BError]) -> str:
    if not set(failed) <= set(COUNTRY_CODES):
        return ", ".join(sorted(failed))
    return "1 country" if len(failed) == 1 else f"{len(failed)} countries"
