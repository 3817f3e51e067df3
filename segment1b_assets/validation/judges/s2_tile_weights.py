"""Judges tile_weights against the tiles and masses it was made from (contract §4, S2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.schemas import TABLES
from segment1b_assets.core.cell_runs import CellRuns, NotAscendingError
from segment1b_assets.core.exact_sum import sum_of_weights
from segment1b_assets.storage.raster_values import RasterValues
from segment1b_assets.storage.reports import read_report
from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.validation.columns import Columns
from segment1b_assets.validation.envelope import judge_envelope, judge_receipt
from segment1b_assets.validation.exact_masses import (
    ExactMasses,
    RasterReader,
    area_masses,
    equal_masses,
    raster_masses,
)
from segment1b_assets.validation.findings import Findings
from segment1b_assets.validation.form import judge_form
from segment1b_assets.validation.tile_rows import read_tiles
from segment1b_assets.validation.verdict import Verdict
from segment1b_assets.validation.weight_remainders import ExtremeTile, LargestRemainderTest

Basis = Literal["uniform", "area_m2", "population"]

CODES: Final = (
    "E102_FK_MISMATCH",
    "E104_ZERO_MASS",
    "E105_NORMALIZATION",
    "E106_MONOTONICITY",
    "E108_WRITER_HYGIENE",
)
#: A single row that holds every tile id, where the raster's own rows are of no interest.
_ONE_ROW: Final = 1 << 62


def judge_tile_weights(
    country: str,
    files: Sequence[Path],
    tile_index_files: Sequence[Path],
    dp: int,
    basis: Basis,
    raster: RasterReader | None = None,
    *,
    lineage: Mapping[str, str] | None = None,
    reported_fallback: bool | None = None,
) -> list[Verdict]:
    """Judge one country's weights in two passes over the files and one over the raster.

    The masses are summed by error-free folds, and the weights are judged by the extremes of
    weight less quota instead of by ranking remainders. Any single value that is changed, and any
    two that are exchanged, fail a rule.

    Args:
        country: ISO code.
        files, tile_index_files: of the two partitions.
        dp, basis: of the policy.
        raster: for population, a reader of the raster that no other thread uses. The masses of
            area_m2 are the published pixel_area_m2 of the tiles.
        lineage: metadata that the files must carry.
        reported_fallback: zero_mass_fallback as the run report has it.

    Returns:
        Verdicts of E102, E104, E105, E106 and E108. A rule that another one's fault kept from being
        judged says so.
    """
    findings = Findings(CODES)
    code, table = "E108_WRITER_HYGIENE", TABLES["tile_weights"]
    form = judge_form(country, files, table, lineage or {}, schema=code, lineage=code,
                      constants={"basis": basis}, values=False)  # fmt: skip
    if findings.stopped_by(form if lineage is not None else form[:1], CODES):
        return findings.verdicts({})
    if basis != "population":
        ncols = _ONE_ROW
    elif raster is not None:
        ncols = raster.shape[1]
    else:
        raise ValueError("weights of basis population are judged with the raster")
    runs = _weighed_tiles(findings, files, tile_index_files, dp, ncols)
    masses = None
    if runs is None:
        findings.not_judged("E102_FK_MISMATCH stopped it", ["E104_ZERO_MASS", "E106_MONOTONICITY"])
    elif runs.count:
        masses = _masses(findings, runs, tile_index_files, basis, raster)
    zero_mass = masses is not None and masses.total == 0
    if runs is not None and zero_mass:
        masses = equal_masses(runs.count)
    totals = _judge_values(findings, files, runs, masses, dp, zero_mass)
    if reported_fallback is not None and masses is not None and reported_fallback != zero_mass:
        findings.add(
            "E104_ZERO_MASS", f"the run report says zero_mass_fallback={reported_fallback}"
        )
    return findings.verdicts({**totals, "zero_mass": zero_mass})


def _weighed_tiles(
    findings: Findings, files: Sequence[Path], index: Sequence[Path], dp: int, ncols: int
) -> CellRuns | None:
    """The tiles, if weights and index hold the same ones in order."""

    def ids_with_dp() -> Iterator[NDArray[np.uint64]]:
        for block in Columns(files, ["tile_id", "dp"]).blocks():
            findings.add_rows(
                "E108_WRITER_HYGIENE", block["dp"] != dp, block, ["tile_id", "dp"], f"is not {dp}",
                block["dp"],
            )  # fmt: skip
            yield block["tile_id"]

    try:
        weighed = CellRuns.from_sorted_tile_ids(ids_with_dp(), ncols)
    except (NotAscendingError, OverflowError) as err:
        findings.add("E108_WRITER_HYGIENE", str(err))
        findings.not_judged("E108_WRITER_HYGIENE stopped it", ["E102_FK_MISMATCH"])
        return None
    try:
        tiles = read_tiles(index, ncols)
    except (Segment1BError, NotAscendingError, OverflowError) as err:
        findings.add("E102_FK_MISMATCH", f"tile_index cannot be compared: {err}")
        return None
    if weighed == tiles:
        return weighed
    findings.add_differences(
        "E102_FK_MISMATCH", weighed, tiles, "has a weight and no tile", "is in tile_index"
    )
    return None


def _masses(
    findings: Findings,
    runs: CellRuns,
    index: Sequence[Path],
    basis: Basis,
    raster: RasterReader | None,
) -> ExactMasses | None:
    try:
        if basis == "uniform":
            masses = equal_masses(runs.count)
        elif basis == "area_m2":
            masses = area_masses(index)
        else:
            assert raster is not None
            masses = raster_masses(runs, raster)
    except Segment1BError as err:
        findings.stopped(err, ["E104_ZERO_MASS", "E106_MONOTONICITY"])
        return None
    if masses.fault:
        findings.add("E105_NORMALIZATION", masses.fault)
        findings.not_judged(
            "E105_NORMALIZATION stopped it", ["E104_ZERO_MASS", "E106_MONOTONICITY"]
        )
        return None
    return masses


def _judge_values(
    findings: Findings,
    files: Sequence[Path],
    runs: CellRuns | None,
    masses: ExactMasses | None,
    dp: int,
    zero_mass: bool,
) -> dict[str, Any]:
    """Judge the weights themselves in one pass; without masses, only their sum and sign."""
    scale = 10**dp
    window = None if masses is None else LargestRemainderTest(masses.total, scale)
    equal = None if runs is None or not runs.count else _EqualShares(runs.count, scale)
    total = rows = 0
    for mass, values in _weight_blocks(files, masses):
        total += sum_of_weights(values)
        below = int(np.count_nonzero(values < 0))
        if below:
            findings.add("E105_NORMALIZATION", f"a weight is {values.min()}", below)
        if window is not None and mass is not None:
            window.add(mass, values)
        if equal is not None:
            equal.add(values)
        rows += values.size
    if total != (scale if rows else 0):
        findings.add("E105_NORMALIZATION", f"the weights sum to {total}, not to 10^{dp}")
    if window is not None and runs is not None and equal is not None and not window.fits():
        words = _exchange(runs, *window.extremes())
        findings.add("E106_MONOTONICITY", words)
        if zero_mass:
            findings.add(
                "E104_ZERO_MASS", f"there is no mass, but the shares are not equal: {words}"
            )
        elif equal.kept:
            findings.add("E104_ZERO_MASS", "the shares are equal, but there is mass")
    return {"rows": rows, "weight_sum": total}


def _weight_blocks(
    files: Sequence[Path], masses: ExactMasses | None
) -> Iterator[tuple[NDArray[Any] | None, NDArray[np.int64]]]:
    weights = Columns(files, ["weight_fp"])
    if masses is None:
        for block in weights.blocks():
            yield None, block["weight_fp"]
    else:
        for mass in masses.blocks():
            yield mass, weights.take(mass.size)["weight_fp"]


class _EqualShares:
    """Whether weights are those of equal masses: K // N, and one more for the first K mod N."""

    def __init__(self, tiles: int, scale: int) -> None:
        self._share, self._more = divmod(scale, tiles)
        self._seen = 0
        self.kept = True

    def add(self, weights: NDArray[np.int64]) -> None:
        if self.kept:
            place = np.arange(self._seen, self._seen + weights.size)
            self.kept = bool((weights == self._share + (place < self._more)).all())
        self._seen += weights.size


