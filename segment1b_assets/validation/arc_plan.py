"""Judges a plan of population_arc_v1 and its events (contract §4, S4, and section 5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from segment1b_assets.contracts.identity import Identity
from segment1b_assets.core.arc_draw import SITES_LIMIT, ReachStep
from segment1b_assets.validation.arc_replay import ReplayedArcs, replay_arcs, sites_in
from segment1b_assets.validation.columns import Arrays, Columns, first_difference, row_text
from segment1b_assets.validation.curve_intervals import CurveIntervals, Ids, curve_intervals
from segment1b_assets.validation.findings import Findings
from segment1b_assets.validation.plan_rows import (
    CODES,
    COLUMNS,
    SeenRows,
    judge_plan,
    judge_tiles,
    judge_weights,
    pair_of,
)
from segment1b_assets.validation.rng_evidence import PLAN, FamilyLog
from segment1b_assets.validation.verdict import Verdict

ARC_CODES: Final = (*CODES, "E415_RNG_EVENT_MISMATCH")
_EVENT: Final = ("merchant_id", "n_sites")


def judge_arc_plan(
    country: str,
    files: Sequence[Path],
    requirement_files: Sequence[Path],
    weights_files: Sequence[Path],
    dp: int,
    tile_index_files: Sequence[Path] | None = None,
    *,
    lineage: Mapping[str, str] | None = None,
    identity: Identity,
    ts_utc: str,
    reach: Sequence[ReachStep],
    raster: tuple[int, int],
    events: Path,
    trace: Path,
) -> list[Verdict]:
    """Judge every row, pair and event of one country's plan, in two passes over it.

    Every pair is drawn again from its tokens. Every row's tile has an interval on cumulative
    weight, and the sites of the pair in it are counted (E411); that all of a pair are there
    follows from their sum (E404). Memory follows the rows and pairs, not the tiles.

    Args:
        country: ISO code.
        files, requirement_files, weights_files: of the plan, s3_requirements and tile_weights.
        dp: decimal places of the weights.
        tile_index_files: where E413 looks tiles up, beside the weights' own tiles.
        lineage: metadata that the files must carry.
        identity, ts_utc: the run's tokens; the S0 receipt's verified_at_utc.
        reach: the policy's entries; raster: its rows and columns.
        events, trace: the country's two site_tile_plan logs.

    Returns:
        Verdicts of `ARC_CODES`. A rule that could not be judged has ``judged=False``.
    """

    def by_law(findings: Findings, required: Arrays, seen: SeenRows) -> dict[str, int]:
        merchants, n_sites = (required[name] for name in _EVENT)
        arcs = replay_arcs(identity, country, merchants, n_sites, reach, dp)
        log = FamilyLog(PLAN, country, identity, ts_utc, events, trace)
        _judge_events(findings, log, required, arcs)
        if n_sites.size:
            inside = seen.tile_id < np.uint64(raster[0] * raster[1])
            judge_tiles(findings, seen.tile_id, inside, "the raster")
            cells = seen.tile_id[inside]
            intervals = curve_intervals(weights_files, cells, *raster)
            judge_tiles(findings, cells, intervals.found, "tile_weights")
            if _judge_weights(findings, intervals, dp):
                _judge_counts(findings, files, required, arcs, cells, intervals, dp)
        return {"rng_events": log.evidence.events_total}

    return judge_plan(
        country, files, requirement_files, by_law,
        codes=ARC_CODES, limit=SITES_LIMIT, tile_index_files=tile_index_files, lineage=lineage,
    )  # fmt: skip


def _judge_weights(findings: Findings, intervals: CurveIntervals, dp: int) -> bool:
    """Whether the weights are lawful, without which there are no intervals."""
    judge_weights(findings, intervals.total, intervals.negative, dp)
    if intervals.outside:
        said = "a tile of tile_weights is no cell of the raster"
        findings.add("E414_WEIGHT_TAMPER", said, intervals.outside)
    lawful = intervals.total == 10**dp and not (intervals.negative or intervals.outside)
    if not lawful:
        findings.not_judged("E414_WEIGHT_TAMPER stopped it", ["E411_TIE_RULE_VIOLATION"])
    return lawful


def _judge_events(findings: Findings, log: FamilyLog, required: Arrays, arcs: ReplayedArcs) -> None:
    """One event a pair, in their order, with the counter, home and reach of the pair's draw."""
    code = "E415_RNG_EVENT_MISMATCH"
    done = 0
    with log.faults_under(code, findings):
        for block in log.blocks():
            part = slice(done, done + block["merchant_id"].size)
            wanted = {name: required[name][part] for name in _EVENT}
            at = first_difference(block, wanted, _EVENT)
            if at is not None:
                said = f"the event of {row_text(block, _EVENT, at)} stands where "
                findings.add(code, f"{said}{row_text(wanted, _EVENT, at)} belongs")
                return
            hi = block["rng_counter_before_hi"] != arcs.counter_hi[part]
            lo = block["rng_counter_before_lo"] != arcs.counter_lo[part]
            home = block["home"] != arcs.home[part].astype(np.uint64)
            length = block["reach"] != arcs.length[part].astype(np.uint64)
            findings.add_rows(code, hi | lo, block, _EVENT, "has another substream's counter")
            findings.add_rows(code, home, block, _EVENT, "has not the home that it draws")
            findings.add_rows(code, length, block, _EVENT, "has not the reach that it draws")
            done = part.stop
        if done < required["merchant_id"].size:
            findings.add(code, f"there is no event of {row_text(required, _EVENT, done)}")


def _judge_counts(
    findings: Findings,
    files: Sequence[Path],
    required: Arrays,
    arcs: ReplayedArcs,
    cells: Ids,
    intervals: CurveIntervals,
    dp: int,
) -> None:
    """Every row has the sites of its pair that stand in its tile's interval (E411)."""
    if cells.size == 0:
        return
    for block in Columns(files, COLUMNS).blocks():
        pair, known = pair_of(required["merchant_id"], block["merchant_id"])
        at, there = pair_of(cells, block["tile_id"])
        judged = np.flatnonzero(known & there)
        pair, at = pair[judged], at[judged]
        wanted = sites_in(
            intervals.before[at], intervals.upto[at],
            arcs.home[pair], arcs.length[pair], required["n_sites"][pair], dp,
        )  # fmt: skip
        rows = {name: block[name][judged] for name in COLUMNS}
        wrong = rows["n_sites_tile"] != wanted
        what = "has not the sites that its part of the arc has"
        findings.add_rows(
            "E411_TIE_RULE_VIOLATION", wrong, rows, COLUMNS[:2], what, rows["n_sites_tile"]
        )
