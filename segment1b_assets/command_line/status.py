"""``segment1b status``: what is not in order under a root, and how much is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from segment1b_assets.command_line.choices import choose_countries, root_options, run_inputs_from
from segment1b_assets.command_line.json_output import console_for, json_option, print_document
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.states import COUNTRY_STATES, State

if TYPE_CHECKING:
    from rich.table import Table

    from segment1b_assets.storage.run_inputs import RunInputs

_STYLES = {"done": "green", "missing": "dim", "stale": "yellow"}
_GATES = ("s0_gate_receipt_1B", "validation_bundle_1B")
#: Country -> state id -> "done", "missing", "stale" or a code.
Statuses = Mapping[str, Mapping[str, str]]


@click.command()
@root_options
@click.option("--countries", default="all", help="Codes such as FR,DE; or all.")
@click.option("--all", "everything", is_flag=True, help="A row for each country, done ones too.")
@json_option
def status(
    root: str | None,
    seed: int | None,
    manifest_fingerprint: str | None,
    countries: str,
    everything: bool,
    as_json: bool,
) -> None:
    """Show which countries are missing, stale or failed in which state; the rest is counted.

    missing: nothing is published. stale: what is published was made from other inputs. A code: the
    last failure, or a rule that the published partition breaks. Exit status 0 whatever it shows.
    """
    inputs = run_inputs_from(root, seed, manifest_fingerprint)
    chosen = choose_countries(countries, inputs)
    found = {c: {s.id: country_status(inputs, s, c) for s in COUNTRY_STATES} for c in chosen}
    gates = [_gate_status(inputs, gate) for gate in _GATES]
    if as_json:
        print_document("status", 0, _document(inputs.root.uri, found, gates))
        return
    console = console_for(as_json, 140)
    title = f"segment 1B under {inputs.root.uri}"
    console.print(_every_country(found, title) if everything else _not_in_order(found, title))
    for gate in gates:
        style = "red" if gate["error"] else None
        word = gate["error"] or gate["status"]
        console.print(f"{gate['dataset']}: {word}", style=style, highlight=False, markup=False)


def country_status(inputs: RunInputs, state: State, country: str) -> str:
    """ "done", "missing", "stale", or a code: of the broken rule, or of the last failure."""
    from segment1b_assets.storage.reports import last_failure, recorded_broken

    try:
        if not all(inputs.is_published(d, country) for d in state.datasets):
            if any(inputs.is_stale(d, country) for d in state.datasets):
                return "stale"
            failed = last_failure(inputs, state.id, country)
            if failed is not None:
                return str(failed["code"])
            return "missing"
        # The product's path has no parameter_hash: what lies there may stem from another one.
        if state.main == "site_locations" and _other_parameters(inputs, country):
            return "stale"
        return recorded_broken(inputs, state.id, country) or "done"
    except Segment1BError as err:
        return err.code


def _other_parameters(inputs: RunInputs, country: str) -> bool:
    from segment1b_assets.storage.parquet import lineage_of

    first = inputs.files("site_locations", country)[0]
    return lineage_of(first).get("parameter_hash") != inputs.parameter_hash


def _gate_status(inputs: RunInputs, dataset: str) -> dict[str, Any]:
    from segment1b_assets.storage.bundle import FLAG

    row: dict[str, Any] = {"dataset": dataset, "status": "missing", "error": None}
    try:
        there = inputs.ensure_local(dataset)
    except Segment1BError as err:
        return {**row, "error": str(err)}
    if there.is_dir() and not (there / FLAG).is_file():
        row["status"] = "there, without a PASS flag"
    elif there.exists():
        row["status"] = "there"
    return row


def _words(found: Statuses, state: str) -> dict[str, list[str]]:
    """Status -> its countries, for one state: done, missing, stale, then codes in order."""
    words: dict[str, list[str]] = {"done": [], "missing": [], "stale": []}
    for country in found:
        words.setdefault(found[country][state], []).append(country)
    return {word: words[word] for word in [*_STYLES, *sorted(words.keys() - _STYLES.keys())]}


def _not_in_order(found: Statuses, title: str) -> Table:
    """A row for each state and what is the matter with it: which countries."""
    from rich.table import Table

    table = Table(title=title)
    for name in ("state", "done"):
        table.add_column(name, justify="right" if name == "done" else "left")
    table.add_column("not in order", no_wrap=True)
    table.add_column("countries", overflow="fold")
    for state in COUNTRY_STATES:
        words = _words(found, state.id)
        cells = [state.id, str(len(words["done"]))]
        for word, countries in words.items():
            if word == "done" or not countries:
                continue
            style = _STYLES.get(word, "red")
            table.add_row(*cells, f"[{style}]{word}[/]", _codes(countries, len(found)))
            cells = ["", ""]
        if cells[0]:
            table.add_row(*cells, "", "")
    return table


def _codes(countries: Sequence[str], asked: int) -> str:
    """Every code; all of many countries are not worth their names."""
    if len(countries) == asked > 8:
        return f"all {asked}"
    return ", ".join(countries)


def _every_country(found: Statuses, title: str) -> Table:
    """Countries x states, with totals."""
    from rich.table import Table

    table = Table(title=title)
    table.add_column("country")
    for state in COUNTRY_STATES:
        table.add_column(state.id, overflow="fold")
    for country, words in found.items():
        cells = (f"[{_STYLES.get(word, 'red')}]{word}[/]" for word in words.values())
        table.add_row(country, *cells)
    table.add_section()
    table.add_row("done", *(str(len(_words(found, s.id)["done"])) for s in COUNTRY_STATES))
    return table


def _document(root: str, found: Statuses, gates: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "root": root,
        "countries": len(found),
        "states": {
            s.id: {
                "done": len(words.pop("done")),
                "not_in_order": {w: c for w, c in words.items() if c},
            }
            for s in COUNTRY_STATES
            for words in [_words(found, s.id)]
        },
        "gates": list(gates),
    }
