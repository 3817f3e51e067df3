"""A vector file of any make: one layer's geometries and the columns that are asked for.

OGR reads everything but GeoParquet, which its wheel has no driver for: that Arrow reads.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import shapely
from numpy.typing import NDArray

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.input_files import require_file

#: Files that a zip archive may hold and that are a source by themselves.
_READABLE: Final = (".shp", ".gpkg", ".geojson", ".json", ".fgb", ".gdb", ".kml", ".gml")
_PARQUET: Final = (".parquet", ".geoparquet", ".parq", ".pq")
#: Overture's divisions hold regions and the territorial sea beside countries and their land.
_OVERTURE: Final = {"subtype", "class", "country"}
#: A country with many islands passes GDAL's limit of 200 MB for one object of a GeoJSON file.
_OPTIONS: Final = {"OGR_GEOJSON_MAX_OBJ_SIZE": "4000"}


@dataclass(frozen=True)
class VectorTable:
    """What was read.

    Attributes:
        file: the source, for messages.
        layer: the layer's name; None where the format has none.
        crs: anything that `pyproj.CRS` takes; None where the file names none.
        geometries: object array of shapely geometries (None where null), shape (rows,).
        columns: name -> texts, alongside; a null is "".
    """

    file: Path
    layer: str | None
    crs: Any
    geometries: NDArray[np.object_]
    columns: dict[str, list[str]]


def read_vector(
    path: Path, layer: str | None, choose: Callable[[Sequence[str]], Sequence[str]]
) -> VectorTable:
    """Read a layer; `choose` gets the names of all columns and gives those to read.

    Raises:
        Segment1BError: E_INPUT_MISSING; E_INPUT_SCHEMA where the file cannot be read, holds no
            such layer, or several and none is named.
    """
    if not (path.is_dir() and path.suffix.lower() == ".gdb"):
        require_file(path, missing="E_INPUT_MISSING", unreadable="E_INPUT_SCHEMA", what="the file")
    if path.name.lower().endswith(_PARQUET):
        return _read_geoparquet(path, choose)
    return _read_with_ogr(path, layer, choose)


def _read_with_ogr(
    path: Path, layer: str | None, choose: Callable[[Sequence[str]], Sequence[str]]
) -> VectorTable:
    import pyogrio  # here: its GDAL looks at the environment when it is loaded
    import pyogrio.raw
    from pyogrio.errors import DataLayerError, DataSourceError

    pyogrio.set_gdal_config_options(_OPTIONS)
    place = _inside_archive(path)
    try:
        chosen = layer if layer is not None else _only_layer(pyogrio.list_layers(place), path)
        info = pyogrio.read_info(place, layer=chosen)
        wanted = [name for name in choose(list(info["fields"])) if name in info["fields"]]
        _, _, wkb, fields = pyogrio.raw.read(
            place, layer=chosen, columns=wanted, force_2d=True, encoding=None
        )
    except DataLayerError as err:
        names = ", ".join(sorted(str(row[0]) for row in pyogrio.list_layers(place)))
        raise Segment1BError(
            "E_INPUT_SCHEMA", f"has no layer {layer!r}: {err}", file=path, value=layer,
            next_step=f"name one of its layers with --layer: {names}",
        ) from err  # fmt: skip
    except DataSourceError as err:
        raise Segment1BError(
            "E_INPUT_SCHEMA", f"cannot be read as a vector file: {err}", file=path,
            next_step="give a Shapefile (also zipped), GeoPackage, GeoJSON, FlatGeobuf or "
            "GeoParquet",
        ) from err  # fmt: skip
    if wkb is None:
        raise Segment1BError("E_INPUT_SCHEMA", "holds no geometries", file=path, value=chosen)
    in_order = [name for name in info["fields"] if name in wanted]
    columns = {name: _texts(field) for name, field in zip(in_order, fields, strict=True)}
    return VectorTable(path, chosen, info["crs"], _geometries(wkb), columns)


def _only_layer(layers: NDArray[Any], path: Path) -> str:
    shaped = [str(name) for name, kind in layers if kind is None or "Polygon" in kind]
    shaped = shaped or [str(name) for name, kind in layers if kind is not None]
    if len(shaped) == 1:
        return shaped[0]
    raise Segment1BError(
        "E_INPUT_SCHEMA",
        f"holds {len(shaped)} layers of polygons" if shaped else "holds no layer with geometries",
        file=path,
        next_step=f"name one with --layer: {', '.join(shaped)}" if shaped else None,
    )


def _inside_archive(path: Path) -> str:
    if path.suffix.lower() != ".zip":
        return str(path)
    try:
        with zipfile.ZipFile(path) as archive:
            names = sorted(n for n in archive.namelist() if n.lower().endswith(_READABLE))
    except zipfile.BadZipFile as err:
        raise Segment1BError("E_INPUT_SCHEMA", f"is no zip archive: {err}", file=path) from err
    if len(names) != 1:
        raise Segment1BError(
            "E_INPUT_SCHEMA", f"holds {len(names)} vector files where one is needed", file=path,
            value=", ".join(names[:8]) or None, next_step="unpack it and give the file itself",
        )  # fmt: skip
    return f"/vsizip/{{{path.absolute()}}}/{names[0]}"


def _read_geoparquet(path: Path, choose: Callable[[Sequence[str]], Sequence[str]]) -> VectorTable:
    try:
        schema = pq.read_schema(path)
        geo = json.loads((schema.metadata or {})[b"geo"])
        name = geo["primary_column"]
        column = geo["columns"][name]
    except (pa.ArrowException, KeyError, ValueError, TypeError) as err:
        raise Segment1BError(
            "E_INPUT_SCHEMA", f"is no GeoParquet file: {err!r}", file=path
        ) from err
    if column.get("encoding") != "WKB":
        raise Segment1BError(
            "E_INPUT_SCHEMA", "its geometry must be encoded as WKB", file=path,
            value=column.get("encoding"), next_step="write it so "
            '(geopandas: to_parquet(path, geometry_encoding="WKB"))',
        )  # fmt: skip
    wanted = [c for c in choose([n for n in schema.names if n != name]) if c in schema.names]
    rows = None
    if set(schema.names) >= _OVERTURE:
        rows = ds.field("subtype").isin(["country", "dependency"]) & (ds.field("class") == "land")
    table = ds.dataset(path).to_table(columns=[*wanted, name], filter=rows)
    crs = column.get("crs", "OGC:CRS84")
    wkb = table.column(name).to_numpy(zero_copy_only=False)
    columns = {
        c: pc.fill_null(pc.cast(table.column(c), pa.string()), "").to_pylist() for c in wanted
    }
    return VectorTable(path, None, crs, _geometries(wkb), columns)


def _geometries(wkb: NDArray[Any]) -> NDArray[np.object_]:
    """Shapely's geometries; one that cannot be built (a ring of two points) is None."""
    with np.errstate(invalid="ignore"):
        found = shapely.from_wkb(wkb, on_invalid="fix")
    flat: NDArray[np.object_] = shapely.force_2d(found)
    return flat


def _texts(field: NDArray[Any]) -> list[str]:
    if field.dtype.kind == "f":
        return ["" if np.isnan(v) else f"{v:.15g}" for v in field.tolist()]
    return ["" if value is None else str(value) for value in field.tolist()]
