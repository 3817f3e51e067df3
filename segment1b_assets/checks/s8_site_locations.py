"""S8's rules and what they are judged on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.validation.site_locations import judge_site_locations
from segment1b_assets.validation.verdict import Verdict

RULES = {"site_locations": tuple(f"A80{n}" for n in range(1, 8))}


def judge(inputs: RunInputs, country: str) -> Mapping[str, Sequence[Verdict]]:
    tokens = inputs.tokens("site_locations", country)
    verdicts = judge_site_locations(
        country,
        inputs.files("site_locations", country),
        tokens=tokens | {"parameter_hash": inputs.parameter_hash},
        synthesis_files=inputs.files("s7_site_synthesis", country),
        outlets=inputs.outlets(country),
        grid=inputs.grid,
    )
    return {"site_locations": verdicts}
