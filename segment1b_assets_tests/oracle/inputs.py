"""Read a root's inputs into plain Python: contract §3.

Policies are parsed as what ``world`` writes: flat ``key: value`` YAML, values in JSON's notation.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import rasterio

from . import layout
from .geometry import Country, parse_wkb
from .identity import Tokens
from .tiles import Grid

DEFAULTS: dict[str, Any] = {
    "inclusion_rule": "center",
    "basis": "population",
    "dp": 12,
    "enabled": False,
    "reach": [],
    "denylist_country_iso": [],
    "mode": "uniform_v1",
    "max_attempts": 64,
}


def read_policy(root: Path, name: str) -> dict[str, Any]:
    """A policy's keys over the contract's defaults."""
    values = dict(DEFAULTS)
    for line in layout.policy_path(root, name).read_text("utf-8").splitlines():
        line = line.split("#")[0].strip()
        if not line:
            continue
        key, _, text = line.partition(":")
        text = text.strip()
        bare = text[:1].isalpha() and text not in ("true", "false", "null")
        values[key.strip()] = text if bare else json.loads(text)
    return values


@dataclass(frozen=True)
class Raster:
    """The grid, the values as Python numbers by row, and nodata as the dtype holds it."""

    grid: Grid
    values: list[list[float | int]]
    nodata: float | int | None


def read_raster(root: Path) -> Raster:
    """The whole raster; it is tiny."""
    with rasterio.open(layout.raster_path(root)) as source:
        affine, band = source.transform, source.read(1)
        # The file keeps nodata as a double; what counts is the value in the band's dtype.
        nodata = None if source.nodata is None else band.dtype.type(source.nodata).item()
        grid = Grid(affine.a, affine.c, affine.e, affine.f, source.height, source.width)
        return Raster(grid, band.tolist(), nodata)


def read_countries(root: Path) -> dict[str, Country]:
    """Country code to polygons, from the column that the geo metadata names."""
    table = pq.read_table(layout.polygons_path(root))
    column = json.loads(table.schema.metadata[b"geo"])["primary_column"]
    codes = table.column("country_iso").to_pylist()
    shapes = table.column(column).to_pylist()
    return {code: parse_wkb(raw) for code, raw in zip(codes, shapes, strict=True)}


def read_outlets(root: Path, tokens: Tokens) -> dict[str, list[tuple[int, int]]]:
    """Country code to the catalogue's (merchant_id, site_order) rows."""
    folder = layout.catalogue_dir(root, tokens.seed, tokens.manifest_fingerprint)
    outlets: dict[str, list[tuple[int, int]]] = {}
    for path in sorted(folder.glob("*.parquet")):
        table = pq.read_table(path, columns=["merchant_id", "legal_country_iso", "site_order"])
        columns = [column.to_pylist() for column in table.columns]
        for merchant_id, code, site_order in zip(*columns, strict=True):
            outlets.setdefault(code, []).append((merchant_id, site_order))
    return outlets


def read_iso_codes(root: Path) -> list[str]:
    """The ISO list's codes, ascending."""
    codes = pq.read_table(layout.iso_path(root)).column("country_iso").to_pylist()
    return sorted(str(code) for code in codes)
