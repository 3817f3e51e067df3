"""A run of the command line from start to closing tables: what `run` and `repair` share."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from segment1b_assets.command_line.dagster_run import Outcome, run_states
from segment1b_assets.command_line.display import RunDisplay, failures_table
from segment1b_assets.command_line.gate import flag_line, flag_row
from segment1b_assets.command_line.interruption import Interrupted, noted_signals
from segment1b_assets.command_line.json_output import error_row
from segment1b_assets.core.stream import BATCH_ROWS
from segment1b_assets.storage.memory import peak_rss_bytes
from segment1b_assets.storage.pass_flag import PassedSites, pass_flag
from segment1b_assets.storage.profiling import profiling
from segment1b_assets.storage.progress import progress
from segment1b_assets.storage.run_inputs import RunInputs


@dataclass(frozen=True)
class Work:
    """What is to be made, and how.

    Attributes:
        seed: the 1A run's seed where the user chose one.
        profile: the folder for profiles, or None.
    """

    inputs: RunInputs
    countries: Sequence[str]
    states: Sequence[str]
    seed: int | None = None
    workers: int = 0
    batch_rows: int = BATCH_ROWS
    profile: Path | None = None


@dataclass(frozen=True)
class Materialised:
    """How it ended: the exit status, and the content of the JSON document."""

    exit_status: int
    document: dict[str, Any]


def materialise(work: Work, console: Console) -> Materialised:
    """Run states for countries, print progress, closing tables and flag on `console`."""
    profiling.on = work.profile is not None
    began, published_before = time.perf_counter(), progress.published
    outcome: Outcome | None = None
    with noted_signals() as signals, RunDisplay(console) as display:
        try:
            outcome = run_states(
                work.states, work.countries, _resources(work), work.inputs, display
            )
            stop = None
        except Interrupted as raised:
            stop = raised
    if stop is None and outcome is not None and not outcome.success:
        stop = signals.interruption
    published = progress.published - published_before
    if work.profile is not None:
        profiling.write(work.profile)
        console.print(f"profiles and countries.csv are in {work.profile}", highlight=False)
    console.print(display.closing_table())
    passed: PassedSites | None = None
    if outcome is not None and stop is None:
        passed = _show(outcome, work, console)
    seconds = time.perf_counter() - began
    word = "FAILED"
    if stop is not None:
        word = f"interrupted by {stop.signal.name}, {published:,} published"
    elif outcome is not None and outcome.success:
        word = "done"
    run = "" if outcome is None else f", Dagster run {outcome.run_id}"
    console.print(
        f"{word} in {seconds:.1f} s, peak memory {peak_rss_bytes() / 2**20:,.0f} MiB{run}",
        highlight=False,
    )
    status = stop.exit_status if stop else 0 if outcome is not None and outcome.success else 1
    return Materialised(
        status,
        {
            "root": work.inputs.root.uri,
            "states": list(work.states),
            "countries": list(work.countries),
            "interrupted": None if stop is None else stop.signal.name,
            "published": published,
            "datasets": display.rows(),
            "failures": [] if outcome is None or stop else _failures(outcome),
            "messages": [] if outcome is None or stop else outcome.messages,
            "flag": None if passed is None else flag_row(passed),
            "seconds": round(seconds, 1),
            "peak_memory_bytes": peak_rss_bytes(),
            "dagster_run": None if outcome is None else outcome.run_id,
        },
    )


def _resources(work: Work) -> dict[str, object]:
    """Config of the ``segment1b`` resource."""
    return {
        "root": work.inputs.root.uri,
        "workers": work.workers,
        "batch_rows": work.batch_rows,
        "seed": "" if work.seed is None else str(work.seed),
        "manifest_fingerprint": work.inputs.options.manifest_fingerprint or "",
    }


def _show(outcome: Outcome, work: Work, console: Console) -> PassedSites | None:
    """Print failures, or the flag that S9 gave; returns the flag."""
    if outcome.failures:
        console.print(failures_table({k: escape(v) for k, v in outcome.failures.items()}))
    for line in outcome.messages:
        console.print(line, style="red", highlight=False, markup=False)
    if not outcome.success or "S9" not in work.states:
        return None
    passed = pass_flag(work.inputs.root.uri, *work.inputs.outlet_run)
    console.print(f"S9 {flag_line(passed)}", highlight=False, soft_wrap=True)
    return passed


def _failures(outcome: Outcome) -> list[dict[str, Any]]:
    return [
        {"state": state, **error_row(error), "country": country}
        for (state, country), error in sorted(outcome.errors.items())
    ]
