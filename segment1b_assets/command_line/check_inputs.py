"""``segment1b check-inputs``: what is wrong with a root's inputs, before anything runs."""

from __future__ import annotations

import sys

import click
from rich.table import Table

from segment1b_assets.command_line.choices import root_options, run_inputs_from
from segment1b_assets.command_line.json_output import (
    console_for,
    error_row,
    json_option,
    print_document,
)
from segment1b_assets.command_line.wording import count


@click.command("check-inputs")
@root_options
@json_option
def check_inputs(
    root: str | None, seed: int | None, manifest_fingerprint: str | None, as_json: bool
) -> None:
    """Judge every input at once: what is wrong, where, and what to do. Exit status 1 if any is."""
    from segment1b_assets.imports import input_check

    console = console_for(as_json, 140)
    inputs = run_inputs_from(root, seed, manifest_fingerprint)
    found = input_check.check_inputs(inputs)
    wrong = [(dataset, fault) for dataset, faults in found.items() for fault in faults]
    table = Table(title="inputs")
    table.add_column("input")
    table.add_column("faults", justify="right")
    for dataset, faults in found.items():
        table.add_row(dataset, f"[red]{len(faults)}[/]" if faults else "0")
    console.print(table)
    if as_json:
        content = {
            "root": inputs.root.uri,
            "inputs": [{"dataset": name, "faults": len(faults)} for name, faults in found.items()],
            "faults": [{"dataset": dataset} | error_row(fault) for dataset, fault in wrong],
        }
        print_document("check-inputs", 1 if wrong else 0, content)
    else:
        for _, fault in wrong:
            console.print(str(fault), markup=False, highlight=False, soft_wrap=True)
        console.print(
            f"{count(len(wrong), 'fault')}; nothing was run" if wrong else "every input is in order"
        )
    if wrong:
        sys.exit(1)
