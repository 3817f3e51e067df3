"""S2's rules and what they are judged on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.storage.raster_values import RasterValues
from segment1b_assets.storage.reports import read_report
from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.storage.upstream import row_areas_of
from segment1b_assets.validation.envelope import judge_envelope, judge_receipt
from segment1b_assets.validation.tile_weights import judge_tile_weights
from segment1b_assets.validation.verdict import Verdict

RULES = {
    "tile_weights": (
        "E101_TILE_INDEX_MISSING",
        "E102_FK_MISMATCH",
        "E104_ZERO_MASS",
        "E105_NORMALIZATION",
        "E106_MONOTONICITY",
        "E107_DETERMINISM",
        "E108_WRITER_HYGIENE",
        "E109_PERF_BUDGET",
    )
}


def masses(inputs: RunInputs, country: str) -> RasterValues | NDArray[np.float64] | None:
    """Where the policy's basis takes the country's masses from."""
    basis = inputs.policies["policy.s2.tile_weights"].basis
    if basis == "population":
        return RasterValues(inputs.ensure_local("population_raster_2025"))
    return row_areas_of(inputs, country) if basis == "area_m2" else None


def judge(inputs: RunInputs, country: str) -> Mapping[str, Sequence[Verdict]]:
    policy = inputs.policies["policy.s2.tile_weights"]
    files = inputs.files("tile_weights", country)
    index = inputs.files("tile_index", country)
    report = read_report(inputs, "S2", country)
    found = Verdict("E101_TILE_INDEX_MISSING", bool(index), "" if index else "no tile_index")
    receipt = judge_receipt(
        "E107_DETERMINISM", inputs.path("tile_weights", country), files, "tile_weights", report
    )
    verdicts = [found, receipt, judge_envelope("E109_PERF_BUDGET", report)]
    raster = None
    if policy.basis == "population":
        raster = RasterValues(inputs.ensure_local("population_raster_2025"))
    verdicts += judge_tile_weights(
        country,
        files,
        index,
        policy.dp,
        policy.basis,
        raster,
        lineage=inputs.tokens("tile_weights", country),
        told_fallback=(report or {}).get("zero_mass_fallback"),
    )
    return {"tile_weights": verdicts}
