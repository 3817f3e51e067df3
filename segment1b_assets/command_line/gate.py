"""``segment1b gate``: may a consumer trust site_locations? And the GeoParquet export behind it."""

from __future__ import annotations

from pathlib import Path

import click

from segment1b_assets.command_line.choices import root_options
from segment1b_assets.storage.pass_flag import PassedSites, pass_flag


@click.command()
@root_options
def gate(root: str | None, seed: int | None, manifest_fingerprint: str | None) -> None:
    """Recompute 1B's flag and every site file's checksum; exit status 0 only if all of it holds."""
    click.echo(flag_line(pass_flag(root, seed, manifest_fingerprint)))


def flag_line(passed: PassedSites) -> str:
    """A valid flag in one line."""
    return (
        f"PASS seed={passed.seed} manifest_fingerprint={passed.manifest_fingerprint} "
        f"sha256_hex={passed.flag_sha256_hex} ({len(passed.files)} files)"
    )


@click.command()
@root_options
@click.option("--countries", default="all", help="Codes such as FR,DE; or all.")
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False))
def export(
    root: str | None, seed: int | None, manifest_fingerprint: str | None, countries: str, out: Path
) -> None:
    """Write sites as one GeoParquet file that GIS tools open; refused without a valid flag."""
    from segment1b_assets.export import export_geoparquet

    passed = pass_flag(root, seed, manifest_fingerprint)
    chosen = None if countries.lower() == "all" else {c.strip() for c in countries.split(",")}
    rows = export_geoparquet(passed, out, chosen)
    click.echo(f"{out}: {rows:,} sites")
