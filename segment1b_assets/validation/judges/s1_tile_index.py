"""Judges tile_index (contract §4, S1) by another way than it was made.

Ids are compared in order, coordinates with the affine in plain Python floats, areas with a
numerical integral, and the set of cells with a scan along the meridians.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.core.cell_runs import CellRuns
from segment1b_assets.core.grid import Grid
from segment1b_assets.core.polygon import CountryPolygon
from segment1b_assets.storage.reports import read_report
from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.validation.cell_sets import first_differences
from segment1b_assets.validation.envelope import judge_envelope
from segment1b_assets.validation.findings import Findings
from segment1b_assets.validation.grid_cells import cell_lines
from segment1b_assets.validation.hygiene import judge_lineage
from segment1b_assets.validation.judges.input_rules import judge_input
from segment1b_assets.validation.meridian_scan import cells_by_column
from segment1b_assets.validation.tile_heads import Heads, Lines, SeenRuns, judge_places
from segment1b_assets.validation.tile_rows import Block, read_blocks
from segment1b_assets.validation.verdict import Verdict

CODES: Final = (
    "E003_DUP_TILE",
    "E004_BOUNDS",
    "E005_ISO_FK",
    "E006_AREA_NONPOS",
    "E008_INCLUSION_RULE",
)
_AREA_TOLERANCE: Final = 1e-9


def judge_tile_index(
    country: str,
    files: Sequence[Path],
    grid: Grid,
    polygon: CountryPolygon | None,
    rule: str,
) -> list[Verdict]:
    """Judge one country's tile_index in one pass over its files.

    A single value changed, a tile added, left out, repeated or moved fails a rule.

    Args:
        country: ISO code.
        files: of the partition.
        grid: of the raster.
        polygon: the country's, or None if it has none (then there must be no tile).
        rule: the policy's inclusion rule.

    Returns:
        Verdicts of E003, E004, E005, E006 and E008.

    Raises:
        Segment1BError: E_INPUT_MISSING or E_INPUT_SCHEMA if the files cannot be read as this table.
    """
    findings = Findings(CODES)
    rows = _Rows(grid, findings)
    labels = {
        "country_iso": (country, "E005_ISO_FK"),
        "inclusion_rule": (rule, "E008_INCLUSION_RULE"),
    }
    blocks = read_blocks("tile_index", files, labels, findings)
    for block in blocks:
        rows.judge(block)
    _judge_cells(rows.runs.all(), grid, polygon, rule, findings)
    return findings.verdicts({"rows": rows.seen})


def _judge_cells(
    runs: CellRuns | None, grid: Grid, polygon: CountryPolygon | None, rule: str, findings: Findings
) -> None:
    if runs is None:
        findings.not_judged("tile ids are out of order or off the grid", ["E008_INCLUSION_RULE"])
        return
    wanted = iter(()) if polygon is None else cells_by_column(polygon, grid, rule)
    columns, told = first_differences(runs, wanted, grid)
    if columns:
        findings.add(
            "E008_INCLUSION_RULE", f"{'; '.join(told)} ({columns} raster columns differ)", columns
        )


class _Rows:
    """Judges rows by themselves: the place on the grid, the centroid, the area."""

    def __init__(self, grid: Grid, findings: Findings) -> None:
        lines = cell_lines(grid)
        self._grid, self._findings, self.seen = grid, findings, 0
        self._lat = Lines("centroid_lat", lines.middle_lat)
        self._lon = Lines("centroid_lon", lines.middle_lon)
        self._areas = _integrated_areas(grid)
        self._last: tuple[int, int] | None = None
        self.runs = SeenRuns(grid, findings)

    def judge(self, block: Block) -> None:
        self.seen += block["tile_id"].size
        heads = Heads(block["tile_id"], self._grid.ncols)
        self.runs.add(block, heads)
        judge_places(block, heads, (self._grid.nrows, self._grid.ncols), self._findings)
        self._lat.judge_by_row(block, heads, self._findings)
        self._lon.judge_by_col(block, block["raster_col"].view(np.int64), self._findings)
        self._judge_area(block, heads)

    def _judge_area(self, block: Block, heads: Heads) -> None:
        """The area is the row's, within the tolerance; and the same, to the bit, along the row."""
        area = block["pixel_area_m2"]
        bits, first = area.view(np.int64), area[heads.at]
        wanted = self._areas.take(heads.row, mode="clip")
        if not (np.abs(first - wanted) <= _AREA_TOLERANCE * wanted).all():
            off = ~(np.abs(first - wanted) <= _AREA_TOLERANCE * wanted)
            run = int(np.argmax(off))
            self._findings.add(
                "E006_AREA_NONPOS",
                f"tile_id {block['tile_id'][heads.at[run]]} has pixel_area_m2 "
                f"{float(first[run])!r}, not {float(wanted[run])!r}",
                int(heads.length[off].sum()),
            )
        same = bits[1:] == bits[:-1]
        within = heads.broken_within(same)
        # A row may have several runs, and go on from one block to the next.
        row = np.concatenate(([-1 if self._last is None else self._last[0]], heads.row))
        head = np.concatenate(([0 if self._last is None else self._last[1]], bits[heads.at]))
        between = (row[1:] == row[:-1]) & (head[1:] != head[:-1])
        if within or between.any():
            torn = ~(same | heads.here[1:])
            at = int(np.argmax(torn)) + 1 if within else int(heads.at[np.argmax(between)])
            self._findings.add(
                "E006_AREA_NONPOS",
                f"tile_id {block['tile_id'][at]} has pixel_area_m2 {float(area[at])!r}, "
                "another than the tile before it in its row",
            )
        self._last = (int(heads.row[-1]), int(bits[-1]))


