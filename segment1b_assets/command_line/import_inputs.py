"""``segment1b import``: borders, rasters and tables of merchants become a data root's inputs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.table import Table

from segment1b_assets.command_line.choices import summary_of_codes
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
    """Country borders from any vector file: Shapefile (zipped, too), GeoPackage, GeoJSON,
    FlatGeobuf, GeoParquet.

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
    console = Console(soft_wrap=True, highlight=False)
    changed = {
        c: m for c, m in found.countries.items()
        if m.mended or m.cut or m.dropped or m.rows > 1 or m.geometry is None
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
