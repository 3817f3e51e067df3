"""Readers of the reference files: ISO list and country polygons (contract §3)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from segment1b_assets.contracts.countries import COUNTRY_CODES
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.storage.column_kinds import is_bytes, is_text
from segment1b_assets.storage.parquet import open_parquet, read_batches

#: A table of countries has some hundreds of rows. More rows or uncompressed bytes are refused: a
#: few kilobytes can decompress to more than memory holds.
_MAX_ROWS = 10_000
_MAX_BYTES = 256 << 20
#: Few, because a value that is stored once may be large and repeat in every row.
_ROWS_AT_ONCE = 1
_CODES = ("OGC:CRS84", "EPSG:4326")
_CODE = re.compile(r"[A-Z]{2}")


@dataclass(frozen=True)
class IsoList:
    """The ISO list, each mapping in code order.

    Attributes:
        names: country_iso -> name.
        alpha3: country_iso -> the code of three letters.
        numeric: country_iso -> the numeric code, where the file has one.
    """

    names: dict[str, str]
    alpha3: dict[str, str]
    numeric: dict[str, int]


def read_iso_list(path: Path) -> IsoList:
    """The ISO list.

    Raises:
        Segment1BError: E_INPUT_MISSING, E_INPUT_SCHEMA, E005_ISO_FK (a code of another form).
    """
    with open_parquet(path) as reader:
        _require_small(reader, path)
        names = reader.schema_arrow.names
        _require_columns(names, ("country_iso", "alpha3", "numeric_code", "name"), path)
        if reader.schema_arrow.field("numeric_code").type != pa.int16():
            raise Segment1BError(
                "E_INPUT_SCHEMA", "numeric_code must be int16", file=path,
                value=str(reader.schema_arrow.field("numeric_code").type),
            )  # fmt: skip
    codes: dict[str, tuple[str, str, int | None]] = {}
    texts = ("country_iso", "alpha3", "name")
    for batch in read_batches([path], [*texts, "numeric_code"], _ROWS_AT_ONCE):
        for code, alpha3, name, number in zip(
            *(_texts(batch, c, path) for c in texts), batch.column("numeric_code").to_pylist(),
            strict=True,
        ):  # fmt: skip
            if not _CODE.fullmatch(code):
                raise Segment1BError(
                    "E005_ISO_FK",
                    "country_iso must be two upper-case letters",
                    file=path,
                    value=code,
                )
            if code in codes:
                raise Segment1BError("E_INPUT_SCHEMA", "country_iso repeats", file=path, value=code)
            if code not in COUNTRY_CODES:
                raise Segment1BError(
                    "E_INPUT_SCHEMA",
                    "country_iso is none of the 249 codes of ISO 3166-1 of 2024-12-31",
                    file=path,
                    value=code,
                    next_step="remove the row; `import polygons --alias` gives its ground to a "
                    "country",
                )
            codes[code] = alpha3, name, number
    ordered = sorted(codes.items())
    return IsoList(
        names={code: name for code, (_, name, _) in ordered},
        alpha3={code: alpha3 for code, (alpha3, _, _) in ordered},
        numeric={code: number for code, (_, _, number) in ordered if number is not None},
    )


@dataclass(frozen=True)
class CountryShapes:
    """The polygon table: WKB by country, and the faults of single rows.

    Attributes:
        wkb: country_iso -> WKB of its geometry.
        faults: country_iso -> the error of its row.
        unknown_codes: codes in the file that are not on the ISO list, in order.
        file: where it was read.
    """

    wkb: dict[str, bytes]
    faults: dict[str, Segment1BError]
    unknown_codes: tuple[str, ...]
    file: Path


def read_country_shapes(path: Path, iso_codes: frozenset[str]) -> CountryShapes:
    """Read the GeoParquet of country polygons.

    Raises:
        Segment1BError: E_INPUT_MISSING, E_INPUT_SCHEMA, E007_CRS_MISMATCH.
    """
    with open_parquet(path) as reader:
        _require_small(reader, path)
        metadata = (reader.metadata.metadata or {}).get(b"geo")
        geometry = _geometry_column(metadata, path)
        _require_columns(reader.schema_arrow.names, ("country_iso", "name", geometry), path)
        kind = reader.schema_arrow.field(geometry).type
        if not is_bytes(kind):
            raise Segment1BError(
                "E_INPUT_SCHEMA",
                f"column {geometry!r} must be WKB (binary)",
                file=path,
                value=str(kind),
            )
    wkb: dict[str, bytes] = {}
    faults: dict[str, Segment1BError] = {}
    unknown_codes: set[str] = set()
    for batch in read_batches([path], ["country_iso", geometry], _ROWS_AT_ONCE):
        for code, shape in zip(
            _texts(batch, "country_iso", path), batch.column(geometry).to_pylist(), strict=True
        ):
            if code not in iso_codes:
                unknown_codes.add(code)
                # A code in the wrong case would otherwise leave its country empty without an error.
                if (meant := code.strip().upper()) in iso_codes:
                    faults[meant] = Segment1BError(
                        "E005_ISO_FK", f"its polygon is filed under {code!r}", country=meant,
                        file=path, value=code,
                    )  # fmt: skip
            elif code in wkb:
                faults[code] = Segment1BError(
                    "E_INPUT_SCHEMA",
                    "has more than one row in the polygon table",
                    country=code,
                    file=path,
                )
            elif shape is None:
                faults[code] = Segment1BError(
                    "E001_GEO_INVALID", "its geometry is null", country=code, file=path
                )
            else:
                wkb[code] = shape
    return CountryShapes(wkb, faults, tuple(sorted(unknown_codes)), path)


def _geometry_column(geo: bytes | None, path: Path) -> str:
    try:
        document: Any = json.loads(geo) if geo is not None else None
        name: str = document["primary_column"]
        column: dict[str, Any] = document["columns"][name]
        encoding = column["encoding"]
    except (ValueError, KeyError, TypeError, RecursionError) as err:
        raise Segment1BError(
            "E_INPUT_SCHEMA", "its 'geo' metadata does not name a primary geometry column",
            file=path, next_step="write the file as GeoParquet (for example geopandas.to_parquet)",
        ) from err  # fmt: skip
    if encoding != "WKB":
        raise Segment1BError(
            "E_INPUT_SCHEMA", "geometry must be encoded as WKB", file=path, value=encoding,
            next_step='write it so (geopandas: to_parquet(path, geometry_encoding="WKB"))',
        )  # fmt: skip
    if (edges := column.get("edges", "planar")) != "planar":
        raise Segment1BError(
            "E_INPUT_SCHEMA", "edges must be planar: straight in longitude and latitude", file=path,
            value=edges, next_step="write the polygons with planar edges, with vertices added "
            "(shapely.segmentize) where an edge is long, and re-run",
        )  # fmt: skip
    if "crs" in column and column["crs"] is None:
        raise Segment1BError(
            "E007_CRS_MISMATCH", "the polygons' CRS is unknown (null)", file=path, value="null",
            next_step="if they are degrees on WGS84, declare it (geopandas: g.set_crs(4326)), "
            "and rewrite the file",
        )  # fmt: skip
    if "crs" in column and not is_wgs84(column["crs"]):
        raise Segment1BError(
            "E007_CRS_MISMATCH", "polygons must be in OGC:CRS84 or EPSG:4326", file=path,
            value=_crs_name(column["crs"]),
            next_step="reproject them (geopandas: g.to_crs(4326)), and rewrite the file",
        )  # fmt: skip
    return name


def is_wgs84(crs: Any) -> bool:
    """Whether a CRS is longitude and latitude on WGS84, independent of the environment.

    Args:
        crs: PROJJSON; or, from writers before GeoParquet 1.0, WKT or an authority's code.
    """
    if isinstance(crs, str):
        return crs.strip().upper() in _CODES or _is_wgs84_wkt(crs)
    if not isinstance(crs, dict):
        return False
    identifier = crs.get("id")
    if isinstance(identifier, dict):
        pair = (str(identifier.get("authority")).upper(), str(identifier.get("code")).upper())
        return pair in {("OGC", "CRS84"), ("EPSG", "4326")}
    return _is_epsg_4326(lambda crs_of: crs_of.from_user_input(json.dumps(crs)))


def _is_wgs84_wkt(text: str) -> bool:
    if not text.lstrip().upper().startswith(("GEOGCRS[", "GEOGCS[")):
        return False  # GDAL would look up anything else, even in a file
    return _is_epsg_4326(lambda crs_of: crs_of.from_wkt(text))


def _is_epsg_4326(made_by: Callable[[Any], Any]) -> bool:
    """Whether a CRS that GDAL reads is WGS84; `made_by` gets rasterio's class."""
    # Imported only for a file with a spelt-out CRS: rasterio takes as long as `segment1b status`.
    from rasterio.crs import CRS
    from rasterio.errors import CRSError

    from segment1b_assets.storage.gdal_settings import gdal_settings

    try:
        with gdal_settings():
            return bool(made_by(CRS).to_epsg() == 4326)
    except CRSError:
        return False


