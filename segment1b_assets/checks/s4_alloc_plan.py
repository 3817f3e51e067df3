"""S4's rules and what they are judged on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.storage.upstream import row_count
from segment1b_assets.validation.alloc_plan import judge_alloc_plan
from segment1b_assets.validation.verdict import Verdict

RULES = {
    "s4_alloc_plan": (
        "E401_NO_S3_REQUIREMENTS",
        "E402_MISSING_TILE_WEIGHTS",
        "E403_ZERO_TILE_UNIVERSE",
        "E404_ALLOCATION_MISMATCH",
        "E405_SCHEMA_INVALID",
        "E407_PK_DUPLICATE",
        "E408_UNSORTED",
        "E411_TIE_RULE_VIOLATION",
        "E412_ZERO_ROW_EMITTED",
        "E413_TILE_NOT_IN_INDEX",
        "E414_WEIGHT_TAMPER",
    )
}


def judge(inputs: RunInputs, country: str) -> Mapping[str, Sequence[Verdict]]:
    requirements = inputs.files("s3_requirements", country)
    weights = inputs.files("tile_weights", country)
    needed = row_count(inputs, "s3_requirements", country) > 0
    tiles = row_count(inputs, "tile_weights", country)
    verdicts = [
        _present("E401_NO_S3_REQUIREMENTS", bool(requirements), "no s3_requirements"),
        _present("E402_MISSING_TILE_WEIGHTS", bool(weights) or not needed, "no tile_weights"),
        _present("E403_ZERO_TILE_UNIVERSE", tiles > 0 or not needed, "sites, but no tile"),
    ]
    verdicts += judge_alloc_plan(
        country,
        inputs.files("s4_alloc_plan", country),
        requirements,
        weights,
        inputs.policies["policy.s2.tile_weights"].dp,
        inputs.files("tile_index", country),
        lineage=inputs.tokens("s4_alloc_plan", country),
    )
    return {"s4_alloc_plan": verdicts}


def _present(code: str, passed: bool, otherwise: str) -> Verdict:
    return Verdict(code, passed, "" if passed else otherwise)
