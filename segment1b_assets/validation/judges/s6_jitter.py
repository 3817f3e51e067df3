"""Judges s6_site_jitter and its events (contract §4, S6, and section 5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from segment1b_assets.contracts.identity import Identity
from segment1b_assets.contracts.policies import JitterMode
from segment1b_assets.contracts.schemas import TABLES
from segment1b_assets.core.cell_runs import CellRuns
from segment1b_assets.core.grid import Grid
from segment1b_assets.core.polygon import CountryPolygon
from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.storage.upstream import tile_runs
from segment1b_assets.validation.cell_box import JudgedBoxes
from segment1b_assets.validation.columns import (
    Arrays,
    Columns,
    first_difference,
    row_text,
)
from segment1b_assets.validation.country_points import CountryPoints, inside
from segment1b_assets.validation.findings import Findings
from segment1b_assets.validation.form import judge_form
from segment1b_assets.validation.grid_cells import CellLines, cell_lines
from segment1b_assets.validation.jitter_replay import JitterReplay
from segment1b_assets.validation.rng_evidence import JITTER, FamilyLog
from segment1b_assets.validation.site_keys import KEY, KeyOrder, judge_tiles
from segment1b_assets.validation.verdict import Verdict

RULES: Final = (
    "E601_ROW_MISSING", "E602_ROW_EXTRA", "E603_DUP_KEY", "E605_SORT_VIOLATION",
    "E606_FK_TILE_INDEX", "E607_POINT_OUTSIDE_PIXEL", "E608_POINT_OUTSIDE_COUNTRY",
    "E609_RNG_EVENT_COUNT", "E610_RNG_BUDGET_OR_COUNTERS", "E613_RESAMPLE_EXHAUSTED",
    "E_INPUT_SCHEMA",
)  # fmt: skip
_SITE: Final = (*KEY, "tile_id")
_ROW: Final = (*_SITE, "delta_lat_deg", "delta_lon_deg")
_FORM: Final = "E_INPUT_SCHEMA"


def judge_jitter(
    country: str,
    files: Sequence[Path],
    *,
    identity: Identity,
    ts_utc: str,
    tokens: Mapping[str, str],
    assignment_files: Sequence[Path],
    tiles: CellRuns,
    grid: Grid,
    polygon: CountryPolygon | None,
    mode: JitterMode,
    max_attempts: int,
    events: Path,
    trace: Path,
) -> list[Verdict]:
    """Judge one country's jitter.

    Points are judged by GEOS and rationals, not by the state's own test; every attempt is drawn
    again from its event's counter by other arithmetic, in boxes that are judged themselves where
    the mode is uniform_v2, and no attempt that was passed over may
    have been good.

    Args:
        tokens: the path's tokens, which the files repeat.
        tiles: the cells of the published tile_index.
        polygon: the country; None where it has none, so that no site may lie in it.
        mode, max_attempts: the policy's.
        ts_utc: the S0 receipt's verified_at_utc.
        events, trace: the country's two in_cell_jitter logs.

    Returns:
        A verdict for each of `RULES`.

    Raises:
        Segment1BError: the assignment cannot be read.
    """
    table = TABLES["s6_site_jitter"]
    found = Findings(RULES)
    constants = {"manifest_fingerprint": identity.manifest_fingerprint}
    form = judge_form(
        country, files, table, tokens, schema=_FORM, lineage=_FORM, constants=constants
    )
    if found.stopped_by(form, RULES):
        return found.verdicts({})
    lines = cell_lines(grid)
    points = None if polygon is None else CountryPoints(polygon, grid)
    boxes = None
    if polygon is not None and points is not None and mode == "uniform_v2":
        boxes = JudgedBoxes(found, polygon, points, grid, files)
    sites = _judge_rows(found, files, assignment_files, tiles, lines, points)
    if sites and not events.exists():
        found.add("E609_RNG_EVENT_COUNT", f"{events.name} is not there: no site has an event")
    log = FamilyLog(JITTER, country, identity, ts_utc, events, trace)
    replayed = JitterReplay(found, country, identity, lines, points, max_attempts, boxes)
    with log.faults_under("E610_RNG_BUDGET_OR_COUNTERS", found):
        replayed.judge(log, Columns(files, _ROW))
    return found.verdicts({"sites": sites, "rng_events": log.evidence.events_total})


def _judge_rows(
    found: Findings,
    files: Sequence[Path],
    assignment_files: Sequence[Path],
    tiles: CellRuns,
    lines: CellLines,
    points: CountryPoints | None,
) -> int:
    order = KeyOrder(found, duplicate="E603_DUP_KEY", unsorted="E605_SORT_VIOLATION")
    assignment = Columns(assignment_files, _SITE)
    sites, in_step = 0, True
    for block in Columns(files, _ROW).blocks():
        sites += block["merchant_id"].size
        order.judge(block)
        judge_tiles(found, "E606_FK_TILE_INDEX", block, tiles)
        _judge_points(found, block, lines, points)
        if in_step:
            in_step = _judge_parity(found, block, assignment.take(block["merchant_id"].size))
    left = assignment.take(1)
    if in_step and left["merchant_id"].size:
        found.add("E601_ROW_MISSING", f"there is no row of {row_text(left, _SITE, 0)}")
    return sites


def _judge_parity(found: Findings, block: Arrays, wanted: Arrays) -> bool:
    """Hold rows against S5's in step; False from the first that differs on."""
    at = first_difference(block, wanted, _SITE)
    if at is None:
        return True
    n = wanted["merchant_id"].size
    have = tuple(int(block[name][at]) for name in _SITE)
    want = tuple(int(wanted[name][at]) for name in _SITE) if at < n else None
    detail = f"{row_text(block, _SITE, at)} is found where S5 has {row_text(wanted, _SITE, at)}"
    if want is not None and have > want:
        found.add("E601_ROW_MISSING", detail)
    else:
        found.add("E602_ROW_EXTRA", detail)
    return False


