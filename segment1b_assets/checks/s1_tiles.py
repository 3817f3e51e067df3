"""S1's rules and what they are judged on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from segment1b_assets.checks.inputs import judge_input, unknown_codes_as_errors
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.storage.reports import read_report
from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.validation.envelope import judge_envelope
from segment1b_assets.validation.hygiene import judge_lineage
from segment1b_assets.validation.tile_bounds import judge_tile_bounds
from segment1b_assets.validation.tile_index import judge_tile_index
from segment1b_assets.validation.verdict import Verdict

RULES = {
    "tile_index": (
        "E001_GEO_INVALID",
        "E002_RASTER_MISMATCH",
        "E003_DUP_TILE",
        "E004_BOUNDS",
        "E005_ISO_FK",
        "E006_AREA_NONPOS",
        "E007_CRS_MISMATCH",
        "E008_INCLUSION_RULE",
        "E009_PERF_BUDGET",
    ),
    "tile_bounds": ("E003_DUP_TILE", "E004_BOUNDS", "E008_INCLUSION_RULE"),
}


def judge(inputs: RunInputs, country: str) -> Mapping[str, Sequence[Verdict]]:
    rule = inputs.policies["policy.s1.tile_index"].inclusion_rule
    verdicts = judge_input(("E002_RASTER_MISMATCH",), lambda: inputs.grid)
    verdicts += judge_input(
        ("E001_GEO_INVALID", "E007_CRS_MISMATCH"), lambda: inputs.polygon(country)
    )
    polygon = inputs.polygon(country)
    index = inputs.files("tile_index", country)
    bounds = inputs.files("tile_bounds", country)
    verdicts += _told(lambda: judge_tile_index(country, index, inputs.grid, polygon, rule))
    verdicts += _lineage(inputs, country, "tile_index")
    verdicts.append(judge_envelope("E009_PERF_BUDGET", read_report(inputs, "S1", country)))
    return {
        "tile_index": verdicts,
        "tile_bounds": [
            *_told(lambda: judge_tile_bounds(country, bounds, index, inputs.grid)),
            *_lineage(inputs, country, "tile_bounds"),
        ],
    }


def _told(judge_table: Callable[[], Sequence[Verdict]]) -> Sequence[Verdict]:
    """A table that cannot be judged is its own fault: the other may be made without it."""
    try:
        return judge_table()
    except Segment1BError as err:
        return [Verdict(err.code, False, err.detail, {"file": err.file or ""})]


def _lineage(inputs: RunInputs, country: str, dataset: str) -> list[Verdict]:
    """S1 has no rule of its own for what a file says of its path; one that is gone says nothing."""
    files = inputs.files(dataset, country)
    if not files:
        return []
    return [judge_lineage(country, files, inputs.tokens(dataset, country), "E_INPUT_SCHEMA")]


def unknown_code_errors(inputs: RunInputs) -> dict[str, Segment1BError]:
    """Codes of the polygon table that are on no ISO list."""
    found = dict.fromkeys(inputs.shapes.unknown_codes, "a polygon")
    return unknown_codes_as_errors("E005_ISO_FK", found, inputs.shapes.file)
