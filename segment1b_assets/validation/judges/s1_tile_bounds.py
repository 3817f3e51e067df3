"""Judges tile_bounds (contract §4, S1) against the affine and against tile_index."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.core.cell_runs import NotAscendingError
from segment1b_assets.core.grid import Grid
from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.validation.findings import Findings
from segment1b_assets.validation.form import judge_lineage
from segment1b_assets.validation.grid_cells import cell_lines
from segment1b_assets.validation.tile_rows import judge_tiles, read_tiles
from segment1b_assets.validation.verdict import Verdict

_OF_ROWS: Final = ("E003_DUP_TILE", "E004_BOUNDS", "E008_INCLUSION_RULE")
RULES: Final = (*_OF_ROWS, "E_INPUT_SCHEMA")


def judge(inputs: RunInputs, country: str) -> list[Verdict]:
    """Judge tile_bounds."""
    files = inputs.files("tile_bounds", country)
    index = inputs.files("tile_index", country)
    lineage = inputs.lineage("tile_bounds", country)
    return [
        *judge_tile_bounds(country, files, index, inputs.grid),
        judge_lineage(country, files, lineage, "E_INPUT_SCHEMA"),
    ]


def judge_tile_bounds(
    country: str, files: Sequence[Path], index_files: Sequence[Path], grid: Grid
) -> list[Verdict]:
    """Judge every row of one country's tile_bounds in one pass.

    Args:
        index_files: of the country's tile_index, whose tiles must be these.

    Returns:
        Verdicts of E003 (ids strictly ascend), E004 (every value is the affine's, bit for bit) and
        E008 (the tiles are tile_index's and the country is the partition's).

    Raises:
        Segment1BError: E_INPUT_MISSING or E_INPUT_SCHEMA if the files are not this table's.
    """
    findings, lines = Findings(_OF_ROWS), cell_lines(grid)
    cells = judge_tiles(
        "tile_bounds",
        files,
        {"country_iso": (country, "E008_INCLUSION_RULE")},
        {
            "min_lat_deg": ("row", lines.south),
            "max_lat_deg": ("row", lines.north),
            "min_lon_deg": ("col", lines.west),
            "max_lon_deg": ("col", lines.east),
            "centroid_lat_deg": ("row", lines.middle_lat),
            "centroid_lon_deg": ("col", lines.middle_lon),
        },
        grid,
        findings,
    )
    code = "E008_INCLUSION_RULE"
    try:
        index = read_tiles(index_files, grid.ncols)
    except (Segment1BError, NotAscendingError, OverflowError) as err:
        findings.add(code, f"tile_index cannot be compared: {err}")
    else:
        findings.add_differences(code, cells, index, "is not in tile_index", "is in tile_index")
    return findings.verdicts({"rows": 0 if cells is None else cells.count})
