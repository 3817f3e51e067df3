"""``segment1b verify``: have the validators judge what lies under a root, computing nothing."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from segment1b_assets.command_line.choices import (
    choose_countries,
    choose_states,
    root_options,
    run_inputs_from,
    summary_of_codes,
)
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.states import COUNTRY_STATES
from segment1b_assets.storage.pass_flag import pass_flag
from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.storage.workers import default_workers, run_concurrently

#: Broken rules that are printed in full.
PRINTED = 100


@click.command()
@root_options
@click.option("--countries", default="all", help="Codes such as FR,DE; or all.")
@click.option("--states", default="s1..s8", help="Such as s1 or s1..s4.")
@click.option("--workers", type=click.IntRange(0, 64), default=0, help="0 is one a core.")
def verify(
    root: str | None,
    seed: int | None,
    manifest_fingerprint: str | None,
    countries: str,
    states: str,
    workers: int,
) -> None:
    """Judge every published partition by every rule; exit status 1 if one is broken.

    With s9 among the states, the flag and the files that it vouches for, too.
    """
    console = Console(width=None if sys.stdout.isatty() else 140)
    inputs = run_inputs_from(root, seed, manifest_fingerprint)
    chosen = choose_countries(countries, inputs)
    chosen_states = choose_states(states)
    table = Table(title=f"rules held under {inputs.root.uri}")
    for name in ("state", "dataset", "rule"):
        table.add_column(name)
    for name in ("held", "broken"):
        table.add_column(name, justify="right")
    table.add_column("by")
    lines: list[str] = []
    judged = 0
    for state in COUNTRY_STATES:
        if state.id not in chosen_states:
            continue
        counted = 0
        for dataset in state.datasets:
            try:
                found, broken = _judge(
                    inputs, state.id, dataset, chosen, workers or default_workers(), table
                )
            except Segment1BError as err:
                lines.append(f"{state.id}: {err}")
                break
            counted = max(counted, found)
            lines += broken
        judged += counted
    if "S9" in chosen_states:
        judged += 1
        try:
            pass_flag(inputs.root.uri, *inputs.outlet_run)
        except Segment1BError as err:
            lines.append(f"S9 validation_bundle_1B: {err}")
    console.print(table)
    for line in lines[:PRINTED]:
        console.print(line, style="red", highlight=False, markup=False)
    if len(lines) > PRINTED:
        console.print(f"… and {len(lines) - PRINTED} more", style="red")
    console.print(f"{judged} partitions judged, {len(lines)} rules broken", highlight=False)
    if lines or not judged:
        raise SystemExit(1)


def _judge(
    inputs: RunInputs,
    state: str,
    dataset: str,
    chosen: Sequence[str],
    workers: int,
    table: Table,
) -> tuple[int, list[str]]:
    """Judge a dataset of some countries into the table; how many, and a line a broken rule."""
    from segment1b_assets.validation.judge import RULES, judge_dataset

    published = [c for c in chosen if inputs.is_published(dataset, c)]
    verdicts = dict(
        run_concurrently(lambda c: (c, judge_dataset(inputs, dataset, c)), published, workers)
    )
    held: dict[str, int] = dict.fromkeys(RULES[dataset], 0)
    broken: dict[str, list[str]] = {}
    lines = []
    for country in sorted(verdicts):
        for verdict in verdicts[country]:
            if verdict.passed:
                held[verdict.code] = held.get(verdict.code, 0) + 1
                continue
            if verdict.result == "not judged":
                continue
            broken.setdefault(verdict.code, []).append(country)
            lines.append(
                f"{state} {dataset} {verdict.code} [{country}]: {verdict.detail} "
                f"| file: {inputs.path(dataset, country)}"
                f" | next step: {verdict.next_step(dataset, country)}"
            )
    for code in sorted({*held, *broken}):
        culprits = broken.get(code, [])
        style = "red" if culprits else "green"
        table.add_row(
            state,
            dataset,
            f"[{style}]{code}[/]",
            str(held.get(code, 0)),
            str(len(culprits)),
            escape(summary_of_codes(culprits)),
        )
    return len(verdicts), lines
