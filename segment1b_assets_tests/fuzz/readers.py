"""The readers of what others wrote, each as a function of bytes, with good bytes to start from.

A reader that gets any bytes must either work or raise `Segment1BError` with a known code; whatever
else it raises is a defect. ``test_readers.py`` tries some thousands of mutations in CI,
``benchmarks/fuzz_readers.py`` goes on for as long as one likes, guided by coverage.
"""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from segment1b_assets.contracts.error_codes import ERROR_CODES
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.policies import POLICY_MODELS, load_policy
from segment1b_assets.core.polygon import CountryPolygon
from segment1b_assets.storage.bundle import verify_flag
from segment1b_assets.storage.catalogue import read_outlet_catalogue
from segment1b_assets.storage.raster_header import read_grid
from segment1b_assets.storage.references import read_country_shapes, read_iso_list

FINGERPRINT = "ab" * 32
ISO = frozenset({"FR", "DE", "NO"})


@dataclass(frozen=True)
class Reader:
    """One reader.

    Attributes:
        name: for people.
        read: writes the bytes below the folder where it needs a file, and reads them.
        seeds: good inputs.
    """

    name: str
    read: Callable[[Path, bytes], object]
    seeds: Sequence[bytes]


def survives(reader: Reader, folder: Path, raw: bytes) -> bool:
    """True if the bytes were taken, False if they were refused by name; raises anything else."""
    try:
        reader.read(folder, raw)
    except Segment1BError as err:
        if err.code not in ERROR_CODES or not err.next_step or not err.detail:
            raise AssertionError(f"{reader.name}: an error without its parts: {err!r}") from err
        return False
    return True


def _policy(folder: Path, raw: bytes) -> None:
    path = folder / "policy.yaml"
    path.write_bytes(raw)
    refused = 0
    for policy_id in POLICY_MODELS:
        try:
            load_policy(policy_id, path)
        except Segment1BError as err:
            refused += 1
            last = err
    if refused == len(POLICY_MODELS):
        raise last


def _index(folder: Path, raw: bytes) -> None:
    bundle = folder / "bundle"
    if not bundle.exists():
        (bundle / "a").mkdir(parents=True)
        (bundle / "a.json").write_text("{}")
        (bundle / "a" / "b.json").write_text("[]")
        (bundle / "_passed.flag").write_text(f"sha256_hex = {'0' * 64}\n")
    (bundle / "index.json").write_bytes(raw)
    verify_flag(bundle)


def _flag(folder: Path, raw: bytes) -> None:
    bundle = folder / "flagged"
    bundle.mkdir(exist_ok=True)
    (bundle / "index.json").write_text('[{"artifact_id": "index", "path": "index.json"}]')
    (bundle / "_passed.flag").write_bytes(raw)
    verify_flag(bundle)


def _wkb(folder: Path, raw: bytes) -> None:
    CountryPolygon.from_wkb("FR", raw, "fuzz.parquet")


def _catalogue(folder: Path, raw: bytes) -> None:
    path = folder / "part-00000.parquet"
    path.write_bytes(raw)
    found = read_outlet_catalogue(folder, [path], FINGERPRINT, ISO)
    for country, outlets in found.outlets.items():
        if country not in ISO or len(outlets.merchant_id) != len(outlets.site_order):
            raise AssertionError(f"{country}: {outlets}")


def _iso_list(folder: Path, raw: bytes) -> None:
    path = folder / "iso.parquet"
    path.write_bytes(raw)
    read_iso_list(path)


def _polygons(folder: Path, raw: bytes) -> None:
    path = folder / "polygons.parquet"
    path.write_bytes(raw)
    read_country_shapes(path, ISO)


def _raster(folder: Path, raw: bytes) -> None:
    path = folder / "population.tif"
    path.write_bytes(raw)
    read_grid(path)


def _parquet(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="none")
    return bytes(sink.getvalue())


def _catalogue_seed() -> bytes:
    rows = 6
    return _parquet(
        pa.table(
            {
                "manifest_fingerprint": pa.array([FINGERPRINT] * rows),
                "merchant_id": pa.array([1, 1, 2, 2, 2, 3], pa.uint64()),
                "site_id": pa.array([f"{i:06d}" for i in range(rows)]),
                "legal_country_iso": pa.array(["DE", "FR", "FR", "FR", "FR", "NO"]),
                "site_order": pa.array([1, 1, 1, 2, 3, 1], pa.int32()),
            }
        )
    )


