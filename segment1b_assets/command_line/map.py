"""``segment1b map``: draw published tiles, weights or sites of a country or the world as PNG."""

from __future__ import annotations

from pathlib import Path

import click

from segment1b_assets.command_line.choices import choose_countries, root_options, run_inputs_from
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.maps.published import MAPPED, SITES, map_of
from segment1b_assets.maps.world import world_map


@click.command("map")
@root_options
@click.option("--country", help="ISO code such as FR.")
@click.option("--world", is_flag=True, help="The sites of all countries, instead of --country.")
@click.option("--dataset", required=True, type=click.Choice(MAPPED), help="What is drawn.")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The PNG file."
)
def draw_map(
    root: str | None,
    seed: int | None,
    manifest_fingerprint: str | None,
    country: str | None,
    world: bool,
    dataset: str,
    out: Path,
) -> None:
    """Draw the map of a country's published partition, or of the world's sites, as a PNG file."""
    if world == (country is not None):
        raise click.UsageError("name a country with --country, or all with --world")
    if world and dataset not in SITES:
        raise click.BadParameter(
            f"the world map shows sites: {', '.join(SITES)}", param_hint="--dataset"
        )
    inputs = run_inputs_from(root, seed, manifest_fingerprint)
    if country is None:
        shown, picture = "the world", world_map(inputs, dataset)
    else:
        chosen = choose_countries(country, inputs)
        if len(chosen) != 1:
            raise click.BadParameter(f"{country!r} is not one country", param_hint="--country")
        shown, picture = chosen[0], map_of(inputs, dataset, chosen[0])
    try:
        out.write_bytes(picture)
    except OSError as err:
        raise Segment1BError("E_IO", f"the map cannot be written ({err})", file=out) from err
    click.echo(f"{out}: {dataset} of {shown}, {len(picture):,} bytes")
