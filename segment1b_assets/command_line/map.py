"""``segment1b map``: draw a country's published tiles, weights or sites as PNG."""

from __future__ import annotations

from pathlib import Path

import click

from segment1b_assets.command_line.choices import choose_countries, root_options, run_inputs_from
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.maps.published import MAPPED, map_of


@click.command("map")
@root_options
@click.option("--country", required=True, help="ISO code such as FR.")
@click.option("--dataset", required=True, type=click.Choice(MAPPED), help="What is drawn.")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The PNG file."
)
def draw_map(
    root: str | None,
    seed: int | None,
    manifest_fingerprint: str | None,
    country: str,
    dataset: str,
    out: Path,
) -> None:
    """Draw the map of a published partition, the one that the web UI shows, into a PNG file."""
    inputs = run_inputs_from(root, seed, manifest_fingerprint)
    chosen = choose_countries(country, inputs)
    if len(chosen) != 1:
        raise click.BadParameter(f"{country!r} is not one country", param_hint="--country")
    picture = map_of(inputs, dataset, chosen[0])
    try:
        out.write_bytes(picture)
    except OSError as err:
        raise Segment1BError("E_IO", f"the map cannot be written ({err})", file=out) from err
    click.echo(f"{out}: {dataset} of {chosen[0]}, {len(picture):,} bytes")