@lru_cache(maxsize=2)
def _integrated_areas(grid: Grid) -> NDArray[np.float64]:
    """Area of a cell of each row, by Gauss-Legendre quadrature of the ellipsoid's surface element.

    The element is M(lat) N(lat) cos(lat) dlat dlon with the radii of curvature M and N. A row of
    more than a degree is cut into slices, so that 12 nodes leave an error below 1e-12.
    """
    a, f = 6378137.0, 1 / 298.257223563
    e2 = f * (2 - f)
    lines = cell_lines(grid)
    north, south = np.clip(lines.north, -90, 90), np.clip(lines.south, -90, 90)
    nodes, weights = np.polynomial.legendre.leggauss(12)
    slices = max(1, int(np.ceil(-grid.e)))
    total = np.zeros(grid.nrows)
    for i in range(slices):
        low = south + (north - south) * (i / slices)
        half = (north - south) / slices / 2
        for node, weight in zip(nodes, weights, strict=True):
            lat = np.radians(low + half * (1 + node))
            sin2 = np.sin(lat) ** 2
            total += weight * half * np.cos(lat) * a * a * (1 - e2) / (1 - e2 * sin2) ** 2
    area: NDArray[np.float64] = total * np.radians(1.0) * np.radians(grid.a)
    return area


RULES: Final = (
    "E001_GEO_INVALID", "E002_RASTER_MISMATCH", "E003_DUP_TILE", "E004_BOUNDS", "E005_ISO_FK",
    "E006_AREA_NONPOS", "E007_CRS_MISMATCH", "E008_INCLUSION_RULE", "E009_PERF_BUDGET",
    "E_INPUT_SCHEMA",
)  # fmt: skip


def judge(inputs: RunInputs, country: str) -> list[Verdict]:
    """Judge tile_index and the inputs that it is made from."""
    rule = inputs.policies["policy.s1.tile_index"].inclusion_rule
    files = inputs.files("tile_index", country)
    verdicts = judge_input(("E002_RASTER_MISMATCH",), lambda: inputs.grid)
    verdicts += judge_input(
        ("E001_GEO_INVALID", "E007_CRS_MISMATCH"), lambda: inputs.polygon(country)
    )
    verdicts.append(judge_envelope("E009_PERF_BUDGET", read_report(inputs, "S1", country)))
    if files:
        tokens = inputs.lineage("tile_index", country)
        verdicts.append(judge_lineage(country, files, tokens, "E_INPUT_SCHEMA"))
    try:
        polygon = inputs.polygon(country)
        verdicts += judge_tile_index(country, files, inputs.grid, polygon, rule)
    except Segment1BError as err:
        verdicts.append(Verdict.of_error(err))
    return verdicts
