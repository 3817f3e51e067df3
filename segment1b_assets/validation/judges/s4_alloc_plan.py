"""Judges s4_alloc_plan against the requirements and weights it was made from (contract S4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.schemas import TABLES
from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.storage.upstream import row_count
from segment1b_assets.validation.columns import Arrays, Columns, whole_runs
from segment1b_assets.validation.findings import Findings
from segment1b_assets.validation.form import judge_form
from segment1b_assets.validation.heaviest_first import HeaviestFirst, heaviest_first, mark_found
from segment1b_assets.validation.plan_remainders import PlanRows, wrong_pairs
from segment1b_assets.validation.verdict import Verdict

Ints = NDArray[np.int64]
Ids = NDArray[np.uint64]

CODES: Final = (
    "E404_ALLOCATION_MISMATCH",
    "E405_SCHEMA_INVALID",
    "E407_PK_DUPLICATE",
    "E408_UNSORTED",
    "E411_TIE_RULE_VIOLATION",
    "E412_ZERO_ROW_EMITTED",
    "E413_TILE_NOT_IN_INDEX",
    "E414_WEIGHT_TAMPER",
)
_COLUMNS: Final = ("merchant_id", "tile_id", "n_sites_tile")


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
        Verdicts of E404, E405, E407, E408, E411, E412, E413 and E414. A rule that cannot be judged
        because of what another one found fails too, and says so.
    """
    findings = Findings(CODES)
    code, table = "E405_SCHEMA_INVALID", TABLES["s4_alloc_plan"]
    form = judge_form(country, files, table, lineage or {}, schema=code, lineage=code, values=False)
    if findings.stopped_by(form if lineage is not None else form[:1], CODES):
        return findings.verdicts({})
    facts: dict[str, int] = {}
    try:
        required = Columns(requirement_files, ["merchant_id", "n_sites"]).take(1 << 62)
        seen = _judge_rows(findings, files, required)
        facts.update(rows=seen.rows, pairs=required["n_sites"].size)
        if facts["pairs"]:
            order = heaviest_first(weights_files, seen.most_rows + 1, seen.tile_id)
            _judge_weights(findings, order, dp)
            _judge_tiles(findings, seen.tile_id, order.found, "tile_weights")
            if tile_index_files is not None:
                indexed = np.zeros(seen.tile_id.size, np.bool_)
                for block in Columns(tile_index_files, ["tile_id"]).blocks():
                    mark_found(indexed, seen.tile_id, block["tile_id"])
                _judge_tiles(findings, seen.tile_id, indexed, "tile_index")
            _judge_plans(findings, files, required, seen, order, 10**dp)
    except Segment1BError as err:
        findings.stopped(err, CODES)
    return findings.verdicts(facts)


@dataclass(frozen=True)
class _Seen:
    """What the first pass finds: rows, the most rows of a pair, the distinct tiles, if in order."""

    rows: int
    most_rows: int
    tile_id: Ids
    in_order: bool


def _judge_rows(findings: Findings, files: Sequence[Path], required: Arrays) -> _Seen:
    merchants, n_sites = required["merchant_id"], required["n_sites"]
    sums, counts = np.zeros(merchants.size, np.int64), np.zeros(merchants.size, np.int64)
    tiles = np.empty(0, np.uint64)
    rows = unsorted = 0
    last: tuple[int, int] | None = None
    for block in Columns(files, _COLUMNS).blocks():
        merchant, tile, sites = (block[name] for name in _COLUMNS)
        zero = np.flatnonzero(sites < 1)
        if zero.size:
            said = f"{_row(merchant, tile, zero[0])} has {sites[zero[0]]} sites"
            findings.add("E412_ZERO_ROW_EMITTED", said, zero.size)
        last, fell = _judge_order(findings, merchant, tile, last)
        unsorted += fell
        pair, known = _pair_of(merchants, merchant)
        if not known.all():
            at = int(np.argmin(known))
            said = f"merchant {merchant[at]} has sites but requires none"
            findings.add("E404_ALLOCATION_MISMATCH", said, int(np.count_nonzero(~known)))
        np.add.at(sums, pair[known], sites[known])
        np.add.at(counts, pair[known], 1)
        tiles = np.union1d(tiles, tile)
        rows += merchant.size
    off = np.flatnonzero(sums != n_sites)
    if off.size:
        at = off[0]
        said = f"merchant {merchants[at]} requires {n_sites[at]} sites and has {sums[at]}"
        findings.add("E404_ALLOCATION_MISMATCH", said, off.size)
    if unsorted:
        _judge_key(findings, files)
    return _Seen(rows, int(counts.max(initial=0)), tiles, not unsorted)


