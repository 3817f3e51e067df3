"""Identity tokens and the byte encodings that every hash uses (contract §1)."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass

SEGMENT = "segment:1B"


def encode_str(text: str) -> bytes:
    """``str(s)``: little-endian u32 byte length, then UTF-8 bytes."""
    raw = text.encode("utf-8")
    return struct.pack("<I", len(raw)) + raw


def encode_u64(number: int) -> bytes:
    """``u64(n)``: 8 little-endian bytes."""
    return struct.pack("<Q", number)


def parameter_hash(sha256_by_base_name: Mapping[str, bytes]) -> str:
    """ph over the five policy files and the raster (contract §1).

    Args:
        sha256_by_base_name: base name -> 32 bytes, the SHA-256 of the file's bytes.

    Returns:
        64 lowercase hex.
    """
    whole = hashlib.sha256()
    for name in sorted(sha256_by_base_name, key=lambda n: n.encode("utf-8")):
        whole.update(hashlib.sha256(encode_str(name) + sha256_by_base_name[name]).digest())
    return whole.hexdigest()


def run_id(seed: int, manifest_fingerprint: str, ph: str) -> str:
    """run_id: the first 32 hex of SHA-256(str("segment:1B") + fp bytes + u64(seed) + ph bytes)."""
    return hashlib.sha256(
        encode_str(SEGMENT)
        + bytes.fromhex(manifest_fingerprint)
        + encode_u64(seed)
        + bytes.fromhex(ph)
    ).hexdigest()[:32]


def polygon_sha256(wkb: bytes | None) -> str:
    """SHA-256 of a country's geometry as stored; of nothing where it has none. 64 hex."""
    return hashlib.sha256(wkb or b"").hexdigest()


@dataclass(frozen=True)
class Identity:
    """The four tokens of a run. S1 and S2 need only `parameter_hash`."""

    seed: int
    manifest_fingerprint: str
    parameter_hash: str

    @property
    def run_id(self) -> str:
        return run_id(self.seed, self.manifest_fingerprint, self.parameter_hash)

    @property
    def tokens(self) -> dict[str, str]:
        """Token name -> text, as paths and logs spell it."""
        return {
            "seed": str(self.seed),
            "manifest_fingerprint": self.manifest_fingerprint,
            "parameter_hash": self.parameter_hash,
            "run_id": self.run_id,
        }
