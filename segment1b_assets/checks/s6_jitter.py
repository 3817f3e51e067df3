"""S6's rules and what they are judged on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.storage.upstream import tile_runs
from segment1b_assets.validation.country_points import CountryPoints
from segment1b_assets.validation.jitter import judge_jitter
from segment1b_assets.validation.verdict import Verdict

RULES = {
    "s6_site_jitter": (
        "E601_ROW_MISSING",
        "E602_ROW_EXTRA",
        "E603_DUP_KEY",
        "E605_SORT_VIOLATION",
        "E606_FK_TILE_INDEX",
        "E607_POINT_OUTSIDE_PIXEL",
        "E608_POINT_OUTSIDE_COUNTRY",
        "E609_RNG_EVENT_COUNT",
        "E610_RNG_BUDGET_OR_COUNTERS",
        "E613_RESAMPLE_EXHAUSTED",
    )
}


def judge(inputs: RunInputs, country: str) -> Mapping[str, Sequence[Verdict]]:
    polygon = inputs.polygon(country)
    verdicts = judge_jitter(
        country,
        inputs.files("s6_site_jitter", country),
        identity=inputs.identity,
        ts_utc=inputs.receipt.verified_at_utc,
        tokens=inputs.tokens("s6_site_jitter", country),
        assignment_files=inputs.files("s5_site_tile_assignment", country),
        tiles=tile_runs(inputs, country, "E606_FK_TILE_INDEX"),
        grid=inputs.grid,
        points=None if polygon is None else CountryPoints(polygon, inputs.grid),
        max_attempts=inputs.policies["policy.s6.jitter"].max_attempts,
        events=inputs.ensure_local("rng_events_in_cell_jitter", country),
        trace=inputs.ensure_local("rng_trace_in_cell_jitter", country),
    )
    return {"s6_site_jitter": verdicts}
