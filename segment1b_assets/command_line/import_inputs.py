"""``segment1b import``: borders, rasters and tables of merchants become a data root's inputs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeVar

import click
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from segment1b_assets.command_line.choices import summary_of_codes
from segment1b_assets.command_line.json_output import console_for
from segment1b_assets.storage.data_root import DataRoot
from segment1b_assets.storage.open_root import in_a_store, open_root

F = TypeVar("F", bound=Callable[..., Any])
_SOURCE = click.Path(path_type=Path)


def import_options(command: F) -> F:
    """SOURCE…, --root and --replace, as every import has them."""
    for option in (
        click.option(
            "--replace", is_flag=True,
            help="Put the result in place of another one, which moves to retired/ in the root.",
        ),
        click.option("--root", required=True, help="Data root: a folder made by `segment1b init`."),
        click.argument("sources", nargs=-1, required=True, type=_SOURCE, metavar="SOURCE..."),
    ):  # fmt: skip
        command = option(command)
    return command


def root_to_write(root: str) -> DataRoot:
    """The root of --root: a folder of this machine that is there."""
    if in_a_store(root):
        raise click.BadParameter("import into a folder, then copy that up", param_hint="--root")
    if not Path(root).is_dir():
        raise click.BadParameter(
            f"{root} is not there: make it with `segment1b init {root}`", param_hint="--root"
        )
    return open_root(Path(root))


@click.group("import")
def import_group() -> None:
    """Bring foreign files to the form that the states read; what is there is not overwritten."""


@import_group.command()
@import_options
@click.option("--layer", metavar="NAME", help="The layer, where the file has several.")
@click.option("--code", metavar="COLUMN", help="The column of country codes; else found by itself.")
@click.option("--name", metavar="COLUMN", help="The column of names; else the ISO list's names.")
@click.option(
    "--alias", "aliases", multiple=True, metavar="XKX=RS",
    help="Another code's ground belongs to this country. Give it several times.",
)  # fmt: skip
@click.option(
    "--simplify", type=click.FloatRange(0, 1, min_open=True), metavar="DEGREES",
    help="Leave out detail below this: for files too large for a worker (0.001 is some 100 m).",
)  # fmt: skip
def polygons(
    sources: tuple[Path, ...],
    root: str,
    replace: bool,
    layer: str | None,
    code: str | None,
    name: str | None,
    aliases: tuple[str, ...],
    simplify: float | None,
) -> None:
    """Country borders from any vector file.

    Shapefile (zipped, too), GeoPackage, GeoJSON, FlatGeobuf, FileGDB, GeoParquet.

    Reprojected to WGS84; the rows of a country united; heights dropped; invalid rings mended;
    rings across 180 degrees cut, Antarctica closed at the pole. Codes that are on no ISO list are
    named and left out. Nothing is written where something is refused.
    """
    from segment1b_assets.imports.polygon_import import import_polygons
    from segment1b_assets.imports.polygon_picture import draw_polygons

    data = root_to_write(root)
    found = import_polygons(
        data, sources, layer=layer, code=code, name=name, aliases=_aliases(aliases),
        simplify=simplify, replace=replace,
    )  # fmt: skip
    picture = data.path / "reports" / "imports" / "polygons.png"
    data.replace_file(picture, draw_polygons(found.countries))
    console = console_for(False, 140, soft_wrap=True, highlight=False)
    changed = {
        c: m for c, m in found.countries.items()
        if m.mended or m.cut or m.dropped or m.rows > 1 or m.wkb is None
    }  # fmt: skip
    if changed:
        table = Table(title="countries that were changed")
        for title in ("country", "rows", "mended", "cut", "at a pole", "dropped", "km²", "change"):
            table.add_column(title, justify="left" if title == "country" else "right")
        for country, m in changed.items():
            change = m.km2_after - m.km2_before
            table.add_row(
                country, str(m.rows), str(m.mended), str(m.cut), str(m.closed_at_pole),
                str(m.dropped), f"{m.km2_after:,.1f}", f"{change:+,.3f}",
            )  # fmt: skip
        console.print(table)
    for source, column in found.code_columns.items():
        console.print(f"codes: column {column} of {source}")
    for text, rows in sorted(found.unlisted.items()):
        label = repr(text) if text else "no code"
        console.print(f"left out: {label} ({rows} rows), not on the ISO list; --alias takes it in")
    if found.missing:
        console.print(
            f"without a polygon: {len(found.missing)} countries ({summary_of_codes(found.missing)})"
        )
    console.print(f"picture: {picture}")
    console.print(f"{found.placed}: {found.target} ({len(found.names)} countries)")


def _aliases(texts: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for text in texts:
        other, equals, code = text.partition("=")
        if not (other.strip() and equals and code.strip()):
            raise click.BadParameter(f"{text!r} is not of the form XKX=RS", param_hint="--alias")
        found[other.strip()] = code.strip()
    return found


@import_group.command()
@import_options
@click.option(
    "--kind", type=click.Choice(["counts", "density"]), default="counts", show_default=True,
    help="What a value is: persons in the cell, or persons a km².",
)  # fmt: skip
@click.option(
    "--cells-per-degree", type=click.IntRange(1, 7200), metavar="N",
    help="Of the result; 120 is 30 arc-seconds. Default: the source's cells, or the nearest usual.",
)  # fmt: skip
@click.option(
    "--countries", metavar="FR,DE",
    help="Keep only the rectangle that holds these countries of the root's polygons.",
)  # fmt: skip
def raster(
    sources: tuple[Path, ...],
    root: str,
    replace: bool,
    kind: Literal["counts", "density"],
    cells_per_degree: int | None,
    countries: str | None,
) -> None:
    """A population raster or a mosaic, in any CRS.

    Any format that GDAL reads; also a zip archive with one GeoTIFF. Cells that several files of a
    mosaic fill add up.

    The number of people is kept: each cell's count goes to the cells of the result by area.
    Nodata, masks, scale and offset are resolved. A grid that is in EPSG:4326 is kept cell for cell.
    """
    from segment1b_assets.imports.country_totals import bounds_of, country_totals
    from segment1b_assets.imports.raster_import import import_raster

    data = root_to_write(root)
    console = console_for(False, 140, soft_wrap=True, highlight=False)
    bounds = None if countries is None else bounds_of(data, _codes(countries))
    with Progress(
        TextColumn("reading"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(),
        console=console, disable=not console.is_terminal,
    ) as bars:  # fmt: skip
        task = bars.add_task("cells")
        found = import_raster(
            data, sources, kind=kind, cells_per_degree=cells_per_degree, bounds=bounds,
            replace=replace,
            progress=lambda done, whole: bars.update(task, completed=done, total=whole),
        )  # fmt: skip
    table = Table(title="persons")
    for title in ("source", "read", "outside of the result", "off the map"):
        table.add_column(title, justify="left" if title == "source" else "right")
    for source, total in found.totals.items():
        table.add_row(
            Path(source).name, f"{total.read:,.1f}", f"{total.outside:,.1f}",
            f"{total.off_map:,.1f}",
        )  # fmt: skip
    console.print(table)
    read = sum(t.read for t in found.totals.values())
    expected = read - sum(t.outside + t.off_map for t in found.totals.values())
    loss = 0.0 if expected == 0 else (found.stored - expected) / expected
    console.print(f"total before: {read:,.1f}; after: {found.stored:,.1f} (rounding {loss:+.1e})")
    totals = country_totals(data)
    if totals:
        by_country = Table(title="persons by country, by cell centre")
        for title in ("country", "persons"):
            by_country.add_column(title, justify="left" if title == "country" else "right")
        for country, persons in totals.items():
            by_country.add_row(country, f"{persons:,.1f}")
        console.print(by_country)
    grid = found.grid
    console.print(
        f"{found.placed}: {found.target} ({grid.nrows} x {grid.ncols} cells of "
        f"{grid.size_x * 3600:g} arc-seconds, {'kept' if found.kept else 'resampled'})"
    )


def _codes(text: str) -> list[str]:
    found = sorted({part.strip().upper() for part in text.split(",") if part.strip()})
    if not found:
        raise click.BadParameter("names no country", param_hint="--countries")
    return found


@import_group.command()
@import_options
@click.option("--merchant", metavar="COLUMN", help="The column of merchant ids (64 bits).")
@click.option("--country", metavar="COLUMN", help="The column of countries, alpha-2 or alpha-3.")
@click.option("--sites", metavar="COLUMN", help="A row is a pair, and this is its number of sites.")
@click.option("--order", metavar="COLUMN", help="A row is a site, and this is its number, 1 to n.")
@click.option(
    "--seed", type=click.IntRange(0, (1 << 64) - 1), default=1, show_default=True, metavar="N",
    help="Master seed of the draws.",
)  # fmt: skip
def outlets(
    sources: tuple[Path, ...],
    root: str,
    replace: bool,
    merchant: str | None,
    country: str | None,
    sites: str | None,
    order: str | None,
    seed: int,
) -> None:
    """A table of merchants and their sites.

    CSV (UTF-8; the separator is found), Parquet, Arrow or NDJSON, also larger than memory. Columns
    with usual names are found: merchant_id, merchant or id; country, country_code, iso2 or iso3.

    Without --sites and --order a row is a site, numbered in the order of the file. Ids are decimal
    or 0x text, unsigned, or signed 64 bits. Writes the catalogue and a 1A bundle with its flag,
    which vouches for the files' hashes only.
    """
    if sites is not None and order is not None:
        raise click.UsageError("give --sites or --order, not both")
    from segment1b_assets.imports.outlet_import import OutletColumns, import_outlets

    found = import_outlets(
        root_to_write(root), sources, OutletColumns(merchant, country, sites, order), seed=seed,
        replace=replace,
    )  # fmt: skip
    read = found.read
    click.echo(f"read {read.rows:,} rows")
    if read.hexadecimal:
        click.echo(f"ids in base 16: {read.hexadecimal:,} rows")
    if read.signed:
        click.echo(f"negative ids taken as the same 64 bits without a sign: {read.signed:,} rows")
    for text, (code, rows) in sorted(read.other_codes.items()):
        click.echo(f"country {text!r} is {code}: {rows:,} rows")
    click.echo(
        f"{found.placed}: {found.folder} ({found.merchants:,} merchants, {found.pairs:,} pairs, "
        f"{found.sites:,} sites)\n"
        f"seed={found.seed} manifest_fingerprint={found.manifest_fingerprint}\n"
        "The 1A bundle beside it vouches for the files' hashes, and for nothing else."
    )
