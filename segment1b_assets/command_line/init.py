"""``segment1b init``: a data root to bring one's own data into."""

from __future__ import annotations

from pathlib import Path

import click

from segment1b_assets.storage.open_root import in_a_store, open_root


@click.command()
@click.argument("root", type=click.Path(file_okay=False))
def init(root: str) -> None:
    """Make a data root: the ISO list, the five policies, and folders. Changes no file there."""
    if in_a_store(root):
        raise click.BadParameter("make it in a folder, then copy that up", param_hint="ROOT")
    from segment1b_assets.imports.starting_root import start_root

    Path(root).mkdir(parents=True, exist_ok=True)
    data = open_root(Path(root))
    for dataset, outcome in start_root(data).items():
        click.echo(f"{outcome}: {data.path_for(dataset)}")
    click.echo(
        "Next:\n"
        f"  segment1b import polygons BORDERS --root {root}\n"
        f"  segment1b import raster POPULATION --root {root}\n"
        f"  segment1b import outlets MERCHANTS --root {root}\n"
        f"  segment1b check-inputs --root {root}\n"
        f"  segment1b run --root {root}"
    )
