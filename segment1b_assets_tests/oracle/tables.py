"""The nine tables of contract §4: columns, types, and the rows that a truth asks for.

Interpretations taken: ``inclusion_rule``, ``basis`` and ``manifest_fingerprint`` may be plain or
dictionary-encoded strings; the ISO columns must be dictionary-encoded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from .expected import CountryTruth, Settings
from .identity import Tokens

Row = tuple[Any, ...]
ISO, TEXT = "dictionary-encoded string", "string"

MERCHANT = [("merchant_id", "uint64"), ("legal_country_iso", ISO)]
SITE = [*MERCHANT, ("site_order", "int32")]
COLUMNS: dict[str, list[tuple[str, str]]] = {
    "tile_index": [
        ("country_iso", ISO),
        ("tile_id", "uint64"),
        ("raster_row", "uint64"),
        ("raster_col", "uint64"),
        ("centroid_lon", "double"),
        ("centroid_lat", "double"),
        ("pixel_area_m2", "double"),
        ("inclusion_rule", TEXT),
    ],
    "tile_bounds": [
        ("country_iso", ISO),
        ("tile_id", "uint64"),
        ("min_lat_deg", "double"),
        ("max_lat_deg", "double"),
        ("min_lon_deg", "double"),
        ("max_lon_deg", "double"),
        ("centroid_lat_deg", "double"),
        ("centroid_lon_deg", "double"),
    ],
    "tile_weights": [
        ("country_iso", ISO),
        ("tile_id", "uint64"),
        ("weight_fp", "int64"),
        ("dp", "int32"),
        ("basis", TEXT),
    ],
    "s3_requirements": [*MERCHANT, ("n_sites", "int64")],
    "s4_alloc_plan": [*MERCHANT, ("tile_id", "uint64"), ("n_sites_tile", "int64")],
    "s5_site_tile_assignment": [*SITE, ("tile_id", "uint64")],
    "s6_site_jitter": [
        *SITE,
        ("tile_id", "uint64"),
        ("delta_lat_deg", "double"),
        ("delta_lon_deg", "double"),
        ("manifest_fingerprint", TEXT),
    ],
    "s7_site_synthesis": [
        *SITE,
        ("tile_id", "uint64"),
        ("lon_deg", "double"),
        ("lat_deg", "double"),
    ],
    "site_locations": [*SITE, ("lon_deg", "double"), ("lat_deg", "double")],
}


def type_matches(kind: pa.DataType, wanted: str) -> bool:
    """Whether an Arrow type is the one that the contract asks for."""
    text = (pa.string(), pa.large_string())
    inner = kind.value_type if pa.types.is_dictionary(kind) else None
    if wanted == ISO:
        return inner in text
    if wanted == TEXT:
        return kind in text or inner in text
    return str(kind) == wanted


def expected_rows(
    dataset: str, truth: CountryTruth, settings: Settings, tokens: Tokens
) -> list[Row]:
    """A partition's rows; pixel_area_m2 is None, for it is judged by its relative error."""
    return _ROWS[dataset](truth, settings, tokens)


def _tile_index(truth: CountryTruth, settings: Settings, _: Tokens) -> list[Row]:
    rule = settings.inclusion_rule
    return [
        (truth.iso, t.tile_id, t.row, t.col, t.centroid_lon, t.centroid_lat, None, rule)
        for t in truth.tiles
    ]


def _tile_bounds(truth: CountryTruth, _: Settings, __: Tokens) -> list[Row]:
    return [
        (
            truth.iso,
            t.tile_id,
            t.min_lat,
            t.max_lat,
            t.min_lon,
            t.max_lon,
            t.centroid_lat,
            t.centroid_lon,
        )
        for t in truth.tiles
    ]


def _tile_weights(truth: CountryTruth, settings: Settings, _: Tokens) -> list[Row]:
    pairs = zip(truth.tiles, truth.weights.weights, strict=True)
    return [(truth.iso, t.tile_id, w, settings.dp, settings.basis) for t, w in pairs]


def _requirements(truth: CountryTruth, _: Settings, __: Tokens) -> list[Row]:
    return [(merchant, truth.iso, n) for merchant, n in truth.requirements]


def _plan(truth: CountryTruth, _: Settings, __: Tokens) -> list[Row]:
    return [(merchant, truth.iso, tile, n) for merchant, tile, n in truth.plan]


def _assignment(truth: CountryTruth, _: Settings, __: Tokens) -> list[Row]:
    return [(merchant, truth.iso, order, tile) for merchant, order, tile in truth.assignment]


def _jitter(truth: CountryTruth, _: Settings, tokens: Tokens) -> list[Row]:
    fp = tokens.manifest_fingerprint
    return [
        (s.merchant_id, truth.iso, s.site_order, s.tile_id, s.delta_lat, s.delta_lon, fp)
        for s in truth.sites
    ]


def _synthesis(truth: CountryTruth, _: Settings, __: Tokens) -> list[Row]:
    return [(s.merchant_id, truth.iso, s.site_order, s.tile_id, s.lon, s.lat) for s in truth.sites]


def _locations(truth: CountryTruth, _: Settings, __: Tokens) -> list[Row]:
    return [(s.merchant_id, truth.iso, s.site_order, s.lon, s.lat) for s in truth.sites]


_ROWS: dict[str, Callable[[CountryTruth, Settings, Tokens], list[Row]]] = {
    "tile_index": _tile_index,
    "tile_bounds": _tile_bounds,
    "tile_weights": _tile_weights,
    "s3_requirements": _requirements,
    "s4_alloc_plan": _plan,
    "s5_site_tile_assignment": _assignment,
    "s6_site_jitter": _jitter,
    "s7_site_synthesis": _synthesis,
    "site_locations": _locations,
}
