"""``segment1b run``: materialise states for countries, through Dagster."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from segment1b_assets.command_line.choices import (
    choose_countries,
    choose_states,
    root_options,
    run_inputs_from,
)
from segment1b_assets.command_line.collector import uncollected
from segment1b_assets.command_line.dagster_home import use_dagster_home
from segment1b_assets.command_line.json_output import console_for, json_option, print_document
from segment1b_assets.command_line.wording import countries as countries_word
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.states import COUNTRY_STATES, STATE_OF
from segment1b_assets.core.stream import BATCH_ROWS
from segment1b_assets.storage.pass_flag import pass_flag
from segment1b_assets.storage.run_inputs import RunInputs


@click.command()
@root_options
@click.option("--countries", default="all", help="Codes such as FR,DE; or all.")
@click.option(
    "--states",
    help="Such as s1, s0..s4 or s1,s3..s9; default s0..s9, without s9 (which is over all "
    "countries) where only some are chosen.",
)
@click.option("--stale", is_flag=True, help="Only what is stale or missing, and then the flag.")
@click.option("--workers", type=click.IntRange(0, 64), default=0, help="0 is one a core.")
@click.option(
    "--profile",
    type=click.Path(path_type=Path, file_okay=False),
    help="Leave a profile of the workers for each dataset, and a table by country, in this folder.",
)
@click.option("--batch-rows", type=click.IntRange(1024, 1 << 22), default=BATCH_ROWS, hidden=True)
@json_option
def run(
    root: str | None,
    seed: int | None,
    manifest_fingerprint: str | None,
    countries: str,
    states: str | None,
    stale: bool,
    workers: int,
    profile: Path | None,
    batch_rows: int,
    as_json: bool,
) -> None:
    """Materialise states for countries; the run shows up in the web UI.

    Exit status 0 only if everything asked for was published and no rule is broken; 130 or 143 if
    Ctrl-C or SIGTERM interrupted it.
    """
    console = console_for(as_json, 120)
    inputs = run_inputs_from(root, seed, manifest_fingerprint)
    chosen = choose_countries(countries, inputs)
    chosen_states = choose_states(states or ("s0..s9" if countries == "all" else "s0..s8"))
    home = use_dagster_home(inputs.root.uri)
    if stale:
        if states is not None:
            raise click.BadParameter("finds its states itself", param_hint="--stale")
        nothing = "nothing is stale or missing, and the flag holds"
        if is_up_to_date(inputs, chosen):
            chosen_states = []
        else:
            nothing = "nothing is stale or missing for these countries"
            chosen, chosen_states, others = _stale_work(inputs, chosen)
            if others:
                console.print(f"S9 waits for {countries_word(len(others))} more: {_few(others)}")
        if not chosen_states:
            console.print(nothing, highlight=False)
            if as_json:
                print_document("run", 0, {"root": inputs.root.uri, "countries": [], "states": []})
            return
    console.print(
        f"{countries_word(len(chosen))}, {chosen_states[0]} to {chosen_states[-1]}, "
        f"root {inputs.root.uri}, history {home}",
        highlight=False,
    )
    # Dagster takes two seconds to import: not before the options are known to be good.
    with uncollected():
        from segment1b_assets.command_line.materialise import Work, materialise

    work = Work(inputs, chosen, chosen_states, seed, workers, batch_rows, profile)
    done = materialise(work, console)
    if as_json:
        print_document("run", done.exit_status, done.document)
    if done.exit_status:
        raise SystemExit(done.exit_status)


def is_up_to_date(inputs: RunInputs, countries: Sequence[str]) -> bool:
    """Whether every dataset of these countries is published and current, and the flag holds."""
    try:
        _ = inputs.receipt  # the sealed inputs are the present ones
        pass_flag(inputs.root.uri, *inputs.outlet_run)
    except Segment1BError:
        return False
    return all(
        inputs.is_published(dataset, country)
        for state in COUNTRY_STATES
        for dataset in state.datasets
        for country in countries
    )


def _stale_work(inputs: RunInputs, chosen: Sequence[str]) -> tuple[list[str], list[str], list[str]]:
    """Countries and states that are stale or missing, as the nightly schedule finds them.

    Returns:
        The countries to make, the states, and the countries beyond the chosen ones for which S9
        would refuse the flag: while there are any, it is none of the states.
    """
    with uncollected():
        import dagster as dg

        from segment1b_assets.automation.stale_partitions import find_stale_partitions

    with dg.DagsterInstance.get() as instance:
        found = find_stale_partitions(instance, inputs)
    countries = [c for c in found.all_countries if c in chosen]
    others = [c for c in found.all_countries if c not in chosen and c in inputs.demanded]
    states = {STATE_OF[asset] for asset in found.assets} | {"S0"} if countries else set()
    if not others:
        states |= {"S0", "S9"}
    return countries or [chosen[0]], sorted(states), others


def _few(countries: Sequence[str]) -> str:
    return ", ".join(countries[:5]) + (" …" if len(countries) > 5 else "")
