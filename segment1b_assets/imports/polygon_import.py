"""Country polygons from any vector files into a data root (contract §3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import shapely

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.core.polygon import CountryPolygon
from segment1b_assets.imports.code_column import columns_to_read, find_codes
from segment1b_assets.imports.country_codes import CountryCodes, read_country_codes
from segment1b_assets.imports.mend_polygons import MendedCountry, mend_by_country, to_degrees
from segment1b_assets.imports.place_input import Placed, place_input
from segment1b_assets.imports.plain_environment import plain_environment
from segment1b_assets.imports.simplify_rings import require_workable_size, simplify_polygons
from segment1b_assets.imports.starting_root import ISO_LIST
from segment1b_assets.imports.vector_source import VectorTable, read_vector
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
    shapes: list[shapely.Geometry | None] = []
    labels: list[str] = []
    given: dict[str, str] = {}
    unlisted: dict[str, int] = {}
    code_columns: dict[str, str] = {}
    with plain_environment():
        for source in sources:
            table = read_vector(source, layer, lambda names: columns_to_read(names, (code, name)))
            column, texts = find_codes(table.columns, code, codes, source)
            code_columns[str(source)] = column
            listed = _listed(texts, codes, unlisted)
            rows = np.flatnonzero([label is not None for label in listed])
            shapes += to_degrees(table.geometries[rows], table.crs, source).tolist()
            labels += [str(listed[at]) for at in rows.tolist()]
            _take_names(table, name, listed, given)
    if not labels:
        raise Segment1BError(
            "E_INPUT_SCHEMA", "no row has a code that is on the ISO list", file=sources[0],
            value=", ".join(sorted(unlisted)[:8]), next_step="name the right column with --code",
        )  # fmt: skip
    whole = np.array(shapes, dtype=object)
    if simplify is not None:
        whole = simplify_polygons(whole, simplify)
    require_workable_size(whole, labels, sources[0], simplify)
    countries = mend_by_country(whole, labels)
    kept = {c: m.geometry for c, m in countries.items() if m.geometry is not None}
    for country, geometry in kept.items():
        CountryPolygon.from_geometry(country, geometry, sources[0])
    names = {c: given.get(c, codes.names[c]) for c in kept}
    target = root.path_for(DATASET)
    with root.staging_area() as work:
        staged = work / target.name
        write_country_polygons(
            staged, list(kept), list(names.values()), np.array(list(kept.values()), dtype=object)
        )
        _require_readable(staged, kept, codes)
        placed = place_input(root, DATASET, staged, target, replace=replace)
    missing = [c for c in codes.names if c not in kept]
    return PolygonImport(placed, target, code_columns, countries, unlisted, missing, names)


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
            next_step="name a column of the file with --name, or leave it out: the ISO list has "
            "names",
        )  # fmt: skip
    for label, text in zip(listed, table.columns[name], strict=True):
        if label is not None and text:
            given.setdefault(label, text)


def _require_readable(
    staged: Path, kept: Mapping[str, shapely.Geometry], codes: CountryCodes
) -> None:
    """What the states read must be what was written, within their limits of size."""
    try:
        wkb = read_country_shapes(staged, frozenset(codes.names)).wkb
        for country, stored in wkb.items():
            CountryPolygon.from_wkb(country, stored, staged)
    except Segment1BError as err:
        vertices = {c: int(shapely.get_num_coordinates(g)) for c, g in kept.items()}
        largest = max(vertices, key=lambda c: (vertices[c], c))
        raise err.with_next_step(
            f"simplify the source (ogr2ogr -simplify 0.001): {sum(vertices.values()):,} vertices, "
            f"{largest} alone {vertices[largest]:,}"
        ) from err
