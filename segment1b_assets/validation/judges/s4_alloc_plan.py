"""Judges s4_alloc_plan against the requirements and weights it was made from (contract S4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from segment1b_assets.contracts.states import STATES
from segment1b_assets.core.allocation import SITES_LIMIT
from segment1b_assets.core.arc_draw import reach_steps
from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.storage.upstream import row_count
from segment1b_assets.validation.arc_plan import judge_arc_plan
from segment1b_assets.validation.columns import Arrays, Columns, whole_runs
from segment1b_assets.validation.findings import Findings
from segment1b_assets.validation.heaviest_first import HeaviestFirst, heaviest_first
from segment1b_assets.validation.plan_remainders import PlanRows, wrong_pairs
from segment1b_assets.validation.plan_rows import (
    CODES,
    COLUMNS,
    SeenRows,
    judge_plan,
    judge_tiles,
    judge_weights,
    pair_of,
)
from segment1b_assets.validation.verdict import Verdict


def judge_alloc_plan(
    country: str,
    files: Sequence[Path],
    requirement_files: Sequence[Path],
    weights_files: Sequence[Path],
    dp: int,
    tile_index_files: Sequence[Path] | None = None,
    *,
    lineage: Mapping[str, str] | None = None,
) -> list[Verdict]:
    """Judge every row and every pair of one country's plan, in two passes over it.

    A pair is judged by the extremes of sites less quota, over all tiles, instead of by ranking
    remainders: any single value that is changed fails a rule. Memory follows the sites, not the
    tiles.

    Args:
        country: ISO code.
        files, requirement_files, weights_files: of the plan, s3_requirements and tile_weights.
        dp: decimal places of the weights.
        tile_index_files: where E413 looks tiles up, beside the weights' own tiles.
        lineage: metadata that the files must carry.

    Returns:
        Verdicts of `CODES`. A rule that cannot be judged because of what another one found fails
        too, and says so.
    """

    def by_law(findings: Findings, required: Arrays, seen: SeenRows) -> dict[str, int]:
        if required["n_sites"].size:
            order = heaviest_first(weights_files, seen.most_rows + 1, seen.tile_id)
            judge_weights(findings, order.total, order.negative, dp)
            judge_tiles(findings, seen.tile_id, order.found, "tile_weights")
            _judge_plans(findings, files, required, seen, order, 10**dp)
        return {}

    return judge_plan(
        country, files, requirement_files, by_law, codes=CODES, limit=SITES_LIMIT,
        tile_index_files=tile_index_files, lineage=lineage,
    )  # fmt: skip


def _judge_plans(
    findings: Findings,
    files: Sequence[Path],
    required: Arrays,
    seen: SeenRows,
    order: HeaviestFirst,
    scale: int,
) -> None:
    if not seen.in_order:
        findings.not_judged("the rows are not in order", ["E411_TIE_RULE_VIOLATION"])
        return
    if order.tile_id.size == 0:
        findings.not_judged("there are no weights", ["E411_TIE_RULE_VIOLATION"])
        return
    merchants = required["merchant_id"]
    for rows in _rows_of_pairs(files, required):
        wrong = wrong_pairs(rows, order, scale)
        if wrong.size:
            merchant, n = merchants[wrong[0]], required["n_sites"][wrong[0]]
            said = f"merchant {merchant} ({n} sites) has not the largest remainder's tiles"
            findings.add("E411_TIE_RULE_VIOLATION", said, wrong.size)


def _rows_of_pairs(files: Sequence[Path], required: Arrays) -> Iterator[PlanRows]:
    for block in whole_runs(Columns(files, COLUMNS).blocks(), ["merchant_id"]):
        pair, known = pair_of(required["merchant_id"], block["merchant_id"])
        if known.any():
            pair = pair[known]
            yield PlanRows(
                pair, block["tile_id"][known], block["n_sites_tile"][known],
                required["n_sites"][pair],
            )  # fmt: skip


RULES: Final = (
    "E401_NO_S3_REQUIREMENTS", "E402_MISSING_TILE_WEIGHTS", "E403_ZERO_TILE_UNIVERSE", *CODES,
    "E415_RNG_EVENT_MISMATCH",
)  # fmt: skip


def judge(inputs: RunInputs, country: str) -> list[Verdict]:
    """Judge s4_alloc_plan."""
    requirements = inputs.files("s3_requirements", country)
    weights = inputs.files("tile_weights", country)
    needed = row_count(inputs, "s3_requirements", country) > 0
    tiles = row_count(inputs, "tile_weights", country)
    return [
        _present("E401_NO_S3_REQUIREMENTS", bool(requirements), "no s3_requirements"),
        _present("E402_MISSING_TILE_WEIGHTS", bool(weights) or not needed, "no tile_weights"),
        _present("E403_ZERO_TILE_UNIVERSE", tiles > 0 or not needed, "sites, but no tile"),
        *_by_law(inputs, country),
    ]


def _by_law(inputs: RunInputs, country: str) -> list[Verdict]:
    policy = inputs.policies["policy.s4.alloc_plan"]
    common: dict[str, Any] = {
        "files": inputs.files("s4_alloc_plan", country),
        "requirement_files": inputs.files("s3_requirements", country),
        "weights_files": inputs.files("tile_weights", country),
        "dp": inputs.policies["policy.s2.tile_weights"].dp,
        "tile_index_files": inputs.files("tile_index", country),
        "lineage": inputs.lineage("s4_alloc_plan", country),
    }
    logs = [inputs.ensure_local(name, country) for name in STATES["S4"].logs]
    if not policy.enabled:
        drawn = any(log.exists() for log in logs)
        evidence = "the plain law draws nothing, but there are events or a trace"
        return [
            *judge_alloc_plan(country, **common),
            _present("E415_RNG_EVENT_MISMATCH", not drawn, evidence),
        ]
    return judge_arc_plan(
        country,
        **common,
        identity=inputs.identity,
        ts_utc=inputs.receipt.verified_at_utc,
        reach=reach_steps(policy),
        raster=(inputs.grid.nrows, inputs.grid.ncols),
        events=logs[0],
        trace=logs[1],
    )


def _present(code: str, passed: bool, otherwise: str) -> Verdict:
    return Verdict(code, passed, "" if passed else otherwise)
