"""Judges s5_site_tile_assignment and its events (contract §4, S5, and section 5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.contracts.identity import Identity
from segment1b_assets.contracts.schemas import TABLES
from segment1b_assets.core.cell_runs import CellRuns
from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.storage.upstream import tile_runs
from segment1b_assets.validation import philox_replay as replay
from segment1b_assets.validation.columns import (
    Arrays,
    Columns,
    first_difference,
    row_text,
    starts_of,
    whole_runs,
)
from segment1b_assets.validation.findings import Findings
from segment1b_assets.validation.form import judge_form
from segment1b_assets.validation.rng_evidence import ASSIGN, FamilyLog
from segment1b_assets.validation.site_keys import KeyOrder, Parity, judge_tiles
from segment1b_assets.validation.verdict import Verdict

RULES: Final = (
    "E502_PK_DUPLICATE_SITE", "E503_TILE_QUOTA_MISMATCH", "E504_SUM_TO_N_MISMATCH",
    "E505_TILE_NOT_IN_INDEX", "E506_SCHEMA_INVALID", "E507_RNG_EVENT_MISMATCH", "E509_UNSORTED",
)  # fmt: skip
_ROW: Final = ("merchant_id", "site_order", "tile_id")
_PLAN: Final = ("merchant_id", "tile_id", "n_sites_tile")
_NEED: Final = ("merchant_id", "n_sites")


def judge_assignment(
    country: str,
    files: Sequence[Path],
    *,
    identity: Identity,
    ts_utc: str,
    tokens: Mapping[str, str],
    plan_files: Sequence[Path],
    requirement_files: Sequence[Path],
    tiles: CellRuns,
    events: Path,
    trace: Path,
) -> list[Verdict]:
    """Judge one country's assignment.

    Quotas are counted back from the sites; the hand-out is judged by what it must bring about
    (no site of a tile draws above a site of the next tile), not by sorting as the state does;
    every uniform is drawn again from the event's own counter by other arithmetic.

    Args:
        tokens: the path's tokens, which the files repeat.
        tiles: the cells of the published tile_index.
        ts_utc: the S0 receipt's verified_at_utc.
        events, trace: the country's two site_tile_assign logs.

    Returns:
        A verdict for each of `RULES`.

    Raises:
        Segment1BError: the plan or the requirements cannot be read.
    """
    code = "E506_SCHEMA_INVALID"
    table = TABLES["s5_site_tile_assignment"]
    found = Findings(RULES)
    form = judge_form(country, files, table, tokens, schema=code, lineage=code)
    if found.stopped_by(form, RULES):
        return found.verdicts({})
    sites = _judge_rows(found, files, plan_files, requirement_files, tiles)
    log = FamilyLog(ASSIGN, country, identity, ts_utc, events, trace)
    with log.faults_under("E507_RNG_EVENT_MISMATCH", found):
        _judge_events(found, log, Columns(files, _ROW), identity, country)
    return found.verdicts({"sites": sites, "rng_events": log.evidence.events_total})


def _judge_rows(
    found: Findings,
    files: Sequence[Path],
    plan_files: Sequence[Path],
    requirement_files: Sequence[Path],
    tiles: CellRuns,
) -> int:
    order = KeyOrder(found, duplicate="E502_PK_DUPLICATE_SITE", unsorted="E509_UNSORTED")
    plan = Parity(found, "E503_TILE_QUOTA_MISMATCH", "the plan", Columns(plan_files, _PLAN), _PLAN)
    required = Columns(requirement_files, _NEED)
    need = Parity(found, "E504_SUM_TO_N_MISMATCH", "the requirements", required, _NEED)
    sites = 0
    for block in whole_runs(Columns(files, _ROW).blocks(), ("merchant_id",)):
        sites += block["merchant_id"].size
        order.judge(block)
        judge_tiles(found, "E505_TILE_NOT_IN_INDEX", block, tiles)
        starts = starts_of(block, ("merchant_id",))
        ends = np.append(starts[1:], block["merchant_id"].size)
        need.judge({"merchant_id": block["merchant_id"][starts], "n_sites": ends - starts})
        _judge_numbers(found, block, np.repeat(starts, ends - starts))
        plan.judge(_quotas(block, np.repeat(np.arange(starts.size), ends - starts)))
    plan.close()
    need.close()
    return sites


def _judge_numbers(found: Findings, block: Arrays, start: NDArray[np.intp]) -> None:
    """Sites of a pair are numbered 1..n."""
    wanted = np.arange(start.size) - start + 1
    wrong = block["site_order"] != wanted
    found.add_rows("E504_SUM_TO_N_MISMATCH", wrong, block, _ROW, "is numbered out of 1..n")


def _quotas(block: Arrays, pair: NDArray[np.intp]) -> Arrays:
    """Sites counted by pair and tile, in that order."""
    by_tile = np.lexsort((block["tile_id"], pair))
    merchant, tile = block["merchant_id"][by_tile], block["tile_id"][by_tile]
    runs = starts_of({"pair": pair[by_tile], "tile": tile}, ("pair", "tile"))
    return {
        "merchant_id": merchant[runs],
        "tile_id": tile[runs],
        "n_sites_tile": np.diff(np.append(runs, tile.size)),
    }


def _judge_events(
    found: Findings, log: FamilyLog, rows: Columns, identity: Identity, country: str
) -> None:
    code = "E507_RNG_EVENT_MISMATCH"
    for block in whole_runs(log.blocks(), ("merchant_id",)):
        wanted = rows.take(block["merchant_id"].size)
        at = first_difference(block, wanted, _ROW)
        if at is not None:
            found.add(
                code,
                f"the event of {row_text(block, _ROW, at)} is found where the table has "
                f"{row_text(wanted, _ROW, at)}",
            )
            return
        starts = starts_of(block, ("merchant_id",))
        pair = np.repeat(
            np.arange(starts.size), np.diff(np.append(starts, block["merchant_id"].size))
        )
        for what, wrong in (
            ("counter is not its site's", replay.counters_off(block, starts, pair)),
            ("u is not what its counter draws", _draws_off(block, starts, pair)),
            ("u is above one of the next tile", _above_next_tile(block, pair)),
        ):
            found.add_rows(code, wrong, block, _ROW, f": the event's {what}")
        for i in starts:
            hi, lo = replay.pair_start(identity, country, int(block["merchant_id"][i]))
            logged = block["rng_counter_before_hi"][i], block["rng_counter_before_lo"][i]
            if logged != (hi, lo):
                found.add(code, f"the substream of {row_text(block, _ROW, int(i))} is not its own")
    left = rows.take(1)
    if left["merchant_id"].size:
        found.add(code, f"there is no event of {row_text(left, _ROW, 0)}")


def _draws_off(
    block: Arrays, starts: NDArray[np.intp], pair: NDArray[np.intp]
) -> NDArray[np.bool_]:
    key = replay.key_of(block["rng_counter_before_lo"][starts])[pair]
    first, _ = replay.words(block["rng_counter_before_hi"], block["rng_counter_before_lo"], key)
    off: NDArray[np.bool_] = replay.uniform_of(first) != block["u"]
    return off


def _above_next_tile(block: Arrays, pair: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Sites that draw (u, site_order) above a site of their pair's next tile."""
    tile, u, number = block["tile_id"], block["u"], block["site_order"]
    by_tile = np.lexsort((tile, pair))
    runs = starts_of({"pair": pair[by_tile], "tile": tile[by_tile]}, ("pair", "tile"))
    lowest = np.minimum.reduceat(u[by_tile], runs)
    run_of = np.repeat(np.arange(runs.size), np.diff(np.append(runs, u.size)))
    same_pair = np.append(pair[by_tile][runs[1:]] == pair[by_tile][runs[:-1]], False)
    ceiling = np.where(same_pair, np.append(lowest[1:], np.inf), np.inf)[run_of]
    has_next = same_pair[run_of]
    above = u[by_tile] > ceiling
    # Equal uniforms go by site_order: next to never, so each is looked at by itself.
    for i in np.flatnonzero(has_next & (u[by_tile] == ceiling)):
        rivals = by_tile[(run_of == run_of[i] + 1) & (u[by_tile] == ceiling[i])]
        above[i] = number[by_tile[i]] > number[rivals].min()
    wrong = np.zeros(u.size, bool)
    wrong[by_tile[above]] = True
    return wrong


def judge(inputs: RunInputs, country: str) -> list[Verdict]:
    """Judge s5_site_tile_assignment."""
    return judge_assignment(
        country,
        inputs.files("s5_site_tile_assignment", country),
        identity=inputs.identity,
        ts_utc=inputs.receipt.verified_at_utc,
        tokens=inputs.lineage("s5_site_tile_assignment", country),
        plan_files=inputs.files("s4_alloc_plan", country),
        requirement_files=inputs.files("s3_requirements", country),
        tiles=tile_runs(inputs, country, "E505_TILE_NOT_IN_INDEX"),
        events=inputs.ensure_local("rng_events_site_tile_assign", country),
        trace=inputs.ensure_local("rng_trace_site_tile_assign", country),
    )
