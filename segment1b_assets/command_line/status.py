"""``segment1b status``: what lies under a root, countries x states."""

from __future__ import annotations

import sys

import click
from rich.console import Console
from rich.table import Table

from segment1b_assets.command_line.choices import choose_countries, root_options, run_inputs_from
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.states import COUNTRY_STATES, State
from segment1b_assets.storage.bundle import FLAG
from segment1b_assets.storage.parquet import lineage_of
from segment1b_assets.storage.reports import last_failure, recorded_broken
from segment1b_assets.storage.run_inputs import RunInputs


@click.command()
@root_options
@click.option("--countries", default="all", help="Codes such as FR,DE; or all.")
def status(
    root: str | None, seed: int | None, manifest_fingerprint: str | None, countries: str
) -> None:
    """Show countries x states: done, missing, or failed with its code."""
    console = Console(width=None if sys.stdout.isatty() else 140)
    inputs = run_inputs_from(root, seed, manifest_fingerprint)
    chosen = choose_countries(countries, inputs)
    table = Table(title=f"segment 1B under {inputs.root.uri}")
    table.add_column("country")
    for state in COUNTRY_STATES:
        table.add_column(state.id)
    counts: dict[str, list[int]] = {s.id: [0, 0, 0] for s in COUNTRY_STATES}
    for country in chosen:
        cells = []
        for state in COUNTRY_STATES:
            word = country_status(inputs, state, country)
            counts[state.id][{"done": 0, "missing": 1, "stale": 1}.get(word, 2)] += 1
            style = {"done": "green", "missing": "dim", "stale": "yellow"}.get(word, "red")
            cells.append(f"[{style}]{word}[/]")
        table.add_row(country, *cells)
    table.add_section()
    table.add_row("total", *(f"{d} done, {m} missing, {f} failed" for d, m, f in counts.values()))
    console.print(table)
    for gate in ("s0_gate_receipt_1B", "validation_bundle_1B"):
        try:
            there = inputs.ensure_local(gate)
        except Segment1BError as err:
            console.print(f"{gate}: {err}", style="red", highlight=False, markup=False)
            continue
        word = "there" if there.exists() else "missing"
        if there.is_dir() and not (there / FLAG).is_file():
            word = "there, without a PASS flag"
        console.print(f"{gate}: {word}", highlight=False)


def country_status(inputs: RunInputs, state: State, country: str) -> str:
    """ "done", "missing", "stale", or a code: of the broken rule, or of the last failure."""
    try:
        if not all(inputs.is_published(d, country) for d in state.datasets):
            if any(inputs.is_stale(d, country) for d in state.datasets):
                return "stale"
            failed = last_failure(inputs, state.id, country)
            return str(failed["code"]) if failed is not None else "missing"
        # The product's path has no parameter_hash: what lies there may stem from another one.
        if state.main == "site_locations" and _other_parameters(inputs, country):
            return "stale"
        return recorded_broken(inputs, state.id, country) or "done"
    except Segment1BError as err:
        return err.code


def _other_parameters(inputs: RunInputs, country: str) -> bool:
    first = inputs.files("site_locations", country)[0]
    return lineage_of(first).get("parameter_hash") != inputs.parameter_hash
