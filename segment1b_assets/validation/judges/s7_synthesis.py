"""Judges s7_site_synthesis (contract §4, S7)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.schemas import TABLES
from segment1b_assets.core.cell_runs import CellRuns
from segment1b_assets.core.grid import Grid
from segment1b_assets.storage.catalogue import Outlets
from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.storage.upstream import tile_runs
from segment1b_assets.validation.columns import Arrays, Columns, row_text
from segment1b_assets.validation.findings import Findings
from segment1b_assets.validation.form import judge_form
from segment1b_assets.validation.grid_cells import CellLines, cell_lines
from segment1b_assets.validation.site_keys import KEY, Coverage, KeyOrder, Parity, judge_tiles
from segment1b_assets.validation.verdict import Verdict

RULES: Final = tuple(f"A70{n}" for n in range(1, 8))
_SITE: Final = (*KEY, "tile_id")
_ROW: Final = (*_SITE, "lon_deg", "lat_deg")
_DELTAS: Final = (*_SITE, "delta_lon_deg", "delta_lat_deg")


def judge_synthesis(
    country: str,
    files: Sequence[Path],
    *,
    tokens: Mapping[str, str],
    assignment_files: Sequence[Path],
    jitter_files: Sequence[Path],
    outlets: Outlets | None,
    bounds: CellRuns,
    grid: Grid,
) -> list[Verdict]:
    """Judge one country's coordinates.

    Each coordinate is held against the exact sum of centroid and delta, of which it must be the
    nearest binary64.

    Args:
        tokens: the path's tokens, which the files repeat.
        outlets: the country's rows of the outlet catalogue less what the policy denies.
        bounds: the cells of the published tile_bounds.

    Returns:
        A verdict for each of `RULES`.

    Raises:
        Segment1BError: S5 or S6 cannot be read.
    """
    table = TABLES["s7_site_synthesis"]
    found = Findings(RULES)
    form = judge_form(country, files, table, tokens, schema="A702", lineage="A703")
    if found.stopped_by(form[:1], RULES):
        return found.verdicts({})
    found.stopped_by(form[1:], ())
    order = KeyOrder(found, duplicate="A701", unsorted="A704")
    assigned = Parity(found, "A701", "S5", Columns(assignment_files, _SITE), _SITE)
    jittered = Parity(found, "A701", "S6", Columns(jitter_files, _SITE), _SITE)
    covered = Coverage(found, "A706", outlets)
    deltas = Columns(jitter_files, _DELTAS)
    lines = cell_lines(grid)
    sites = 0
    for block in Columns(files, _ROW).blocks():
        n = block["merchant_id"].size
        sites += n
        order.judge(block)
        assigned.judge(block)
        jittered.judge(block)
        covered.judge(block)
        judge_tiles(found, "A707", block, bounds)
        _judge_sums(found, block, deltas.take(n), lines)
    for side in (assigned, jittered, covered):
        side.close()
    return found.verdicts({"sites": sites})


def _judge_sums(found: Findings, block: Arrays, deltas: Arrays, lines: CellLines) -> None:
    n = deltas["merchant_id"].size  # fewer where S6 lacks rows, which `Parity` reports
    block = {name: column[:n] for name, column in block.items()}
    # Out of step, the deltas are another row's: `Parity` reports that, too.
    in_step = np.ones(n, bool)
    for name in _SITE:
        in_step &= block[name] == deltas[name]
    row, col = lines.rows_and_cols(block["tile_id"])
    for name, delta, middle in (
        ("lon_deg", deltas["delta_lon_deg"], lines.middle_lon[col]),
        ("lat_deg", deltas["delta_lat_deg"], lines.middle_lat[row]),
    ):
        for i in np.flatnonzero(in_step & _doubtful(block[name], middle, delta)):
            exact = _rounded_sum(middle[i], delta[i])
            if exact != block[name][i]:
                where = row_text(block, (*_SITE, name), int(i))
                found.add(
                    "A705", f"{where}: centroid + delta is {exact!r}; others not looked at",
                    where=where, value=float(block[name][i]),
                )  # fmt: skip
                break


def _doubtful(
    found: NDArray[np.float64], middle: NDArray[np.float64], delta: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Rows whose coordinate the extended sum doesn't round to: wrong, or rounded twice."""
    total = middle.astype(np.longdouble) + delta.astype(np.longdouble)
    doubtful: NDArray[np.bool_] = total.astype(np.float64) != found
    return doubtful


def _rounded_sum(a: float, b: float) -> float:
    """The binary64 nearest to a + b, by way of the exact rational."""
    return float(Fraction(a) + Fraction(b)) if math.isfinite(b) else math.nan


def judge(inputs: RunInputs, country: str) -> list[Verdict]:
    """Judge s7_site_synthesis."""
    try:
        bounds = tile_runs(inputs, country, "E_INPUT_MISSING", "tile_bounds")
    except Segment1BError as err:
        if err.code != "E003_DUP_TILE":
            raise
        return [Verdict("A707", False, err.detail)]
    return judge_synthesis(
        country,
        inputs.files("s7_site_synthesis", country),
        tokens=inputs.lineage("s7_site_synthesis", country),
        assignment_files=inputs.files("s5_site_tile_assignment", country),
        jitter_files=inputs.files("s6_site_jitter", country),
        outlets=inputs.outlets(country),
        bounds=bounds,
        grid=inputs.grid,
    )
