"""Where each Philox substream starts: SHA-256 over the tokens and the site (contract §5).

Only the hash itself is a Python call per pair or site; the messages are one array of bytes whose
few varying columns numpy fills, and the digests are read back as one array.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.contracts.identity import SEGMENT, Identity, encode_str, encode_u64
from segment1b_assets.core.philox import U64

LABEL_PLAN: Final = "site_tile_plan"
LABEL_ASSIGN: Final = "site_tile_assign"
LABEL_JITTER: Final = "in_cell_jitter"

#: Messages held as Python objects at a time.
_HASHES: Final = 8192


@dataclass(frozen=True)
class Substreams:
    """Starts of n substreams, uint64 (n,) each: Philox key and the halves of the first counter."""

    key: U64
    counter_lo: U64
    counter_hi: U64

    def __len__(self) -> int:
        return self.key.size


def master_digest(identity: Identity) -> bytes:
    """The 32 bytes that every substream of a seed and manifest_fingerprint descends from."""
    fingerprint = bytes.fromhex(identity.manifest_fingerprint)
    return sha256(encode_str("mlr:1A.master") + fingerprint + encode_u64(identity.seed)).digest()


def plan_substreams(identity: Identity, country: str, merchant_id: U64) -> Substreams:
    """S4: one substream per (merchant, country) pair; `merchant_id` is uint64 (n,)."""
    return _pair_substreams(_head(identity, LABEL_PLAN, "state:s4"), identity, country, merchant_id)


def assignment_substreams(identity: Identity, country: str, merchant_id: U64) -> Substreams:
    """S5: one substream per (merchant, country) pair; `merchant_id` is uint64 (n,)."""
    head = _head(identity, LABEL_ASSIGN, "state:s5")
    return _pair_substreams(head, identity, country, merchant_id)


def jitter_substreams(
    identity: Identity, country: str, merchant_id: U64, site_order: NDArray[np.integer]
) -> Substreams:
    """S6: one substream per site; `merchant_id` uint64 (n,), `site_order` any integer (n,)."""
    head = _head(identity, LABEL_JITTER, "state:s6")
    order = np.asarray(site_order).astype(np.uint64)
    return _derive(
        [head, merchant_id, encode_str(country), order, encode_str(identity.parameter_hash)]
    )


def _pair_substreams(head: bytes, identity: Identity, country: str, merchant_id: U64) -> Substreams:
    tail = encode_str(country) + encode_str(identity.parameter_hash)
    return _derive([head, merchant_id, tail])


def _head(identity: Identity, label: str, state: str) -> bytes:
    return master_digest(identity) + b"".join(map(encode_str, ("mlr:1A", label, SEGMENT, state)))


def _derive(parts: list[bytes | U64]) -> Substreams:
    """Hash the concatenation of the parts; an array part varies from message to message."""
    # The prefix before the first varying part is hashed once, and its state is copied.
    fixed, parts = parts[0], parts[1:]
    assert isinstance(fixed, bytes)
    n = next(part.size for part in parts if not isinstance(part, bytes))
    width = sum(len(part) if isinstance(part, bytes) else 8 for part in parts)
    messages = np.empty((n, width), np.uint8)
    at = 0
    for part in parts:
        if isinstance(part, bytes):
            block = np.frombuffer(part, np.uint8)
        else:
            block = part.astype("<u8").view(np.uint8).reshape(n, 8)
        messages[:, at : at + block.shape[-1]] = block
        at += block.shape[-1]
    digests = np.frombuffer(_hash_all(fixed, messages), np.uint8).reshape(n, 32)
    high = np.ascontiguousarray(digests[:, 16:24])
    low = np.ascontiguousarray(digests[:, 24:32])
    return Substreams(
        key=low.view("<u8").ravel().astype(np.uint64),
        counter_lo=low.view(">u8").ravel().astype(np.uint64),
        counter_hi=high.view(">u8").ravel().astype(np.uint64),
    )


def _hash_all(prefix: bytes, messages: NDArray[np.uint8]) -> bytes:
    """The digests of prefix + each row of `messages`, one after the other."""
    started = sha256(prefix)
    # An opaque fixed-width view turns rows into bytes objects without a slice each.
    rows = messages.view(f"V{messages.shape[1]}").ravel()
    digests = []
    for start in range(0, rows.size, _HASHES):
        part = []
        for message in rows[start : start + _HASHES].tolist():
            state = started.copy()
            state.update(message)
            part.append(state.digest())
        digests.append(b"".join(part))
    return b"".join(digests)
