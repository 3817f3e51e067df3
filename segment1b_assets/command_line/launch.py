"""``segment1b launch``: the work of several machines, cut by cost, sent to a web UI's queue."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from segment1b_assets.command_line.choices import choose_countries, root_options, run_inputs_from
from segment1b_assets.command_line.json_output import console_for, json_option, print_document
from segment1b_assets.command_line.wording import count
from segment1b_assets.command_line.wording import countries as countries_word

if TYPE_CHECKING:
    from rich.table import Table

    from segment1b_assets.storage.run_inputs import RunInputs

#: No user and password: a message would show them.
_URL = re.compile(r"https?://(?:[\w.-]+|\[[\da-f:.]+\])(?::\d{1,5})?(?:/[\w.~-]+)*/?", re.ASCII)


@click.command()
@root_options
@click.option("--runs", type=click.IntRange(1, 249), required=True, help="How many runs.")
@click.option(
    "--url", default="http://localhost:3000", show_default=True, help="The web UI of this root."
)
@click.option("--countries", default="all", help="Codes such as FR,DE; or all.")
@click.option("--dry-run", is_flag=True, help="Only show how the work would be cut.")
@json_option
def launch(
    root: str | None,
    seed: int | None,
    manifest_fingerprint: str | None,
    runs: int,
    url: str,
    countries: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Send S0 to S8 of countries to a web UI's queue, in runs that cost about the same.

    The dearest run is the first. S9 is a run of its own when all of them are done: the job `close`.
    Exit status 0 where every run is in the queue; how it ends is in the web UI and `status`.
    """
    if _URL.fullmatch(url) is None:
        raise click.BadParameter(
            f"{url!r} is not of the form http://host:3000/path", param_hint="--url"
        )
    url = url.rstrip("/")
    inputs = run_inputs_from(root, seed, manifest_fingerprint)
    rows = cut(inputs, choose_countries(countries, inputs), runs)
    if not dry_run:
        from segment1b_assets.command_line.send_runs import send_runs

        groups = [row["countries"] for row in rows]
        sent = send_runs(url, inputs, groups, _command(inputs, url))
        for row, run in zip(rows, sent, strict=True):
            row["dagster_run"] = run
    console = console_for(as_json, 120)
    console.print(_table(rows, f"segment 1B under {inputs.root.uri}, by estimated cost"))
    if not dry_run:
        console.print(
            f"{count(len(rows), 'run')} in the queue of {url}. S9 when all of them are done: the "
            "job `close`.",
            highlight=False, soft_wrap=True,
        )  # fmt: skip
    if as_json:
        place = None if dry_run else url
        print_document("launch", 0, {"root": inputs.root.uri, "url": place, "runs": rows})


def cut(inputs: RunInputs, countries: Sequence[str], runs: int) -> list[dict[str, Any]]:
    """A row for each run, the dearest first: its countries and its share of the estimated cost."""
    from segment1b_assets.core.longest_first import longest_first
    from segment1b_assets.storage.country_cost import country_cost

    costs = {country: country_cost(inputs, country) for country in countries}
    whole = sum(costs.values())
    return [
        {
            "countries": group,
            "cost_share": round(sum(costs[c] for c in group) / whole, 4),
            "dagster_run": None,
        }
        for group in longest_first(costs, runs)
    ]


def _command(inputs: RunInputs, url: str) -> str:
    """The command for this root and web UI, without runs and countries."""
    options = inputs.options
    words = ["segment1b", "launch", "--root", inputs.root.uri, "--url", url]
    if options.seed is not None:
        words += ["--seed", str(options.seed)]
    if options.manifest_fingerprint:
        words += ["--manifest-fingerprint", options.manifest_fingerprint]
    return shlex.join(words)


def _table(rows: Sequence[dict[str, Any]], title: str) -> Table:
    from rich.table import Table

    table = Table(title=title)
    for name in ("run", "cost share"):
        table.add_column(name, justify="right")
    table.add_column("countries", overflow="fold")
    if rows[0]["dagster_run"]:
        table.add_column("Dagster run")
    for number, row in enumerate(rows, start=1):
        codes = row["countries"]
        shown = f"{countries_word(len(codes))}: {', '.join(codes)}" if len(codes) > 1 else codes[0]
        run = [row["dagster_run"][:8]] if row["dagster_run"] else []
        table.add_row(str(number), f"{row['cost_share']:.1%}", shown, *run)
    return table
