"""The live display of a run, and its closing table."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from segment1b_assets.command_line.choices import summary_of_codes
from segment1b_assets.command_line.wording import count, size
from segment1b_assets.command_line.wording import countries as countries_word


@dataclass
class Tally:
    """What one dataset's countries came to."""

    state: str
    countries: int
    began: float
    seconds: float = 0.0
    done: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    rows: int = 0
    size: int = 0


class RunDisplay:
    """Watches a run: a bar a dataset on a terminal, plain lines elsewhere."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.tallies: dict[str, Tally] = {}
        self._tasks: dict[str, TaskID] = {}
        self._bars = Progress(
            TextColumn("[bold]{task.fields[state]}[/] {task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("countries"),
            TextColumn("{task.fields[rate]}", justify="right"),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> RunDisplay:
        self._bars.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bars.stop()

    def started(self, state: str, dataset: str, countries: int) -> None:
        self.tallies[dataset] = Tally(state, countries, time.perf_counter())
        self._tasks[dataset] = self._bars.add_task(
            dataset, total=countries, state=state, rate="0 rows/s"
        )

    def done(self, state: str, dataset: str, country: str, output: Mapping[str, Any]) -> None:
        tally = self.tallies[dataset]
        tally.done.append(country)
        tally.rows += int(output["rows_emitted"])
        tally.size += int(output["bytes_on_disk"])
        self._advance(dataset)

    def failed(self, state: str, dataset: str, country: str, code: str) -> None:
        self.tallies[dataset].failed[country] = code
        self._advance(dataset)

    def ended(self, state: str, dataset: str) -> None:
        tally = self.tallies[dataset]
        tally.seconds = time.perf_counter() - tally.began
        if not self.console.is_terminal:
            failed = f", {len(tally.failed)} failed" if tally.failed else ""
            self.console.print(
                f"{state} {dataset}: {countries_word(len(tally.done))}{failed}, "
                f"{count(tally.rows, 'row')}, "
                f"{tally.seconds:.1f} s ({_rate(tally):,.0f} rows/s)",
                highlight=False,
            )

    def _advance(self, dataset: str) -> None:
        tally = self.tallies[dataset]
        tally.seconds = time.perf_counter() - tally.began
        self._bars.update(self._tasks[dataset], advance=1, rate=f"{_rate(tally):,.0f} rows/s")

    def closing_table(self) -> Table:
        """A row a dataset: countries, rows, size, seconds, rows per second, what failed."""
        table = Table(title="segment 1B")
        for name in ("state", "dataset"):
            table.add_column(name)
        for name in ("done", "failed", "rows", "size", "seconds", "rows/s"):
            table.add_column(name, justify="right")
        for dataset, tally in self.tallies.items():
            table.add_row(
                tally.state,
                dataset,
                str(len(tally.done)),
                f"[red]{len(tally.failed)}[/]" if tally.failed else "0",
                f"{tally.rows:,}",
                size(tally.size),
                f"{tally.seconds:.1f}",
                f"{_rate(tally):,.0f}",
            )
        return table

    def rows(self) -> list[dict[str, Any]]:
        """The closing table as JSON holds it."""
        return [
            {
                "state": tally.state,
                "dataset": dataset,
                "done": len(tally.done),
                "failed": len(tally.failed),
                "rows": tally.rows,
                "bytes": tally.size,
                "seconds": round(tally.seconds, 1),
                "rows_per_second": round(_rate(tally)),
            }
            for dataset, tally in self.tallies.items()
        ]


def _rate(tally: Tally) -> float:
    return tally.rows / tally.seconds if tally.seconds > 0 else 0.0


def failures_table(failures: Mapping[tuple[str, str], str]) -> Table:
    """A row for each (state, reason): which countries. Where they are left out is not repeated."""
    table = Table(
        title="what failed",
        caption="Later states leave these countries out; the others went on.",
        show_lines=True,
    )
    table.add_column("state")
    table.add_column("countries")
    table.add_column("code, reason and next step", overflow="fold")
    grouped: dict[tuple[str, str], list[str]] = {}
    listed: set[tuple[str, str]] = set()
    for (state, country), reason in sorted(failures.items()):
        if (country, reason) in listed:
            continue
        listed.add((country, reason))
        shared = reason.replace(f" [{country}]", "").replace(f"country={country}", "country=…")
        grouped.setdefault((state, shared), []).append(country)
    for (state, reason), countries in grouped.items():
        table.add_row(state, summary_of_codes(countries), reason)
    return table