def _judge_points(
    found: Findings, block: Arrays, lines: CellLines, points: CountryPoints | None
) -> None:
    row, col = lines.rows_and_cols(block["tile_id"])
    lon = lines.middle_lon[col] + block["delta_lon_deg"]
    lat = lines.middle_lat[row] + block["delta_lat_deg"]
    # Written so that a NaN is outside.
    good = (lines.west[col] <= lon) & (lon <= lines.east[col])
    good &= (lines.south[row] <= lat) & (lat <= lines.north[row])
    outside = ~inside(points, lon, lat)
    for code, wrong in (
        ("E607_POINT_OUTSIDE_PIXEL", ~good),
        ("E608_POINT_OUTSIDE_COUNTRY", outside),
    ):
        if wrong.any():
            at = int(np.argmax(wrong))
            what = f"is put at {float(lon[at])!r} {float(lat[at])!r}"
            found.add_rows(code, wrong, block, _SITE, what, lon)


def judge(inputs: RunInputs, country: str) -> list[Verdict]:
    """Judge s6_site_jitter."""
    polygon, policy = inputs.polygon(country), inputs.policies["policy.s6.jitter"]
    return judge_jitter(
        country,
        inputs.files("s6_site_jitter", country),
        identity=inputs.identity,
        ts_utc=inputs.receipt.verified_at_utc,
        tokens=inputs.lineage("s6_site_jitter", country),
        assignment_files=inputs.files("s5_site_tile_assignment", country),
        tiles=tile_runs(inputs, country, "E606_FK_TILE_INDEX"),
        grid=inputs.grid,
        polygon=polygon,
        mode=policy.mode,
        max_attempts=policy.max_attempts,
        events=inputs.ensure_local("rng_events_in_cell_jitter", country),
        trace=inputs.ensure_local("rng_trace_in_cell_jitter", country),
    )