def _iso_seed() -> bytes:
    return _parquet(
        pa.table(
            {
                "country_iso": pa.array(sorted(ISO)),
                "alpha3": pa.array(["DEU", "FRA", "NOR"]),
                "numeric_code": pa.array([276, 250, 578], pa.int16()),
                "name": pa.array(["Germany", "France", "Norway"]),
            }
        )
    )


def _polygon_seed() -> bytes:
    geo = {
        "version": "1.1.0",
        "primary_column": "geom",
        "columns": {"geom": {"encoding": "WKB", "geometry_types": [], "crs": {"id": {
            "authority": "OGC", "code": "CRS84"}}}},
    }  # fmt: skip
    table = pa.table(
        {
            "country_iso": pa.array(["DE", "FR"]),
            "name": pa.array(["Germany", "France"]),
            "geom": pa.array(_WKB[:2], pa.binary()),
        }
    )
    return _parquet(table.replace_schema_metadata({"geo": json.dumps(geo)}))


def _raster_seed() -> bytes:
    """A little TIFF of 4 x 4 float32 pixels with the tags that a GeoTIFF has, by hand."""
    geo_keys = (1, 1, 0, 3, 1024, 0, 1, 2, 1025, 0, 1, 1, 2048, 0, 1, 4326)
    extra = struct.pack("<3d6d16H", 0.5, 0.5, 0.0, 0.0, 0.0, 0.0, 2.0, 50.0, 0.0, *geo_keys)
    start = 8 + 2 + 13 * 12 + 4
    pixels = start + len(extra)
    entries = [
        (256, 3, 1, 4), (257, 3, 1, 4), (258, 3, 1, 32), (259, 3, 1, 1), (262, 3, 1, 1),
        (273, 4, 1, pixels), (277, 3, 1, 1), (278, 3, 1, 4), (279, 4, 1, 64), (339, 3, 1, 3),
        (33550, 12, 3, start), (33922, 12, 6, start + 24), (34735, 3, 16, start + 72),
    ]  # fmt: skip
    head = b"II*\0" + struct.pack("<IH", 8, len(entries))
    body = b"".join(struct.pack("<HHII", *entry) for entry in entries) + struct.pack("<I", 0)
    return head + body + extra + struct.pack("<16f", *range(16))


_HOLED = shapely.Polygon([(0, 0), (9, 0), (9, 9), (0, 9)], [[(2, 2), (4, 2), (4, 4), (2, 4)]])
_WKB = [
    bytes(shapely.to_wkb(shapely.box(0, 0, 2, 3))),
    bytes(shapely.to_wkb(_HOLED)),
    bytes(shapely.to_wkb(shapely.MultiPolygon([_HOLED, shapely.box(20, 0, 21, 1)]), byte_order=0)),
    bytes(shapely.to_wkb(shapely.set_srid(_HOLED, 4326), include_srid=True)),
]
_INDEX = [
    {"artifact_id": "a", "path": "a.json"},
    {"artifact_id": "b", "path": "a/b.json"},
    {"artifact_id": "index", "path": "index.json"},
]

READERS = [
    Reader("policy", _policy, [
        b'policy_version: "1.0.0"\ndp: 12\nbasis: population\n',
        b'policy_version: 1\nenabled: true\ndenylist_country_iso: [NO, "FR"]\n',
        b'{"policy_version": "1", "mode": "uniform_v1", "max_attempts": 64}',
        b"policy_version: 1.5 # note\ninclusion_rule: >-\n  any_overlap\n",
    ]),
    Reader("bundle index", _index, [json.dumps(_INDEX).encode()]),
    Reader("flag", _flag, [b"sha256_hex = " + b"0" * 64 + b"\n"]),
    Reader("WKB", _wkb, _WKB),
    Reader("catalogue", _catalogue, [_catalogue_seed()]),
    Reader("ISO list", _iso_list, [_iso_seed()]),
    Reader("polygons", _polygons, [_polygon_seed()]),
    Reader("raster header", _raster, [_raster_seed()]),
]  # fmt: skip


def clean(folder: Path) -> None:
    """Forget what readers wrote."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
