"""``segment1b status``: what lies under a root, countries x states."""

from __future__ import annotations

import sys

import click
from rich.console import Console
from rich.table import Table

from segment1b_assets.command_line.choices import choose_countries, root_options, run_inputs_from
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.storage.bundle import FLAG
from segment1b_assets.storage.parquet import lineage_of
from segment1b_assets.storage.reports import last_failure
from segment1b_assets.storage.run_inputs import RunInputs

MAIN_DATASETS = {
    "S1": "tile_index",
    "S2": "tile_weights",
    "S3": "s3_requirements",
    "S4": "s4_alloc_plan",
    "S5": "s5_site_tile_assignment",
    "S6": "s6_site_jitter",
    "S7": "s7_site_synthesis",
    "S8": "site_locations",
}


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
    for state in MAIN_DATASETS:
        table.add_column(state)
    counts: dict[str, list[int]] = {state: [0, 0, 0] for state in MAIN_DATASETS}
    for country in chosen:
        cells = []
        for state, dataset in MAIN_DATASETS.items():
            word = standing(inputs, state, dataset, country)
            counts[state][{"done": 0, "missing": 1, "stale": 1}.get(word, 2)] += 1
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


def standing(inputs: RunInputs, state: str, dataset: str, country: str) -> str:
    """ "done", "missing", "stale" (of other parameters), or the code of the last failure."""
    try:
        failed = last_failure(inputs, state, country)
        if failed is not None:
            return str(failed["code"])
        if not inputs.is_published(dataset, country):
            return "missing"
        # The product's path has no parameter_hash: what lies there may stem from another one.
        if dataset == "site_locations" and _other_parameters(inputs, country):
            return "stale"
        return "done"
    except Segment1BError as err:
        return err.code


def _other_parameters(inputs: RunInputs, country: str) -> bool:
    first = inputs.files("site_locations", country)[0]
    return lineage_of(first).get("parameter_hash") != inputs.parameter_hash
