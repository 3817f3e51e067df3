"""The RNG evidence of a country: its events, their trace, and what they sum to (section 5)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.contracts.identity import Identity
from segment1b_assets.contracts.policies import AllocPlanPolicy
from segment1b_assets.validation.columns import (
    Arrays,
    Columns,
    first_difference,
    row_text,
    starts_of,
    whole_runs,
)
from segment1b_assets.validation.findings import Findings
from segment1b_assets.validation.fixed_width_log import VARIES, LogBlock, LogFormError, read_lines

_BEFORE: Final = ("rng_counter_before_hi", "rng_counter_before_lo")
_AFTER: Final = ("rng_counter_after_hi", "rng_counter_after_lo")
_SITE: Final = ("merchant_id", "site_order")


#: How a family's own values are written, where they are no floats.
_READERS: Final = {
    "tile_id": LogBlock.uints,
    "n_sites": LogBlock.uints,
    "home": LogBlock.quoted_uints,
    "reach": LogBlock.quoted_uints,
}


@dataclass(frozen=True)
class Family:
    """A family's constants and its own keys, as the contract lists them."""

    label: str
    module: str
    draws: int
    own: dict[str, Any]
    one_event_a_key: bool
    keys: tuple[str, ...] = _SITE
    #: The dataset whose rows, by these keys, its events must cover.
    covers: str = "s7_site_synthesis"


PLAN: Final = Family(
    "site_tile_plan",
    "1B.S4.planner",
    2,
    {"n_sites": VARIES, "home": VARIES, "reach": VARIES},
    True,
    keys=("merchant_id",),
    covers="s3_requirements",
)
ASSIGN: Final = Family(
    "site_tile_assign", "1B.S5.assigner", 1, {"tile_id": VARIES, "u": VARIES}, True
)
JITTER: Final = Family(
    "in_cell_jitter",
    "1B.S6.jitter",
    2,
    {
        "sigma_lat_deg": 0.0,
        "sigma_lon_deg": 0.0,
        "delta_lat_deg": VARIES,
        "delta_lon_deg": VARIES,
    },
    False,
)


def families(policy: AllocPlanPolicy) -> dict[str, Family]:
    """Label -> family of every family that draws; S4's only where its policy is enabled."""
    drawn = (PLAN, ASSIGN, JITTER) if policy.enabled else (ASSIGN, JITTER)
    return {family.label: family for family in drawn}


@dataclass
class Evidence:
    """What a country's logs of one family amount to; sums over countries are S9's rng_accounting.

    Attributes:
        events_total, blocks_total, draws_total: counted from the events.
        envelope_failures: events whose after counter is not their before counter plus blocks.
        trace_reconciled: every trace row repeats its event's counters and the running totals.
        coverage_ok: the events' sites (or pairs) are the given ones, in order.
        faults: what is wrong, in words, the first of each kind.
    """

    events_total: int = 0
    blocks_total: int = 0
    draws_total: int = 0
    envelope_failures: int = 0
    trace_reconciled: bool = True
    coverage_ok: bool = True
    faults: list[str] = field(default_factory=list)

    def add_trace_fault(self, fault: str) -> None:
        if self.trace_reconciled:
            self.faults.append(fault)
        self.trace_reconciled = False

    def add_coverage_fault(self, fault: str) -> None:
        if self.coverage_ok:
            self.faults.append(fault)
        self.coverage_ok = False