def _exchange(runs: CellRuns, largest: ExtremeTile, smallest: ExtremeTile) -> str:
    return (
        f"{_described(runs, largest)} is too heavy beside {_described(runs, smallest)}: "
        "the largest remainder would have given its unit to the other"
    )


def _described(runs: CellRuns, tile: ExtremeTile) -> str:
    upto = np.cumsum(runs.lengths)
    run = int(np.searchsorted(upto, tile.position, side="right"))
    tile_id = int(runs.stops[run] - (upto[run] - tile.position))
    return (
        f"tile_id {tile_id} (mass {tile.mass!r}, weight {tile.weight}, "
        f"{float(tile.excess):+.6g} off its quota)"
    )


RULES: Final = (
    "E101_TILE_INDEX_MISSING", "E102_FK_MISMATCH", "E104_ZERO_MASS", "E105_NORMALIZATION",
    "E106_MONOTONICITY", "E107_DETERMINISM", "E108_WRITER_HYGIENE", "E109_PERF_BUDGET",
)  # fmt: skip


def judge(inputs: RunInputs, country: str) -> list[Verdict]:
    """Judge tile_weights."""
    policy = inputs.policies["policy.s2.tile_weights"]
    files = inputs.files("tile_weights", country)
    index = inputs.files("tile_index", country)
    report = read_report(inputs, "S2", country)
    folder = inputs.path("tile_weights", country)
    raster = None
    if policy.basis == "population":
        raster = RasterValues(inputs.ensure_local("population_raster_2025"))
    return [
        Verdict("E101_TILE_INDEX_MISSING", bool(index), "" if index else "no tile_index"),
        judge_receipt("E107_DETERMINISM", folder, files, "tile_weights", report),
        judge_envelope("E109_PERF_BUDGET", report),
        *judge_tile_weights(
            country, files, index, policy.dp, policy.basis, raster,
            lineage=inputs.lineage("tile_weights", country),
            reported_fallback=(report or {}).get("zero_mass_fallback"),
        ),
    ]  # fmt: skip
