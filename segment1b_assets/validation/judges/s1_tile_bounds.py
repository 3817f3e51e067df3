"""Judges tile_bounds (contract §4, S1) against the affine and against tile_index."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.core.cell_runs import CellRuns, NotAscendingError
from segment1b_assets.core.grid import Grid
from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.validation.columns import Columns
from segment1b_assets.validation.findings import Findings
from segment1b_assets.validation.grid_cells import cell_lines
from segment1b_assets.validation.hygiene import judge_lineage
from segment1b_assets.validation.tile_heads import Heads, Lines, SeenRuns, judge_places
from segment1b_assets.validation.tile_rows import Block, read_blocks
from segment1b_assets.validation.verdict import Verdict

CODES: Final = ("E003_DUP_TILE", "E004_BOUNDS", "E008_INCLUSION_RULE")


def judge_tile_bounds(
    country: str, files: Sequence[Path], index_files: Sequence[Path], grid: Grid
) -> list[Verdict]:
    """Judge one country's tile_bounds in one pass over its files.

    Args:
        country: ISO code.
        files: of the partition.
        index_files: of the country's tile_index, whose tiles must be these.
        grid: of the raster.

    Returns:
        Verdicts of E003 (ids strictly ascending), E004 (every value is the affine's, bit for bit)
        and E008 (the tiles are tile_index's and the country is the partition's).

    Raises:
        Segment1BError: E_INPUT_MISSING or E_INPUT_SCHEMA if the files cannot be read as this table.
    """
    findings = Findings(CODES)
    rows = _Rows(grid, findings)
    labels = {"country_iso": (country, "E008_INCLUSION_RULE")}
    blocks = read_blocks("tile_bounds", files, labels, findings)
    for block in blocks:
        rows.judge(block)
    _judge_universe(rows.runs.all(), index_files, grid, findings)
    return findings.verdicts({"rows": rows.seen})


def _judge_universe(
    runs: CellRuns | None, index_files: Sequence[Path], grid: Grid, findings: Findings
) -> None:
    def ids() -> Iterator[NDArray[np.uint64]]:
        for block in Columns(index_files, ["tile_id"]).blocks():
            yield block["tile_id"]

    if runs is None:
        findings.not_judged("tile ids are out of order or off the grid", ["E008_INCLUSION_RULE"])
        return
    try:
        index = CellRuns.from_sorted_tile_ids(ids(), grid.ncols)
    except (Segment1BError, NotAscendingError, OverflowError) as err:
        findings.add("E008_INCLUSION_RULE", f"tile_index cannot be compared: {err}")
        return
    for faulty, said in (
        (runs.subtract(index), "is not in tile_index"),
        (index.subtract(runs), "is in tile_index only"),
    ):
        if faulty.count:
            findings.add("E008_INCLUSION_RULE", f"tile_id {faulty.starts[0]} {said}", faulty.count)


class _Rows:
    """Judges rows by themselves: the four edges and the centre of the cell that the id names."""

    def __init__(self, grid: Grid, findings: Findings) -> None:
        lines = cell_lines(grid)
        self._grid, self._findings, self.seen = grid, findings, 0
        self._by_row = [
            Lines("min_lat_deg", lines.south),
            Lines("max_lat_deg", lines.north),
            Lines("centroid_lat_deg", lines.middle_lat),
        ]
        self._west = Lines("min_lon_deg", lines.west)
        self._east = Lines("max_lon_deg", lines.east)
        self._middle = Lines("centroid_lon_deg", lines.middle_lon)
        self.runs = SeenRuns(grid, findings)

    def judge(self, block: Block) -> None:
        self.seen += block["tile_id"].size
        heads = Heads(block["tile_id"], self._grid.ncols)
        self.runs.add(block, heads)
        judge_places(block, heads, (self._grid.nrows, self._grid.ncols), self._findings)
        for column in self._by_row:
            column.judge_by_row(block, heads, self._findings)
        cols = heads.cols()
        self._west.judge_by_col(block, cols, self._findings)
        self._middle.judge_by_col(block, cols, self._findings)
        # A cell's eastern edge is the next one's western edge, in the contract's very form.
        self._east.judge_like_next(block, heads, "min_lon_deg", self._findings)


RULES: Final = (*CODES, "E_INPUT_SCHEMA")


def judge(inputs: RunInputs, country: str) -> list[Verdict]:
    """Judge tile_bounds."""
    files = inputs.files("tile_bounds", country)
    index = inputs.files("tile_index", country)
    verdicts = judge_tile_bounds(country, files, index, inputs.grid)
    tokens = inputs.lineage("tile_bounds", country)
    return [*verdicts, judge_lineage(country, files, tokens, "E_INPUT_SCHEMA")]
