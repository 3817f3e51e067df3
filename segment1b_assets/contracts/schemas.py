"""Table schemas: one declaration per table (contract §4).

Each declaration drives the Arrow schema that is written, the pandera model that validates, the
columns that the web UI shows, and the schema check.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

Kind = Literal["iso", "text", "uint64", "int64", "int32", "float64"]

_LABEL = pa.dictionary(pa.int32(), pa.string())
_ARROW: dict[Kind, pa.DataType] = {
    "iso": _LABEL,
    "text": pa.string(),
    "uint64": pa.uint64(),
    "int64": pa.int64(),
    "int32": pa.int32(),
    "float64": pa.float64(),
}


@dataclass(frozen=True)
class Column:
    """A column: name, kind, unit and meaning; `low` and `high` bound its values, both inclusive."""

    name: str
    kind: Kind
    meaning: str
    low: float | None = None
    high: float | None = None

    @property
    def arrow_type(self) -> pa.DataType:
        return _ARROW[self.kind]


@dataclass(frozen=True)
class TableSchema:
    """A table: dataset id, columns in published order, and the key that it is sorted by."""

    dataset: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]

    @property
    def arrow(self) -> pa.Schema:
        """The Arrow schema of a published file (no nulls; key-value metadata excluded)."""
        return pa.schema([pa.field(c.name, c.arrow_type, nullable=False) for c in self.columns])

    @property
    def wire(self) -> pa.Schema:
        """The schema of batches on their way to the writer: `text` too is dictionary-encoded.

        A text column is one constant per partition; as a dictionary it costs nothing to carry
        and to encode, and the file still declares it a plain string.
        """
        return pa.schema(
            [
                pa.field(c.name, _LABEL if c.kind == "text" else c.arrow_type, nullable=False)
                for c in self.columns
            ]
        )

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(c.name for c in self.columns)


def _iso(name: str = "country_iso") -> Column:
    return Column(name, "iso", "ISO 3166-1 alpha-2 code of the partition")


_TILE = Column("tile_id", "uint64", "row * raster columns + column, both from 0")
_MERCHANT = Column("merchant_id", "uint64", "merchant of segment 1A, all 64 bits")
_LEGAL = _iso("legal_country_iso")
_ORDER = Column("site_order", "int32", "number of the site within its pair, from 1", low=1)
_LON = Column("lon_deg", "float64", "longitude in degrees, WGS84")
_LAT = Column("lat_deg", "float64", "latitude in degrees, WGS84", low=-90, high=90)

TABLES: dict[str, TableSchema] = {
    t.dataset: t
    for t in (
        TableSchema(
            "tile_index",
            (
                _iso(),
                _TILE,
                Column("raster_row", "uint64", "row of the raster, 0 is the northernmost"),
                Column("raster_col", "uint64", "column of the raster, 0 is the westernmost"),
                Column("centroid_lon", "float64", "longitude of the cell's centre, degrees"),
                Column(
                    "centroid_lat",
                    "float64",
                    "latitude of the cell's centre, degrees",
                    low=-90,
                    high=90,
                ),
                Column(
                    "pixel_area_m2", "float64", "area on the WGS84 ellipsoid, square metres", low=0
                ),
                Column("inclusion_rule", "text", "center or any_overlap"),
            ),
            ("country_iso", "tile_id"),
        ),
        TableSchema(
            "tile_bounds",
            (
                _iso(),
                _TILE,
                Column("min_lat_deg", "float64", "southern edge, degrees"),
                Column("max_lat_deg", "float64", "northern edge, degrees"),
                Column("min_lon_deg", "float64", "western edge, degrees"),
                Column("max_lon_deg", "float64", "eastern edge, degrees"),
                Column("centroid_lat_deg", "float64", "latitude of the centre, degrees"),
                Column("centroid_lon_deg", "float64", "longitude of the centre, degrees"),
            ),
            ("country_iso", "tile_id"),
        ),
        TableSchema(
            "tile_weights",
            (
                _iso(),
                _TILE,
                Column(
                    "weight_fp", "int64", "share of the country's mass in units of 10^-dp", low=0
                ),
                Column("dp", "int32", "decimal places of the fixed-point weight", low=0, high=18),
                Column("basis", "text", "uniform, area_m2 or population"),
            ),
            ("country_iso", "tile_id"),
        ),
        TableSchema(
            "s3_requirements",
            (_MERCHANT, _LEGAL, Column("n_sites", "int64", "sites that the pair needs", low=1)),
            ("merchant_id", "legal_country_iso"),
        ),
        TableSchema(
            "s4_alloc_plan",
            (
                _MERCHANT,
                _LEGAL,
                _TILE,
                Column("n_sites_tile", "int64", "sites of the pair in this tile", low=1),
            ),
            ("merchant_id", "legal_country_iso", "tile_id"),
        ),
        TableSchema(
            "s5_site_tile_assignment",
            (_MERCHANT, _LEGAL, _ORDER, _TILE),
            ("merchant_id", "legal_country_iso", "site_order"),
        ),
        TableSchema(
            "s6_site_jitter",
            (
                _MERCHANT,
                _LEGAL,
                _ORDER,
                _TILE,
                Column("delta_lat_deg", "float64", "latitude less the cell centre's, degrees"),
                Column("delta_lon_deg", "float64", "longitude less the cell centre's, degrees"),
                Column("manifest_fingerprint", "text", "the 1A run, 64 hex"),
            ),
            ("merchant_id", "legal_country_iso", "site_order"),
        ),
        TableSchema(
            "s7_site_synthesis",
            (_MERCHANT, _LEGAL, _ORDER, _TILE, _LON, _LAT),
            ("merchant_id", "legal_country_iso", "site_order"),
        ),
        TableSchema(
            "site_locations",
            (_MERCHANT, _LEGAL, _ORDER, _LON, _LAT),
            ("merchant_id", "legal_country_iso", "site_order"),
        ),
    )
}
