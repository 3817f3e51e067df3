"""``segment1b verify``: let the validators judge what lies under a root, computing nothing."""

from __future__ import annotations

import sys

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
from segment1b_assets.reader import pass_flag
from segment1b_assets.storage.workers import default_workers, run_concurrently


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
    from segment1b_assets.assets.every_state import COUNTRY_STATES
    from segment1b_assets.checks.verdict_events import EVERY_DATASET, judge_safely

    console = Console(width=None if sys.stdout.isatty() else 140)
    inputs = run_inputs_from(root, seed, manifest_fingerprint)
    chosen = choose_countries(countries, inputs)
    table = Table(title=f"rules kept under {inputs.root.uri}")
    for name in ("state", "dataset", "rule"):
        table.add_column(name)
    for name in ("kept", "broken"):
        table.add_column(name, justify="right")
    table.add_column("by")
    broken_lines = []
    judged = 0
    for state in COUNTRY_STATES:
        if state.id not in choose_states(states):
            continue
        try:
            there = [c for c in chosen if any(inputs.is_published(d, c) for d in state.outputs)]
        except Segment1BError as err:
            broken_lines.append(f"{state.id}: {err}")
            continue
        judge = state.judge
        verdicts = dict(
            run_concurrently(
                lambda c, judge=judge: (c, judge_safely(inputs, judge, c)),  # type: ignore[misc]
                there,
                workers or default_workers(),
            )
        )
        judged += len(verdicts)
        for dataset in state.outputs:
            kept: dict[str, int] = dict.fromkeys(state.rules.get(dataset, ()), 0)
            broken: dict[str, list[str]] = {}
            for country in sorted(verdicts):
                found = verdicts[country]
                for v in [*found.get(dataset, ()), *found.get(EVERY_DATASET, ())]:
                    if v.passed:
                        kept[v.code] = kept.get(v.code, 0) + 1
                    else:
                        broken.setdefault(v.code, []).append(country)
                        broken_lines.append(
                            f"{state.id} {dataset} {v.code} [{country}]: {v.detail} "
                            f"| file: {inputs.path(dataset, country)}"
                        )
            for code in sorted({*kept, *broken}):
                culprits = broken.get(code, [])
                style = "red" if culprits else "green"
                table.add_row(
                    state.id,
                    dataset,
                    f"[{style}]{code}[/]",
                    str(kept.get(code, 0)),
                    str(len(culprits)),
                    escape(summary_of_codes(culprits)),
                )
    if "S9" in choose_states(states):
        judged += 1
        try:
            pass_flag(inputs.root.uri, *inputs.outlet_run)
        except Segment1BError as err:
            broken_lines.append(f"S9 validation_bundle_1B: {err}")
    console.print(table)
    for line in broken_lines[:100]:
        console.print(line, style="red", highlight=False, markup=False)
    if len(broken_lines) > 100:
        console.print(f"… and {len(broken_lines) - 100} more", style="red")
    console.print(f"{judged} partitions judged, {len(broken_lines)} rules broken", highlight=False)
    if broken_lines or not judged:
        raise SystemExit(1)
