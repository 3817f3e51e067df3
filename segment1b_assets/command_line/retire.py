"""``segment1b retire``: move a published partition aside, with who, when and why."""

from __future__ import annotations

import click

from segment1b_assets.command_line.choices import choose_countries, root_options, run_inputs_from
from segment1b_assets.command_line.json_output import json_option, print_document
from segment1b_assets.contracts.dictionary import dictionary


@click.command()
@root_options
@click.option("--dataset", required=True, help="A dataset id of the dictionary.")
@click.option("--country", required=True, help="ISO code; ALL for a dataset that has no countries.")
@click.option("--why", required=True, help="The reason, kept beside what is moved.")
@json_option
def retire(
    root: str | None,
    seed: int | None,
    manifest_fingerprint: str | None,
    dataset: str,
    country: str,
    why: str,
    as_json: bool,
) -> None:
    """Move a published partition (or log, receipt, bundle) under retired/; nothing is deleted."""
    from segment1b_assets.storage.retire import retire_published

    entry = dictionary().get(dataset)
    made_here = entry is not None and entry.path.startswith(("layer1/1B/", "logs/"))
    if entry is None or not made_here:
        known = [d.id for d in dictionary().values() if d.path.startswith(("layer1/1B/", "logs/"))]
        raise click.BadParameter(
            f"{dataset!r} is not one of {', '.join(known)}", param_hint="--dataset"
        )
    if not why.strip():
        raise click.BadParameter("say why", param_hint="--why")
    inputs = run_inputs_from(root, seed, manifest_fingerprint)
    partitioned = "country" in entry.tokens
    if partitioned:
        chosen = [] if country.upper() == "ALL" else choose_countries(country, inputs)
        if len(chosen) != 1:
            raise click.BadParameter(
                f"{dataset} is retired country by country; name one", param_hint="--country"
            )
        (country,) = chosen
    elif country.upper() != "ALL":
        raise click.BadParameter(f"{dataset} has no countries; say ALL", param_hint="--country")
    only = country if partitioned else None
    folder = retire_published(inputs, dataset, only, why)
    place, moved = inputs.root.relative(inputs.path(dataset, only)), inputs.root.relative(folder)
    if as_json:
        content = {"dataset": dataset, "country": country, "path": place, "moved_to": moved}
        print_document("retire", 0, content)
    else:
        click.echo(f"retired {place} -> {moved}")
