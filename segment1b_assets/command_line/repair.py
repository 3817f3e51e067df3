"""``segment1b repair``: the one step after damage: retire the partition, make it again."""

from __future__ import annotations

import click

from segment1b_assets.command_line.choices import choose_countries, root_options, run_inputs_from
from segment1b_assets.command_line.collector import uncollected
from segment1b_assets.command_line.dagster_home import use_dagster_home
from segment1b_assets.command_line.json_output import console_for, json_option, print_document
from segment1b_assets.contracts.states import COUNTRY_STATES


@click.command()
@root_options
@click.option("--dataset", required=True, help="The damaged dataset or log of S1 to S8.")
@click.option("--country", required=True, help="ISO code.")
@click.option("--why", help="The reason, kept beside what is moved; default: the two receipts.")
@click.option("--workers", type=click.IntRange(0, 64), default=0, help="0 is one a core.")
@json_option
def repair(
    root: str | None,
    seed: int | None,
    manifest_fingerprint: str | None,
    dataset: str,
    country: str,
    why: str | None,
    workers: int,
    as_json: bool,
) -> None:
    """Retire a partition whose bytes are not those that were published, and make it again.

    What follows for this country is made, too: what is undamaged is found identical and stays. The
    bundle that vouches for a damaged site file goes first, flag first, and S9 makes it anew. Where
    the bytes are the published ones nothing is done.
    """
    from segment1b_assets.storage.repair import repairable, retire_damaged

    state = repairable().get(dataset)
    if state is None:
        raise click.BadParameter(
            f"{dataset!r} is not one of {', '.join(repairable())}", param_hint="--dataset"
        )
    if why is not None and not why.strip():
        raise click.BadParameter("say why, or leave it out", param_hint="--why")
    inputs = run_inputs_from(root, seed, manifest_fingerprint)
    chosen = [] if country.upper() == "ALL" else choose_countries(country, inputs)
    if len(chosen) != 1:
        raise click.BadParameter("repair one country at a time; name it", param_hint="--country")
    console = console_for(as_json, 120)
    target = inputs.path(dataset, chosen[0])
    retired = retire_damaged(inputs, dataset, chosen[0], why)
    if not retired and inputs.root.exists(target):
        line = f"{dataset} of {chosen[0]} is as it was published; nothing to repair"
        console.print(line, highlight=False)
        if as_json:
            print_document("repair", 0, {"retired": []})
        return
    for name in retired:
        console.print(f"retired {name}", highlight=False)
    use_dagster_home(inputs.root.uri)
    # Imports Dagster: not before there is something to make.
    with uncollected():
        from segment1b_assets.command_line.materialise import Work, materialise

    states = [s.id for s in COUNTRY_STATES[COUNTRY_STATES.index(state) :]]
    flag_went = "validation_bundle_1B" in retired
    work = Work(inputs, chosen, [*states, *(["S9"] if flag_went else [])], seed, workers)
    done = materialise(work, console)
    if as_json:
        print_document("repair", done.exit_status, {"retired": retired, **done.document})
    if done.exit_status:
        raise SystemExit(done.exit_status)
