"""What is judged of a plan under either law of S4: form, keys, order, sums, tiles, weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.schemas import TABLES
from segment1b_assets.validation.columns import Arrays, Columns
from segment1b_assets.validation.findings import Findings
from segment1b_assets.validation.form import judge_form
from segment1b_assets.validation.heaviest_first import mark_found
from segment1b_assets.validation.verdict import Verdict

Ids = NDArray[np.uint64]

#: Rules of either law.
CODES: Final = (
    "E404_ALLOCATION_MISMATCH", "E405_SCHEMA_INVALID", "E407_PK_DUPLICATE", "E408_UNSORTED",
    "E411_TIE_RULE_VIOLATION", "E412_ZERO_ROW_EMITTED", "E413_TILE_NOT_IN_INDEX",
    "E414_WEIGHT_TAMPER", "E416_NUMERIC_OVERFLOW",
)  # fmt: skip
COLUMNS: Final = ("merchant_id", "tile_id", "n_sites_tile")
#: Judges by one law: takes the findings, merchant_id and n_sites of the pairs, and the rows seen;
#: returns facts about what it judged.
JudgeByLaw = Callable[[Findings, Arrays, "SeenRows"], Mapping[str, Any]]


def judge_plan(
    country: str,
    files: Sequence[Path],
    requirement_files: Sequence[Path],
    by_law: JudgeByLaw,
    *,
    codes: Sequence[str],
    limit: int,
    tile_index_files: Sequence[Path] | None,
    lineage: Mapping[str, str] | None,
) -> list[Verdict]:
    """Judge form, rows and sizes of one country's plan, and then what its law asks.

    Args:
        files, requirement_files: of the plan and s3_requirements.
        codes: the law's rules.
        limit: sites that every pair has fewer of.
        tile_index_files: of tile_index; None where it is not judged.
        lineage: metadata that the files must carry; None where it is not judged.
    """
    findings = Findings(codes)
    code, table = "E405_SCHEMA_INVALID", TABLES["s4_alloc_plan"]
    form = judge_form(country, files, table, lineage or {}, schema=code, lineage=code, values=False)
    if findings.stopped_by(form if lineage is not None else form[:1], codes):
        return findings.verdicts({})
    facts: dict[str, Any] = {}
    try:
        required = Columns(requirement_files, ["merchant_id", "n_sites"]).take(1 << 62)
        seen = judge_rows(findings, files, required)
        facts.update(rows=seen.rows, pairs=required["n_sites"].size)
        if _judge_sizes(findings, required, limit, codes):
            # A country without pairs costs nothing, however many tiles it has.
            if facts["pairs"] and tile_index_files is not None:
                _judge_index(findings, seen.tile_id, tile_index_files)
            facts.update(by_law(findings, required, seen))
    except Segment1BError as err:
        findings.stopped(err, codes)
    return findings.verdicts(facts)


def _judge_sizes(findings: Findings, required: Arrays, limit: int, codes: Sequence[str]) -> bool:
    """Judge that every pair has fewer sites than the law can place (E416).

    Returns:
        Whether that is so; if not, the others of `codes` cannot be judged.
    """
    code, n_sites = "E416_NUMERIC_OVERFLOW", required["n_sites"]
    wrong = n_sites >= limit
    what = f"where fewer than 2^{limit.bit_length() - 1} can be placed"
    findings.add_rows(code, wrong, required, ("merchant_id", "n_sites"), what, n_sites)
    if wrong.any():
        findings.not_judged(f"{code} stopped it", [c for c in codes if c != code])
    return not wrong.any()


@dataclass(frozen=True)
class SeenRows:
    """What the first pass finds: rows, the most rows of a pair, the distinct tiles, if in order."""

    rows: int
    most_rows: int
    tile_id: Ids
    in_order: bool


def judge_rows(findings: Findings, files: Sequence[Path], required: Arrays) -> SeenRows:
    """Judge every row and every sum in one pass (E404, E407, E408, E412).

    Args:
        files: of the plan.
        required: merchant_id, ascending, and n_sites of the country's pairs.
    """
    merchants, n_sites = required["merchant_id"], required["n_sites"]
    sums, counts = np.zeros(merchants.size, np.int64), np.zeros(merchants.size, np.int64)
    tiles = np.empty(0, np.uint64)
    rows = unsorted = 0
    last: tuple[int, int] | None = None
    for block in Columns(files, COLUMNS).blocks():
        merchant, tile, sites = (block[name] for name in COLUMNS)
        zero = np.flatnonzero(sites < 1)
        if zero.size:
            said = f"{_row(merchant, tile, zero[0])} has {sites[zero[0]]} sites"
            findings.add("E412_ZERO_ROW_EMITTED", said, zero.size)
        last, fell = _judge_order(findings, merchant, tile, last)
        unsorted += fell
        pair, known = pair_of(merchants, merchant)
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
    return SeenRows(rows, int(counts.max(initial=0)), tiles, not unsorted)


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


def judge_weights(findings: Findings, total: int, negative: int, dp: int) -> None:
    """Judge the sum of a country's weights, of which some may be negative (E414)."""
    if negative:
        findings.add("E414_WEIGHT_TAMPER", "a weight is negative", negative)
    if total != 10**dp:
        findings.add("E414_WEIGHT_TAMPER", f"the weights sum to {total}, not to 10^{dp}")


def _judge_index(findings: Findings, tile_id: Ids, files: Sequence[Path]) -> None:
    """Judge that tiles (distinct, ascending) are among those of the tile_index `files` (E413)."""
    indexed = np.zeros(tile_id.size, np.bool_)
    for block in Columns(files, ["tile_id"]).blocks():
        mark_found(indexed, tile_id, block["tile_id"])
    judge_tiles(findings, tile_id, indexed, "tile_index")


def judge_tiles(findings: Findings, tile_id: Ids, found: NDArray[np.bool_], universe: str) -> None:
    """Judge that each tile was `found` in what `universe` names (E413)."""
    missing = tile_id[~found]
    if missing.size:
        said = f"tile_id {missing[0]} is not in {universe}"
        findings.add("E413_TILE_NOT_IN_INDEX", said, missing.size)


def pair_of(merchants: Ids, merchant: Ids) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Index of each merchant among ascending `merchants`, and whether it is there."""
    if merchants.size == 0:
        return np.zeros(merchant.size, np.intp), np.zeros(merchant.size, np.bool_)
    at = np.minimum(np.searchsorted(merchants, merchant), merchants.size - 1)
    return at, merchants[at] == merchant


def _row(merchant: Ids, tile: Ids, at: int | np.intp) -> str:
    return f"merchant {merchant[at]} tile_id {tile[at]}"
