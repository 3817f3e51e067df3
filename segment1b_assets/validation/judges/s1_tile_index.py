"""Judges tile_index (contract §4, S1) by another way than it was made.

Coordinates are compared with the affine in plain Python floats, areas with a numerical integral,
and the set of cells with the one that GEOS and rationals give.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.core.cell_runs import CellRuns
from segment1b_assets.core.grid import Grid
from segment1b_assets.core.polygon import CountryPolygon
from segment1b_assets.storage.reports import read_report
from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.validation.columns import Arrays
from segment1b_assets.validation.country_cells import country_cells
from segment1b_assets.validation.envelope import judge_envelope
from segment1b_assets.validation.findings import Findings
from segment1b_assets.validation.form import judge_lineage
from segment1b_assets.validation.grid_cells import cell_lines
from segment1b_assets.validation.judges.input_rules import judge_input
from segment1b_assets.validation.tile_rows import judge_tiles
from segment1b_assets.validation.verdict import Verdict

RULES: Final = (
    "E001_GEO_INVALID", "E002_RASTER_MISMATCH", "E003_DUP_TILE", "E004_BOUNDS", "E005_ISO_FK",
    "E006_AREA_NONPOS", "E007_CRS_MISMATCH", "E008_INCLUSION_RULE", "E009_PERF_BUDGET",
    "E_INPUT_SCHEMA",
)  # fmt: skip
_OF_ROWS: Final = (
    "E003_DUP_TILE", "E004_BOUNDS", "E005_ISO_FK", "E006_AREA_NONPOS", "E008_INCLUSION_RULE"
)  # fmt: skip
_AREA_TOLERANCE: Final = 1e-9


def judge(inputs: RunInputs, country: str) -> list[Verdict]:
    """Judge tile_index and the inputs that it is made from."""
    rule = inputs.policies["policy.s1.tile_index"].inclusion_rule
    files = inputs.files("tile_index", country)
    verdicts = judge_input(("E002_RASTER_MISMATCH",), lambda: inputs.grid)
    verdicts += judge_input(
        ("E001_GEO_INVALID", "E007_CRS_MISMATCH"), lambda: inputs.polygon(country)
    )
    verdicts.append(judge_envelope("E009_PERF_BUDGET", read_report(inputs, "S1", country)))
    lineage = inputs.lineage("tile_index", country)
    verdicts.append(judge_lineage(country, files, lineage, "E_INPUT_SCHEMA"))
    try:
        polygon = inputs.polygon(country)
        verdicts += judge_tile_index(country, files, inputs.grid, polygon, rule)
    except Segment1BError as err:
        verdicts.append(Verdict.of_error(err))
    return verdicts


def judge_tile_index(
    country: str,
    files: Sequence[Path],
    grid: Grid,
    polygon: CountryPolygon | None,
    rule: Literal["center", "any_overlap"],
) -> list[Verdict]:
    """Judge every row of one country's tile_index in one pass.

    A single value changed, a tile added, left out, repeated or moved fails a rule.

    Args:
        polygon: the country's, or None if it has none (then there must be no tile).
        rule: the policy's inclusion rule.

    Returns:
        Verdicts of E003, E004, E005, E006 and E008.

    Raises:
        Segment1BError: E_INPUT_MISSING or E_INPUT_SCHEMA if the files are not this table's.
    """
    findings = Findings(_OF_ROWS)
    lines, areas = cell_lines(grid), _Areas(grid, findings)
    constants = {
        "country_iso": (country, "E005_ISO_FK"),
        "inclusion_rule": (rule, "E008_INCLUSION_RULE"),
    }
    cells = judge_tiles(
        "tile_index",
        files,
        constants,
        {
            "raster_row": ("row", np.arange(grid.nrows, dtype=np.uint64)),
            "raster_col": ("col", np.arange(grid.ncols, dtype=np.uint64)),
            "centroid_lat": ("row", lines.middle_lat),
            "centroid_lon": ("col", lines.middle_lon),
        },
        grid,
        findings,
        areas.judge,
    )
    wanted = CellRuns.empty(grid.ncols)
    if polygon is not None and cells is not None:
        wanted = country_cells(polygon, grid, rule)
    findings.add_differences(
        "E008_INCLUSION_RULE", cells, wanted, "does not belong to the country", "belongs to it"
    )
    return findings.verdicts({"rows": areas.rows})


class _Areas:
    """Judges that an area is its row's, within the tolerance, and the same all along the row."""

    def __init__(self, grid: Grid, findings: Findings) -> None:
        self._wanted, self._findings = _integrated_areas(grid), findings
        #: The bits of the first area of each raster row; 0 before there is one.
        self._first = np.zeros(grid.nrows, np.int64)
        self._one_is_off = False
        self.rows = 0

    def judge(self, block: Arrays, row: NDArray[np.intp]) -> None:
        self.rows += row.size
        area = block["pixel_area_m2"]
        bits = area.view(np.int64)
        starts = np.flatnonzero(np.append(True, row[1:] != row[:-1]))
        starts = starts[self._first[row[starts]] == 0]
        self._first[row[starts]] = bits[starts]
        # Where all areas of a raster row have the same bits, one of them speaks for all.
        self._one_is_off |= bool(self._off(area[starts], row[starts]).any())
        unlike = bits != self._first.take(row)
        if self._one_is_off or unlike.any():
            self._add(block, unlike, self._off(area, row))

    def _off(self, area: NDArray[np.float64], row: NDArray[np.intp]) -> NDArray[np.bool_]:
        wanted = self._wanted[row]
        # Written so that a NaN is off.
        off: NDArray[np.bool_] = ~(np.abs(area - wanted) <= _AREA_TOLERANCE * wanted)
        return off

    def _add(self, block: Arrays, unlike: NDArray[np.bool_], off: NDArray[np.bool_]) -> None:
        area, names = block["pixel_area_m2"], ["tile_id", "pixel_area_m2"]
        self._findings.add_rows("E006_AREA_NONPOS", off, block, names, "is not the cell's", area)
        self._findings.add_rows(
            "E006_AREA_NONPOS", unlike & ~off, block, names, "is another than before in its row",
            area,
        )  # fmt: skip


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
