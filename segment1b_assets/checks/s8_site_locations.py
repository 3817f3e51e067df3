"""S8's rules and what they are judged on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from segment1b_assets.storage.segment import Segment
from segment1b_assets.validation.site_locations import judge_site_locations
from segment1b_assets.validation.verdict import Verdict

RULES = {"site_locations": tuple(f"A80{n}" for n in range(1, 8))}


def judge(segment: Segment, country: str) -> Mapping[str, Sequence[Verdict]]:
    tokens = segment.tokens("site_locations", country)
    verdicts = judge_site_locations(
        country,
        segment.files("site_locations", country),
        tokens=tokens | {"parameter_hash": segment.parameter_hash},
        synthesis_files=segment.files("s7_site_synthesis", country),
        outlets=segment.outlets(country),
        grid=segment.grid,
    )
    return {"site_locations": verdicts}
