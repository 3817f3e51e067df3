"""Judges the in_cell_jitter events against the rows that they led to (contract S6, section 5)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.contracts.identity import Identity
from segment1b_assets.validation import philox_replay as replay
from segment1b_assets.validation.cell_box import JudgedBoxes
from segment1b_assets.validation.columns import (
    Arrays,
    Columns,
    first_difference,
    row_text,
    starts_of,
    whole_runs,
)
from segment1b_assets.validation.country_points import CountryPoints, strictly_inside
from segment1b_assets.validation.findings import Findings
from segment1b_assets.validation.grid_cells import CellLines
from segment1b_assets.validation.rng_evidence import FamilyLog
from segment1b_assets.validation.site_keys import KEY


@dataclass
class JitterReplay:
    """Draws every attempt again; E609_RNG_EVENT_COUNT, E610_RNG_BUDGET_OR_COUNTERS and, where the
    state should have given a site up, E613_RESAMPLE_EXHAUSTED.

    Attributes:
        found: where faults go.
        points: the country's points, or None where it has no polygon.
        boxes: what uniform_v2 draws in; None where points are drawn in the cells.
        seen: sites judged so far, which decides whose digest is hashed again.
    """

    found: Findings
    country: str
    identity: Identity
    lines: CellLines
    points: CountryPoints | None
    max_attempts: int
    boxes: JudgedBoxes | None = None
    seen: int = 0

    def judge(self, log: FamilyLog, rows: Columns) -> None:
        """Read the log against the rows of s6_site_jitter.

        Raises:
            LogFormError: a line of the events is not of the form.
        """
        for block in whole_runs(log.blocks(), KEY):
            starts = starts_of(block, KEY)
            first = {name: block[name][starts] for name in KEY}
            wanted = rows.take(starts.size)
            at = first_difference(first, wanted, KEY)
            if at is not None:
                self.found.add(
                    "E609_RNG_EVENT_COUNT",
                    f"an event of {row_text(first, KEY, at)} is found where the table has "
                    f"{row_text(wanted, KEY, at)}",
                )
                return
            self._judge_block(block, starts, wanted)
        left = rows.take(1)
        if left["merchant_id"].size:
            self.found.add("E609_RNG_EVENT_COUNT", f"there is no event of {row_text(left, KEY, 0)}")

    def _judge_block(self, block: Arrays, starts: NDArray[np.intp], rows: Arrays) -> None:
        counts = np.diff(np.append(starts, block["merchant_id"].size))
        site = np.repeat(np.arange(starts.size), counts)
        number = np.arange(site.size) - starts[site]
        last = starts + counts - 1
        code = "E610_RNG_BUDGET_OR_COUNTERS"
        self._note(code, block, replay.counters_off(block, starts, site), "its counter is off")
        delta_lon, delta_lat = self._deltas(block, starts, site, rows["tile_id"][site])
        for name, drawn in (("delta_lon_deg", delta_lon), ("delta_lat_deg", delta_lat)):
            wrong = _bits(block[name]) != _bits(drawn)
            self._note(code, block, wrong, f"{name} is not what its counter draws")
            unlike = np.zeros(site.size, bool)
            unlike[last] = _bits(block[name][last]) != _bits(rows[name])
            self._note(code, block, unlike, f"the last event's {name} is not the table's")
        self._note(
            "E613_RESAMPLE_EXHAUSTED", block, number >= self.max_attempts,
            f"it is an attempt past the {self.max_attempts} that a site may have",
        )  # fmt: skip
        passed_over = np.ones(site.size, bool)
        passed_over[last] = False
        self._judge_passed_over(block, passed_over, rows["tile_id"][site])
        self._judge_starts(block, starts)

    def _note(self, code: str, block: Arrays, wrong: NDArray[np.bool_], what: str) -> None:
        self.found.add_rows(code, wrong, block, KEY, f": the event is off: {what}")

    def _deltas(
        self,
        block: Arrays,
        starts: NDArray[np.intp],
        site: NDArray[np.intp],
        tile: NDArray[np.uint64],
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        key = replay.key_of(block["rng_counter_before_lo"][starts])[site]
        first, second = replay.words(
            block["rng_counter_before_hi"], block["rng_counter_before_lo"], key
        )
        row, col = self.lines.rows_and_cols(tile)
        west, east = self.lines.west[col], self.lines.east[col]
        south, north = self.lines.south[row], self.lines.north[row]
        if self.boxes is not None:
            box = self.boxes.bounds(tile)
            west, east, south, north = box.min_lon, box.max_lon, box.min_lat, box.max_lat
        lon = west + replay.uniform_of(first) * (east - west)
        lat = south + replay.uniform_of(second) * (north - south)
        return lon - self.lines.middle_lon[col], lat - self.lines.middle_lat[row]

    def _judge_passed_over(
        self, block: Arrays, passed_over: NDArray[np.bool_], tile: NDArray[np.uint64]
    ) -> None:
        """No attempt before the last one may have been in its cell and in the country."""
        which = np.flatnonzero(passed_over)
        row, col = self.lines.rows_and_cols(tile[which])
        lon = self.lines.middle_lon[col] + block["delta_lon_deg"][which]
        lat = self.lines.middle_lat[row] + block["delta_lat_deg"][which]
        good = (self.lines.west[col] <= lon) & (lon <= self.lines.east[col])
        good &= (self.lines.south[row] <= lat) & (lat <= self.lines.north[row])
        good &= strictly_inside(self.points, lon, lat)
        wrong = np.zeros(passed_over.size, bool)
        wrong[which[good]] = True
        self._note("E609_RNG_EVENT_COUNT", block, wrong, "a good attempt was passed over")

    def _judge_starts(self, block: Arrays, starts: NDArray[np.intp]) -> None:
        offset = -self.seen % replay.SAMPLE
        for i in starts[offset :: replay.SAMPLE]:
            hi, lo = replay.site_start(
                self.identity,
                self.country,
                int(block["merchant_id"][i]),
                int(block["site_order"][i]),
            )
            logged = block["rng_counter_before_hi"][i], block["rng_counter_before_lo"][i]
            if logged != (hi, lo):
                self.found.add(
                    "E610_RNG_BUDGET_OR_COUNTERS",
                    f"the substream of {row_text(block, KEY, int(i))} is not its own",
                )
        self.seen += starts.size


def _bits(values: NDArray[np.float64]) -> NDArray[np.uint64]:
    return np.ascontiguousarray(values).view(np.uint64)
