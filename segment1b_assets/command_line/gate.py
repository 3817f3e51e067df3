"""``segment1b gate``: may a consumer trust site_locations? And the GeoParquet export behind it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from segment1b_assets.command_line.choices import choose_countries, root_options, run_inputs_from
from segment1b_assets.command_line.json_output import json_option, print_document
from segment1b_assets.storage.pass_flag import PassedSites, pass_flag


@click.command()
@root_options
@json_option
def gate(
    root: str | None, seed: int | None, manifest_fingerprint: str | None, as_json: bool
) -> None:
    """Recompute 1B's flag and every site file's checksum; exit status 0 only if all of it holds."""
    passed = pass_flag(root, seed, manifest_fingerprint)
    if as_json:
        print_document("gate", 0, {"flag": flag_row(passed)})
    else:
        click.echo(flag_line(passed))


def flag_line(passed: PassedSites) -> str:
    """A valid flag in one line."""
    return (
        f"PASS seed={passed.seed} manifest_fingerprint={passed.manifest_fingerprint} "
        f"sha256_hex={passed.flag_sha256_hex} ({len(passed.files)} files)"
    )


def flag_row(passed: PassedSites) -> dict[str, Any]:
    """A valid flag as JSON holds it."""
    return {
        "seed": str(passed.seed),
        "manifest_fingerprint": passed.manifest_fingerprint,
        "sha256_hex": passed.flag_sha256_hex,
        "files": len(passed.files),
    }


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
    chosen = None
    if countries.strip().lower() != "all":
        chosen = set(choose_countries(countries, run_inputs_from(root, seed, manifest_fingerprint)))
    rows = export_geoparquet(passed, out, chosen)
    click.echo(f"{out}: {rows:,} sites")
