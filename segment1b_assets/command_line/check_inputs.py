"""``segment1b check-inputs``: what is wrong with a root's inputs, before anything runs."""

from __future__ import annotations

import sys

import click
from rich.console import Console
from rich.table import Table

from segment1b_assets.command_line.choices import root_options, run_inputs_from


@click.command("check-inputs")
@root_options
def check_inputs(root: str | None, seed: int | None, manifest_fingerprint: str | None) -> None:
    """Judge every input at once: what is wrong, where, and what to do. Exit status 1 if any is."""
    from segment1b_assets.imports import input_check

    console = Console(soft_wrap=True, highlight=False)
    found = input_check.check_inputs(run_inputs_from(root, seed, manifest_fingerprint))
    table = Table(title="inputs")
    table.add_column("input")
    table.add_column("faults", justify="right")
    for dataset, faults in found.items():
        table.add_row(dataset, f"[red]{len(faults)}[/]" if faults else "0")
    console.print(table)
    wrong = [fault for faults in found.values() for fault in faults]
    for fault in wrong:
        console.print(str(fault), markup=False)
    if wrong:
        console.print(f"{len(wrong)} faults; nothing was run")
        sys.exit(1)
    console.print("every input is in order")
