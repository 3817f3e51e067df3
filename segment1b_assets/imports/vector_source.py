"""A vector file of any make: one layer's geometries and the columns that are asked for.

OGR reads everything but GeoParquet, which its wheel has no driver for (Arrow reads it), and plain
GeoJSON, which it needs too much memory for.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
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
from segment1b_assets.imports.geojson_source import UnusualGeoJsonError, read_geojson
from segment1b_assets.imports.place_input import CHECK_PATH
from segment1b_assets.imports.zip_archive import inside_archive, members

#: Files that a zip archive may hold and that are a source by themselves.
_READABLE: Final = (".shp", ".gpkg", ".geojson", ".json", ".fgb", ".gdb", ".kml", ".gml")
_GEOJSON: Final = (".geojson", ".json")
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
        crs: anything that `pyproj.CRS` takes; None where the file names none.
        wkb: geometries as WKB (None where null), object array of shape (rows,).
        columns: name -> texts, alongside; a null is "".
        names: of all columns, those that were not read, too.
    """

    file: Path
    crs: Any
    wkb: NDArray[np.object_]
    columns: dict[str, list[str]]
    names: tuple[str, ...] = ()


def read_vector(
    path: Path, layer: str | None, choose: Callable[[Sequence[str]], Sequence[str]]
) -> VectorTable:
    """Read a layer; `choose` gets the names of all columns and gives those to read.

    Raises:
        Segment1BError: E_INPUT_MISSING; E_INPUT_SCHEMA where the file cannot be read, holds no
            such layer, or several and none is named.
    """
    if not (path.is_dir() and path.suffix.lower() == ".gdb"):
        require_file(
            path, missing="E_INPUT_MISSING", unreadable="E_INPUT_SCHEMA", next_step=CHECK_PATH
        )
    if path.name.lower().endswith(_PARQUET):
        return _read_geoparquet(path, choose)
    if layer is None and (found := _read_geojson(path, choose)) is not None:
        return found
    return _read_with_ogr(path, layer, choose)


def _read_geojson(
    path: Path, choose: Callable[[Sequence[str]], Sequence[str]]
) -> VectorTable | None:
    """A FeatureCollection, also in a zip archive; None for what OGR is to read."""
    try:
        with ExitStack() as opened:
            if path.suffix.lower() == ".zip":
                archive = opened.enter_context(zipfile.ZipFile(path))
                names = members(archive, _READABLE)
                if len(names) != 1 or not names[0].lower().endswith(_GEOJSON):
                    return None
                stream = opened.enter_context(archive.open(names[0]))
            elif path.name.lower().endswith(_GEOJSON):
                stream = opened.enter_context(path.open("rb"))
            else:
                return None
            features = read_geojson(stream)
    except (UnusualGeoJsonError, zipfile.BadZipFile):
        return None
    given: list[str] = []

    def noted(names: Sequence[str]) -> Sequence[str]:
        given.extend(names)
        return choose(names)

    columns = features.columns(noted)
    wkb = np.array([*features.wkb, None], dtype=object)[:-1]
    return VectorTable(path, features.crs, wkb, columns, tuple(given))


def _read_with_ogr(
    path: Path, layer: str | None, choose: Callable[[Sequence[str]], Sequence[str]]
) -> VectorTable:
    import pyogrio  # imported late: its GDAL reads the environment when it is loaded
    import pyogrio.raw
    from pyogrio.errors import DataLayerError, DataSourceError

    pyogrio.set_gdal_config_options(_OPTIONS)
    place = inside_archive(
        path, _READABLE, code="E_INPUT_SCHEMA", kind="vector files",
        next_step="unpack it and give the file itself",
    )  # fmt: skip
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
    return VectorTable(path, info["crs"], wkb, columns, tuple(info["fields"]))


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


def _read_geoparquet(path: Path, choose: Callable[[Sequence[str]], Sequence[str]]) -> VectorTable:
    try:
        schema = pq.read_schema(path)
        geo = json.loads((schema.metadata or {})[b"geo"])
        name = geo["primary_column"]
        column = geo["columns"][name]
    except (pa.ArrowException, KeyError, ValueError, TypeError) as err:
        raise Segment1BError(
            "E_INPUT_SCHEMA", "is no GeoParquet file: its footer names no column of geometries",
            file=path, next_step="write it as such (geopandas: to_parquet), or give another format",
        ) from err  # fmt: skip
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
    names = tuple(n for n in schema.names if n != name)
    return VectorTable(path, crs, wkb, columns, names)


def shapes_of(wkb: NDArray[np.object_]) -> NDArray[np.object_]:
    """Shapely's geometries without heights; None where one cannot be built (a ring of two points).

    Args:
        wkb: object array of bytes or None, shape (rows,).
    """
    with np.errstate(invalid="ignore"):
        found = shapely.from_wkb(wkb, on_invalid="fix")
    flat: NDArray[np.object_] = shapely.force_2d(found)
    return flat


def _texts(field: NDArray[Any]) -> list[str]:
    if field.dtype.kind == "f":
        return ["" if np.isnan(v) else f"{v:.15g}" for v in field.tolist()]
    return ["" if value is None else str(value) for value in field.tolist()]