def _judge_order(
    findings: Findings, merchant: Ids, tile: Ids, last: tuple[int, int] | None
) -> tuple[tuple[int, int], int]:
    """Judge that keys ascend; returns the last key and how many rows stand after a larger one."""
    if last is not None:
        merchant = np.concatenate([np.array([last[0]], np.uint64), merchant])
        tile = np.concatenate([np.array([last[1]], np.uint64), tile])
    same = merchant[1:] == merchant[:-1]
    twice = same & (tile[1:] == tile[:-1])
    if twice.any():
        at = int(np.argmax(twice))
        findings.add("E407_PK_DUPLICATE", f"{_row(merchant, tile, at)} repeats", int(twice.sum()))
    falls = (merchant[1:] < merchant[:-1]) | (same & (tile[1:] < tile[:-1]))
    if falls.any():
        at = int(np.argmax(falls)) + 1
        said = f"{_row(merchant, tile, at)} stands after {_row(merchant, tile, at - 1)}"
        findings.add("E408_UNSORTED", said, int(falls.sum()))
    return (int(merchant[-1]), int(tile[-1])), int(falls.sum())


def _judge_key(findings: Findings, files: Sequence[Path]) -> None:
    """Where rows are out of order, repeated keys need not be neighbours: sort them all."""
    whole = Columns(files, ["merchant_id", "tile_id"]).take(1 << 62)
    order = np.lexsort((whole["tile_id"], whole["merchant_id"]))
    merchant, tile = whole["merchant_id"][order], whole["tile_id"][order]
    twice = (merchant[1:] == merchant[:-1]) & (tile[1:] == tile[:-1])
    if twice.any():
        said = f"{_row(merchant, tile, int(np.argmax(twice)))} repeats"
        findings.add("E407_PK_DUPLICATE", said, int(twice.sum()))


def _judge_weights(findings: Findings, order: HeaviestFirst, dp: int) -> None:
    if order.negative:
        findings.add("E414_WEIGHT_TAMPER", "a weight is negative", order.negative)
    if order.total != 10**dp:
        findings.add("E414_WEIGHT_TAMPER", f"the weights sum to {order.total}, not to 10^{dp}")


def _judge_tiles(findings: Findings, tile_id: Ids, found: NDArray[np.bool_], universe: str) -> None:
    missing = tile_id[~found]
    if missing.size:
        said = f"tile_id {missing[0]} is not in {universe}"
        findings.add("E413_TILE_NOT_IN_INDEX", said, missing.size)


def _judge_plans(
    findings: Findings,
    files: Sequence[Path],
    required: Arrays,
    seen: _Seen,
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
    for block in whole_runs(Columns(files, _COLUMNS).blocks(), ["merchant_id"]):
        pair, known = _pair_of(required["merchant_id"], block["merchant_id"])
        if known.any():
            pair = pair[known]
            yield PlanRows(
                pair, block["tile_id"][known], block["n_sites_tile"][known],
                required["n_sites"][pair],
            )  # fmt: skip


def _pair_of(merchants: Ids, merchant: Ids) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Index of each merchant among ascending `merchants`, and whether it is there."""
    if merchants.size == 0:
        return np.zeros(merchant.size, np.intp), np.zeros(merchant.size, np.bool_)
    at = np.minimum(np.searchsorted(merchants, merchant), merchants.size - 1)
    return at, merchants[at] == merchant


def _row(merchant: Ids, tile: Ids, at: int | np.intp) -> str:
    return f"merchant {merchant[at]} tile_id {tile[at]}"


RULES: Final = (
    "E401_NO_S3_REQUIREMENTS", "E402_MISSING_TILE_WEIGHTS", "E403_ZERO_TILE_UNIVERSE", *CODES
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
        *judge_alloc_plan(
            country,
            inputs.files("s4_alloc_plan", country),
            requirements,
            weights,
            inputs.policies["policy.s2.tile_weights"].dp,
            inputs.files("tile_index", country),
            lineage=inputs.lineage("s4_alloc_plan", country),
        ),
    ]


def _present(code: str, passed: bool, otherwise: str) -> Verdict:
    return Verdict(code, passed, "" if passed else otherwise)
