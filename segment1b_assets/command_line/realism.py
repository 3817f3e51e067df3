"""``segment1b realism``: whether the published sites lie as people and chains do."""

from __future__ import annotations

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from segment1b_assets.command_line.choices import (
    choose_countries,
    root_options,
    run_inputs_from,
    summary_of_codes,
)
from segment1b_assets.command_line.json_output import console_for, json_option, print_document
from segment1b_assets.contracts.realism import realism_rules
from segment1b_assets.realism.measure import Measured, measure_root
from segment1b_assets.realism.publish import write_scorecard
from segment1b_assets.realism.verdicts import Judged, figure, span_of
from segment1b_assets.storage.run_inputs import RunInputs

_STYLE = {"believable": "green", "not believable": "bold red", "not judged": "dim"}


@click.command()
@root_options
@click.option("--countries", default="all", help="Codes such as FR,DE; or all.")
@click.option("--beside", help="Another data root, to be shown at this one's side.")
@json_option
def realism(
    root: str | None,
    seed: int | None,
    manifest_fingerprint: str | None,
    countries: str,
    beside: str | None,
    as_json: bool,
) -> None:
    """Measure the published sites against population and published chains.

    Prints the scorecard, bad rows first, and writes it with a page for the browser under the
    root's reports. Exit status 0 whatever the verdict: the scorecard warns and never blocks.
    """
    inputs = run_inputs_from(root, seed, manifest_fingerprint)
    found = _measured(inputs, countries)
    other = None
    if beside is not None:
        other = _measured(run_inputs_from(beside, seed, manifest_fingerprint), countries)
    written = write_scorecard(found, other)
    files = {"scorecard": str(written.json_path), "page": str(written.page_path)}
    if as_json:
        print_document("realism", 0, {"files": files, **written.document})
        return
    console = console_for(as_json, 160)
    console.print(_table(found, other))
    _print_countries(console, found)
    for name, path in files.items():
        console.print(f"{name}: {path}", highlight=False, markup=False, soft_wrap=True)


def _measured(inputs: RunInputs, countries: str) -> Measured:
    everything = countries.strip().lower() == "all"
    chosen = None if everything else choose_countries(countries, inputs)
    return measure_root(inputs, realism_rules(), chosen)


def _table(found: Measured, other: Measured | None) -> Table:
    table = Table(title=f"site_realism of {escape(found.inputs.root.uri)}")
    table.add_column("measure")
    table.add_column("verdict")
    table.add_column("value", justify="right")
    table.add_column("believable")
    table.add_column("detail", overflow="fold")
    if other is not None:
        table.add_column(f"beside: {escape(other.inputs.root.uri)}")
    others = {} if other is None else {j.id: j for j in other.judged}
    for judged in found.judged:
        cells = [
            escape(judged.title), _verdict(judged), figure(judged.value),
            span_of(judged.low, judged.high), escape(judged.detail),
        ]  # fmt: skip
        if other is not None:
            theirs = others[judged.id]
            cells.append(f"{_verdict(theirs)} {figure(theirs.value)}")
        table.add_row(*cells)
    return table


def _verdict(judged: Judged) -> str:
    return f"[{_STYLE[judged.verdict]}]{judged.verdict}[/]"


def _print_countries(console: Console, found: Measured) -> None:
    by_verdict: dict[str, list[str]] = {}
    for c in found.countries:
        by_verdict.setdefault(c.verdict, []).append(c.summary.country)
    for verdict, words in (
        ("not believable", "not believable by themselves"),
        ("not judged", "few sites or tiles, not judged"),
    ):
        codes = by_verdict.get(verdict, [])
        if codes:
            console.print(
                f"{len(codes)} countries {words}: {summary_of_codes(codes)}", highlight=False
            )
    for country, why in found.missing.items():
        console.print(f"{country} could not be measured: {why}", highlight=False, markup=False)
