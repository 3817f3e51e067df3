"""A measure's verdict, in words and figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from segment1b_assets.contracts.realism import Band
from segment1b_assets.realism.world import CountrySummary

Verdict = Literal["believable", "not believable", "not judged"]
#: Worst first.
ORDER: tuple[Verdict, ...] = ("not believable", "believable", "not judged")


@dataclass(frozen=True)
class Judged:
    """One row of the scorecard.

    Attributes:
        value: None where it cannot be had.
        detail: the numbers behind the value, in words.
        reason: why the verdict.
    """

    id: str
    title: str
    asks: str
    unit: str
    value: float | None
    low: float | None
    high: float | None
    verdict: Verdict
    detail: str
    reason: str


@dataclass(frozen=True)
class JudgedCountry:
    """A country's row: its summary, its verdict, and its own measures by id (None: not judged)."""

    summary: CountrySummary
    verdict: Verdict
    reason: str
    values: dict[str, float | None]


def judged_row(name: str, band: Band, asks: str, value: float | None, detail: str) -> Judged:
    """Hold a value against its band; None is not judged."""
    verdict: Verdict = "not judged"
    reason = "too little to judge by"
    if value is not None:
        verdict = "believable" if band.holds(value) else "not believable"
        reason = against(value, band)
    return Judged(
        name, band.title, asks, band.unit, value, band.low, band.high, verdict, detail, reason
    )


def against(value: float, band: Band) -> str:
    """Where a value lies by its band, in words."""
    if band.low is not None and value < band.low:
        return f"{figure(value)} is below {figure(band.low)}"
    if band.high is not None and value > band.high:
        return f"{figure(value)} is above {figure(band.high)}"
    return f"{figure(value)} lies within {span_of(band.low, band.high)}"


def span_of(low: float | None, high: float | None) -> str:
    """What is believable, in words."""
    if low is None:
        return f"at most {figure(high)}"
    if high is None:
        return f"at least {figure(low)}"
    return f"{figure(low)} to {figure(high)}"


def figure(value: float | None) -> str:
    """A number as a person reads it: three figures."""
    if value is None:
        return "–"
    if value == 0 or 1e-3 <= abs(value) < 1e6:
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{value:.1e}"
