"""Judges site_locations, the product (contract §4, S8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from segment1b_assets.contracts.schemas import TABLES
from segment1b_assets.core.grid import Grid
from segment1b_assets.storage.catalogue import Outlets
from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.validation.columns import Arrays, Columns
from segment1b_assets.validation.findings import Findings
from segment1b_assets.validation.form import judge_form
from segment1b_assets.validation.grid_cells import CellLines, cell_lines
from segment1b_assets.validation.site_keys import KEY, Coverage, KeyOrder, Parity
from segment1b_assets.validation.verdict import Verdict

RULES: Final = tuple(f"A80{n}" for n in range(1, 8))
_ROW: Final = (*KEY, "lon_deg", "lat_deg")


def judge_site_locations(
    country: str,
    files: Sequence[Path],
    *,
    tokens: Mapping[str, str],
    synthesis_files: Sequence[Path],
    outlets: Outlets | None,
    grid: Grid,
) -> list[Verdict]:
    """Judge one country's product.

    Args:
        tokens: what the files' metadata must say: the path's tokens and the parameter_hash.
        outlets: the country's rows of the outlet catalogue less what the policy denies.

    Returns:
        A verdict for each of `RULES`.

    Raises:
        Segment1BError: S7 cannot be read.
    """
    table = TABLES["site_locations"]
    found = Findings(RULES)
    form = judge_form(country, files, table, tokens, schema="A802", lineage="A803")
    if found.stopped_by(form[:1], RULES):
        return found.verdicts({})
    found.stopped_by(form[1:], ())
    order = KeyOrder(found, duplicate="A801", unsorted="A804")
    parity = Parity(found, "A801", "S7", Columns(synthesis_files, KEY), KEY)
    covered = Coverage(found, "A806", outlets)
    synthesis = Columns(synthesis_files, (*_ROW, "tile_id"))
    lines = cell_lines(grid)
    sites = 0
    for block in Columns(files, _ROW).blocks():
        n = block["merchant_id"].size
        sites += n
        order.judge(block)
        parity.judge(block)
        covered.judge(block)
        _judge_places(found, block, synthesis.take(n), lines)
    for side in (parity, covered):
        side.close()
    return found.verdicts({"sites": sites})


def _judge_places(found: Findings, block: Arrays, whole: Arrays, lines: CellLines) -> None:
    """Coordinates are S7's, bit for bit, and lie in the cell of S7's tile."""
    n = whole["merchant_id"].size  # fewer where S7 lacks rows, which `Parity` reports
    block = {name: column[:n] for name, column in block.items()}
    in_step = np.ones(n, bool)
    for name in KEY:
        in_step &= block[name] == whole[name]
    changed = np.zeros(n, bool)
    for name in ("lon_deg", "lat_deg"):
        changed |= block[name].view(np.uint64) != whole[name].view(np.uint64)
    row, col = lines.rows_and_cols(whole["tile_id"])
    lon, lat = block["lon_deg"], block["lat_deg"]
    held = (lines.west[col] <= lon) & (lon <= lines.east[col])
    held &= (lines.south[row] <= lat) & (lat <= lines.north[row])
    for code, wrong, what in (
        ("A805", in_step & changed, "differs from S7"),
        ("A807", in_step & ~held, "is outside its tile"),
    ):
        found.add_rows(code, wrong, block, _ROW, what)


def judge(inputs: RunInputs, country: str) -> list[Verdict]:
    """Judge site_locations."""
    tokens = inputs.lineage("site_locations", country)
    return judge_site_locations(
        country,
        inputs.files("site_locations", country),
        tokens=tokens | {"parameter_hash": inputs.parameter_hash},
        synthesis_files=inputs.files("s7_site_synthesis", country),
        outlets=inputs.outlets(country),
        grid=inputs.grid,
    )