def _crs_name(crs: Any) -> str:
    if isinstance(crs, dict):
        return str(crs.get("id") or crs.get("name") or "unnamed")
    return repr(crs)


def _require_small(reader: pq.ParquetFile, path: Path) -> None:
    metadata = reader.metadata
    if metadata.num_rows > _MAX_ROWS:
        raise Segment1BError(
            "E_INPUT_SCHEMA", f"has {metadata.num_rows:,} rows, and a table of countries at most "
            f"{_MAX_ROWS:,}", file=path, value=metadata.num_rows,
        )  # fmt: skip
    unpacked = sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
    if unpacked > _MAX_BYTES:
        raise Segment1BError(
            "E_INPUT_SCHEMA", f"unpacks to {unpacked >> 20:,} MiB; the limit is "
            f"{_MAX_BYTES >> 20:,} MiB", file=path, value=unpacked,
            next_step="simplify the polygons: a worker has 1 GiB of memory for everything",
        )  # fmt: skip


def _require_columns(names: list[str], needed: tuple[str, ...], path: Path) -> None:
    for name in needed:
        if name not in names:
            raise Segment1BError("E_INPUT_SCHEMA", f"column {name!r} is missing", file=path)


def _texts(batch: pa.RecordBatch, name: str, path: Path) -> list[str]:
    column = batch.column(name)
    if not is_text(column.type):
        raise Segment1BError(
            "E_INPUT_SCHEMA", f"column {name!r} must be text", file=path, value=str(column.type)
        )
    if pc.any(pc.is_null(column)).as_py():
        raise Segment1BError("E_INPUT_SCHEMA", f"column {name!r} holds a null", file=path)
    try:
        return list(column.to_pylist())
    except UnicodeDecodeError as err:
        raise Segment1BError(
            "E_INPUT_SCHEMA", f"column {name!r} holds text that is not UTF-8", file=path,
            value=err.object[:40],
        ) from err  # fmt: skip
