"""S5's rules and what they are judged on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.storage.upstream import tile_runs
from segment1b_assets.validation.assignment import judge_assignment
from segment1b_assets.validation.verdict import Verdict

RULES = {
    "s5_site_tile_assignment": (
        "E502_PK_DUPLICATE_SITE",
        "E503_TILE_QUOTA_MISMATCH",
        "E504_SUM_TO_N_MISMATCH",
        "E505_TILE_NOT_IN_INDEX",
        "E506_SCHEMA_INVALID",
        "E507_RNG_EVENT_MISMATCH",
        "E509_UNSORTED",
    )
}


def judge(inputs: RunInputs, country: str) -> Mapping[str, Sequence[Verdict]]:
    return {
        "s5_site_tile_assignment": judge_assignment(
            country,
            inputs.files("s5_site_tile_assignment", country),
            identity=inputs.identity,
            ts_utc=inputs.receipt.verified_at_utc,
            tokens=inputs.tokens("s5_site_tile_assignment", country),
            plan_files=inputs.files("s4_alloc_plan", country),
            requirement_files=inputs.files("s3_requirements", country),
            tiles=tile_runs(inputs, country, "E505_TILE_NOT_IN_INDEX"),
            events=inputs.ensure_local("rng_events_site_tile_assign", country),
            trace=inputs.ensure_local("rng_trace_site_tile_assign", country),
        )
    }
