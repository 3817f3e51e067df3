"""Encodings, parameter_hash, run_id and receipts: contract sections 1 and 2."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from . import layout


def enc_str(text: str) -> bytes:
    """``str(s)``: little-endian u32 byte length, then UTF-8."""
    raw = text.encode("utf-8")
    return len(raw).to_bytes(4, "little") + raw


def enc_u64(number: int) -> bytes:
    """``u64(n)``: eight little-endian bytes; OverflowError outside of u64."""
    return number.to_bytes(8, "little")


def sha256_file(path: Path) -> bytes:
    """SHA-256 (raw 32 bytes) over a file's bytes."""
    return hashlib.sha256(path.read_bytes()).digest()


def parameter_hash(root: Path) -> str:
    """64 hex over the five policies and the raster, sorted by base name."""
    files = {path.name: path for path in layout.parameter_files(root)}
    whole = hashlib.sha256()
    for name in sorted(files, key=lambda text: text.encode("utf-8")):
        whole.update(hashlib.sha256(enc_str(name) + sha256_file(files[name])).digest())
    return whole.hexdigest()


def polygon_sha256(root: Path, iso: str) -> str:
    """64 hex over a country's WKB as stored; of nothing where it has none."""
    table = pq.ParquetFile(layout.polygons_path(root)).read()
    column = json.loads(table.schema.metadata[b"geo"])["primary_column"]
    rows = zip(
        table.column("country_iso").to_pylist(), table.column(column).to_pylist(), strict=True
    )
    return hashlib.sha256(dict(rows).get(iso) or b"").hexdigest()


def run_id(manifest_fingerprint: str, seed: int, parameter_hash_hex: str) -> str:
    """The first 32 hex of the run's digest."""
    material = enc_str("segment:1B") + bytes.fromhex(manifest_fingerprint)
    material += enc_u64(seed) + bytes.fromhex(parameter_hash_hex)
    return hashlib.sha256(material).hexdigest()[:32]


def ascii_files(folder: Path) -> list[Path]:
    """Every file below ``folder`` in ASCII order of its relative path."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return sorted(files, key=lambda path: path.relative_to(folder).as_posix().encode("utf-8"))


def receipt(folder: Path) -> str:
    """A partition's determinism receipt: SHA-256 over its files' bytes in ASCII order."""
    whole = hashlib.sha256()
    for path in ascii_files(folder):
        whole.update(path.read_bytes())
    return whole.hexdigest()


@dataclass(frozen=True)
class Tokens:
    """The tokens that address a run's data."""

    seed: int
    manifest_fingerprint: str
    parameter_hash: str
    run_id: str


def find_tokens(root: Path) -> Tokens:
    """Tokens of the only outlet catalogue under ``root``; ValueError for none or several."""
    found = list(layout.catalogue_home(root).glob("seed=*/manifest_fingerprint=*"))
    if len(found) != 1:
        raise ValueError(f"expected one outlet catalogue, found {sorted(map(str, found))}")
    seed = int(found[0].parent.name.removeprefix("seed="))
    fingerprint = found[0].name.removeprefix("manifest_fingerprint=")
    ph = parameter_hash(root)
    return Tokens(seed, fingerprint, ph, run_id(fingerprint, seed, ph))
