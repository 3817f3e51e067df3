"""Country polygons from any vector files into a data root (contract §3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import shapely

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.core.polygon import CountryPolygon
from segment1b_assets.core.wkb_size import WkbSize
from segment1b_assets.imports.code_column import columns_to_read, find_codes
from segment1b_assets.imports.country_codes import CountryCodes, read_country_codes
from segment1b_assets.imports.mend_polygons import MendedCountry, mend_country, to_degrees
from segment1b_assets.imports.place_input import Placed, place_input
from segment1b_assets.imports.plain_environment import plain_environment
from segment1b_assets.imports.simplify_rings import (
    require_workable_size,
    simplify_polygons,
    size_of,
)
from segment1b_assets.imports.starting_root import ISO_LIST
from segment1b_assets.imports.vector_source import VectorTable, read_vector, shapes_of
from segment1b_assets.storage.country_tables import write_country_polygons
from segment1b_assets.storage.data_root import DataRoot
from segment1b_assets.storage.references import read_country_shapes

DATASET: Final = "world_countries"


@dataclass(frozen=True)
class PolygonImport:
    """What an import of polygons came to.

    Attributes:
        placed: what became of the file in the root.
        target: the file.
        code_columns: source -> the column whose codes were taken.
        countries: alpha-2 -> its shape and what was done to it.
        unlisted: code as written -> rows left out, "" for rows without a code.
        missing: alpha-2 of the listed countries without a polygon.
        names: alpha-2 -> name.
    """

    placed: Placed
    target: Path
    code_columns: dict[str, str]
    countries: dict[str, MendedCountry]
    unlisted: dict[str, int]
    missing: list[str]
    names: Mapping[str, str]


@dataclass
class _Row:
    """A row of a country: where it was read, and its geometry, None where there is none."""

    source: Path
    crs: Any
    wkb: bytes | None


def import_polygons(
    root: DataRoot,
    sources: Sequence[Path],
    *,
    layer: str | None = None,
    code: str | None = None,
    name: str | None = None,
    aliases: Mapping[str, str] | None = None,
    simplify: float | None = None,
    replace: bool = False,
) -> PolygonImport:
    """Read, mend and place country polygons; nothing is written where something is refused.

    Args:
        root: the data root; its ISO list must be there.
        sources: vector files; their rows are taken together.
        layer, code, name: the layer, the column of codes and of names, where they do not follow.
        aliases: other codes -> listed ones, such as {"XKX": "RS"}.
        simplify: degrees; vertices nearer than that to the line without them are left out.
        replace: retire polygons that are there.

    Raises:
        Segment1BError: as `read_vector`, `find_codes`, `to_degrees`, `place_input` and
            `CountryPolygon.from_geometry`; E_INPUT_SCHEMA where no row has a listed code.
    """
    codes = read_country_codes(root.ensure_local(root.path_for(ISO_LIST)), aliases)
    rows: dict[str, list[_Row]] = {}
    given: dict[str, str] = {}
    unlisted: dict[str, int] = {}
    code_columns: dict[str, str] = {}
    with plain_environment():
        for source in sources:
            table = read_vector(source, layer, lambda names: columns_to_read(names, (code, name)))
            column, texts = find_codes(table.columns, code, codes, source, table.names)
            code_columns[str(source)] = column
            listed = _listed(texts, codes, unlisted)
            for label, wkb in zip(listed, table.wkb.tolist(), strict=True):
                if label is not None:
                    rows.setdefault(label, []).append(_Row(source, table.crs, wkb))
            _take_names(table, name, listed, given)
        if not rows:
            raise Segment1BError(
                "E_INPUT_SCHEMA", "no row has a code that is on the ISO list", file=sources[0],
                value=", ".join(sorted(unlisted)[:8]), next_step="name the right column with "
                "--code",
            )  # fmt: skip
        # One country is built at a time; the others lie by as WKB.
        sizes = {country: _settle(rows[country], simplify) for country in sorted(rows)}
    require_workable_size(sizes, sources[0], simplify)
    countries: dict[str, MendedCountry] = {}
    for country in sizes:
        settled = np.array([*(row.wkb for row in rows.pop(country)), None], dtype=object)[:-1]
        countries[country] = mend_country(shapely.from_wkb(settled))
    kept = {c: m.wkb for c, m in countries.items() if m.wkb is not None}
    if not kept:
        raise Segment1BError(
            "E_INPUT_SCHEMA", "no row with a listed code has a polygon", file=sources[0],
            next_step="give a layer of polygons; lines and points of borders enclose nothing",
        )  # fmt: skip
    for country, wkb in kept.items():
        CountryPolygon.from_wkb(country, wkb, sources[0])
    names = {c: given.get(c, codes.names[c]) for c in kept}
    target = root.path_for(DATASET)
    with root.staging_area() as work:
        staged = work / target.name
        write_country_polygons(staged, list(kept), list(names.values()), list(kept.values()))
        _require_readable(staged, kept, codes)
        placed = place_input(root, DATASET, staged, target, replace=replace)
    missing = [c for c in codes.names if c not in kept]
    return PolygonImport(placed, target, code_columns, countries, unlisted, missing, names)


def _settle(rows: list[_Row], simplify: float | None) -> WkbSize:
    """Bring a country's rows into degrees, thinned out on request; its size then."""
    rings = vertices = 0
    for row in rows:
        shapes = shapes_of(np.array([row.wkb, None], dtype=object)[:1])
        shapes = to_degrees(shapes, row.crs, row.source)
        if simplify is not None:
            shapes = simplify_polygons(shapes, simplify)
        size = size_of(shapes)
        rings, vertices = rings + size.rings, vertices + size.vertices
        row.wkb = shapely.to_wkb(shapes[0])
    return WkbSize(rings, vertices)


def _listed(
    texts: Sequence[str], codes: CountryCodes, unlisted: dict[str, int]
) -> list[str | None]:
    resolved = codes.resolve(texts)
    for text in texts:
        if resolved[text] is None:
            unlisted[text.strip()] = unlisted.get(text.strip(), 0) + 1
    return [resolved[text] for text in texts]


def _take_names(
    table: VectorTable, name: str | None, listed: Sequence[str | None], given: dict[str, str]
) -> None:
    if name is None:
        return
    if name not in table.columns:
        raise Segment1BError(
            "E_INPUT_SCHEMA", f"has no column {name!r}", file=table.file, value=name,
            next_step="leave out --name (the ISO list has names), or name one of: "
            f"{', '.join(table.names)[:300]}",
        )  # fmt: skip
    for label, text in zip(listed, table.columns[name], strict=True):
        if label is not None and text:
            given.setdefault(label, text)


def _require_readable(staged: Path, kept: Mapping[str, bytes], codes: CountryCodes) -> None:
    """The states' reader must give what was written, within its limits of size."""
    try:
        stored = read_country_shapes(staged, frozenset(codes.names)).wkb
    except Segment1BError as err:
        largest = max(kept, key=lambda c: (len(kept[c]), c))
        raise err.with_next_step(
            f"ask for --simplify 0.001 or more: {sum(map(len, kept.values())) >> 20:,} MiB, "
            f"{largest} alone {len(kept[largest]) >> 20:,}"
        ) from err
    if stored != kept:
        raise Segment1BError("E_INPUT_SCHEMA", "reads otherwise than it was written", file=staged)