class FamilyLog:
    """The events of one family in one country, read side by side with their trace.

    Args:
        events, trace: the two files.
    """

    def __init__(
        self,
        family: Family,
        country: str,
        identity: Identity,
        ts_utc: str,
        events: Path,
        trace: Path,
    ) -> None:
        self._family = family
        self._events, self._trace = events, trace
        run = {"ts_utc": ts_utc, "run_id": identity.run_id, "seed": identity.seed}
        tokens = {
            "parameter_hash": identity.parameter_hash,
            "manifest_fingerprint": identity.manifest_fingerprint,
        }
        label = {"module": family.module, "substream_label": family.label}
        counters = dict.fromkeys(_BEFORE + _AFTER, VARIES)
        self._event_keys = {
            **run, **tokens, **label, **counters, "blocks": 1, "draws": str(family.draws),
            "merchant_id": VARIES, "legal_country_iso": country,
            **dict.fromkeys(family.keys[1:], VARIES), **family.own,
        }  # fmt: skip
        totals = dict.fromkeys(("events_total", "blocks_total", "draws_total"), VARIES)
        self._trace_keys = {**run, **label, **counters, **totals}
        self.evidence = Evidence()

    @contextmanager
    def faults_under(self, code: str, found: Findings) -> Iterator[None]:
        """Note under a rule what is wrong with the log, once the block within has read it."""
        try:
            yield
        except LogFormError as fault:
            found.add(code, str(fault))
        finally:
            for said in self.evidence.faults:
                found.add(code, said)

    def blocks(self) -> Iterator[Arrays]:
        """The events' varying values, block by block; `evidence` is complete afterwards.

        Neither log exists where a country has no sites: then there are no blocks.

        Raises:
            LogFormError: a line of the events is not of the form. (A faulty trace is only noted.)
        """
        if not self._events.exists() and not self._trace.exists():
            return
        trace: Iterator[LogBlock] | None = read_lines(self._trace, self._trace_keys)
        for lines in read_lines(self._events, self._event_keys):
            block: Arrays = {key: lines.uints(key) for key in (*_BEFORE, *self._family.keys)}
            for key, value in self._family.own.items():
                if value is VARIES:
                    block[key] = _READERS.get(key, LogBlock.floats)(lines, key)
            self._check_envelope(lines, block)
            trace = self._compare(lines, trace)
            self._count(len(lines))
            yield block
        if trace is not None:
            self._end(trace)

    def _check_envelope(self, lines: LogBlock, block: Arrays) -> None:
        """Count the events whose counters do not advance by their one block."""
        hi, lo = (block[key] for key in _BEFORE)
        after_hi, after_lo = lines.uints_like(_AFTER[0], _BEFORE[0], hi), lines.uints(_AFTER[1])
        carried = lo == np.uint64(2**64 - 1)
        good = (after_lo == lo + np.uint64(1)) & (after_hi == hi + carried)
        if not good.all():
            line = lines.first + int(np.argmin(good))
            if not self.evidence.envelope_failures:
                self.evidence.faults.append(
                    f"{lines.name} line {line}: the counters do not advance by one block"
                )
            self.evidence.envelope_failures += int(np.count_nonzero(~good))

    def _compare(
        self, events: LogBlock, trace: Iterator[LogBlock] | None
    ) -> Iterator[LogBlock] | None:
        """Hold a block of events against its trace; None once the trace has failed."""
        if trace is None:
            return None
        try:
            rows = next(trace, None)
            if rows is None or len(rows) != len(events):
                missing = events.first + (0 if rows is None else len(rows))
                raise LogFormError(f"{self._trace.name} ends before line {missing}")
            good = _same_counters(rows, events)
            count = np.arange(events.first, events.first + len(rows), dtype=np.uint64)
            events_total = rows.uints("events_total")
            good &= events_total == count
            good &= rows.uints_like("blocks_total", "events_total", events_total) == count
            draws = rows.uints_like("draws_total", "events_total", events_total)
            good &= draws == count * np.uint64(self._family.draws)
            if not good.all():
                line = rows.first + int(np.argmin(good))
                raise LogFormError(f"{rows.name} line {line} is not the running sum of the events")
        except LogFormError as fault:
            self.evidence.add_trace_fault(str(fault))
            return None
        return trace

    def _end(self, trace: Iterator[LogBlock]) -> None:
        try:
            rows = next(trace, None)
            if rows is not None:
                raise LogFormError(f"{rows.name} line {rows.first} has no event")
        except LogFormError as fault:
            self.evidence.add_trace_fault(str(fault))

    def _count(self, events: int) -> None:
        self.evidence.events_total += events
        self.evidence.blocks_total += events
        self.evidence.draws_total += events * self._family.draws


def country_evidence(
    family: Family,
    country: str,
    identity: Identity,
    ts_utc: str,
    events: Path,
    trace: Path,
    site_files: Sequence[Path],
) -> Evidence:
    """Evidence of one family in one country, with coverage of what is in `site_files`.

    Args:
        events, trace: the country's logs; neither exists where the country has no sites.
        site_files: files of a table with the family's keys, in key order: any site table's, or
            of s3_requirements where an event is a pair's.

    Returns:
        The evidence; malformed lines, gaps and unknown sites are faults in it, never exceptions.

    Raises:
        Segment1BError: a site file cannot be read.
    """
    keys = family.keys
    sites = Columns(site_files, keys)
    log = FamilyLog(family, country, identity, ts_utc, events, trace)
    evidence = log.evidence
    try:
        for block in whole_runs(log.blocks(), keys):
            drawn = block
            if not family.one_event_a_key:
                runs = starts_of(block, keys)
                drawn = {key: block[key][runs] for key in keys}
            wanted = sites.take(drawn["merchant_id"].size)
            if evidence.coverage_ok:
                at = first_difference(drawn, wanted, keys)
                if at is not None:
                    evidence.add_coverage_fault(
                        f"{events.name}: the event of {row_text(drawn, keys, at)} is found where "
                        f"the table has {row_text(wanted, keys, at)}"
                    )
    except LogFormError as fault:
        evidence.add_coverage_fault(str(fault))
        evidence.add_trace_fault(str(fault))
    else:
        left = sites.take(1)
        if left["merchant_id"].size:
            evidence.add_coverage_fault(f"{events.name}: no event of {row_text(left, keys, 0)}")
    return evidence


def _same_counters(rows: LogBlock, events: LogBlock) -> NDArray[np.bool_]:
    """Whether each trace row has the counters of its event, compared as they are written."""
    # The four counters and the keys between them read the same in both logs.
    a, b = (
        lines.matrix[:, lines.columns[_BEFORE[0]].start : lines.columns[_AFTER[1]].stop]
        for lines in (rows, events)
    )
    if a.shape != b.shape:
        raise LogFormError(f"{rows.name} and {events.name} write counters in different widths")
    if np.array_equal(a, b):
        return np.ones(len(rows), bool)
    same: NDArray[np.bool_] = (a == b).all(axis=1)
    return same
