"""Draws again what an event says it drew, by other arithmetic than the producer's (section 5).

A substream's key and the low half of its first counter are the same eight digest bytes read in
opposite byte orders: so the first event of a substream tells its key, and one wrong counter or
value makes the words disagree. That the digest itself is the site's own is hashed again one by
one: for every pair of S5 and for every `SAMPLE`-th site of S6.
"""

from __future__ import annotations

import hashlib
import struct
from typing import Final

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.contracts.identity import Identity
from segment1b_assets.validation.columns import Arrays

U64 = NDArray[np.uint64]
F64 = NDArray[np.float64]

#: One site in so many has its digest hashed again in S6.
SAMPLE: Final = 64

_LIMB: Final = 22
_LOW = np.uint64((1 << _LIMB) - 1)
_S20, _S22, _S44 = np.uint64(20), np.uint64(22), np.uint64(44)
_TWO, _S24 = np.uint64(2), np.uint64(24)
_M: Final = 0xD2B74407B1CE6E93
_LIMBS = tuple(np.uint64(_M >> s & ((1 << _LIMB) - 1)) for s in (0, 22, 44))
_WEYL = np.uint64(0x9E3779B97F4A7C15)


def words(counter_hi: U64, counter_lo: U64, key: U64) -> tuple[U64, U64]:
    """Philox2x64-10 in three limbs of 22 bits, whose products need no carries; uint64 (n,) each."""
    x, y, k = counter_lo.copy(), counter_hi.copy(), key.copy()
    b0, b1, b2 = _LIMBS
    for _ in range(10):
        a0, a1, a2 = x & _LOW, (x >> _S22) & _LOW, x >> _S44
        mid = ((a0 * b0) >> _S22) + a0 * b1 + a1 * b0
        top = (mid >> _S22) + a0 * b2 + a1 * b1 + a2 * b0
        high = (top >> _S20) + ((a1 * b2 + a2 * b1) << _TWO) + ((a2 * b2) << _S24)
        x, y = high ^ k ^ y, x * np.uint64(_M)
        k += _WEYL
    return x, y


def uniform_of(word: U64) -> F64:
    """The law's uniform as one rounded sum of two exact halves; float64 (n,)."""
    upper = (word >> np.uint64(32)).astype(np.float64) * 2.0**32
    lower = (word & np.uint64(0xFFFFFFFF)).astype(np.float64) + 1.0
    u: F64 = np.ldexp(upper + lower, -64)
    u[u == 1.0] = np.nextafter(1.0, 0.0)
    return u


def key_of(first_counter_lo: U64) -> U64:
    """The key of the substream that begins at a counter with this low half."""
    return first_counter_lo.byteswap()


def counters_off(
    block: Arrays, starts: NDArray[np.intp], group: NDArray[np.intp]
) -> NDArray[np.bool_]:
    """Events whose counter is not their substream's first one plus the events before, bool (n,).

    Args:
        block: events of whole substreams, in order.
        starts: the first event of each substream.
        group: the substream of each event.
    """
    lo, hi = block["rng_counter_before_lo"], block["rng_counter_before_hi"]
    step = (np.arange(group.size) - starts[group]).astype(np.uint64)
    wanted_lo = lo[starts][group] + step
    wanted_hi = hi[starts][group] + (wanted_lo < step)
    off: NDArray[np.bool_] = (lo != wanted_lo) | (hi != wanted_hi)
    return off


def pair_start(identity: Identity, country: str, merchant_id: int) -> tuple[int, int]:
    """(hi, lo) of an S5 substream's first counter, straight from the contract's words."""
    parts = struct.pack("<Q", merchant_id) + _s(country) + _s(identity.parameter_hash)
    return _start(identity, "site_tile_assign", "state:s5", parts)


def site_start(
    identity: Identity, country: str, merchant_id: int, site_order: int
) -> tuple[int, int]:
    """(hi, lo) of an S6 substream's first counter."""
    parts = struct.pack("<Q", merchant_id) + _s(country) + struct.pack("<Q", site_order)
    return _start(identity, "in_cell_jitter", "state:s6", parts + _s(identity.parameter_hash))


def _start(identity: Identity, label: str, state: str, parts: bytes) -> tuple[int, int]:
    fingerprint = bytes.fromhex(identity.manifest_fingerprint)
    master = hashlib.sha256(
        _s("mlr:1A.master") + fingerprint + struct.pack("<Q", identity.seed)
    ).digest()
    stem = master + _s("mlr:1A") + _s(label) + _s("segment:1B") + _s(state)
    hi, lo = struct.unpack(">QQ", hashlib.sha256(stem + parts).digest()[16:])
    return hi, lo


def _s(text: str) -> bytes:
    return struct.pack("<I", len(text.encode())) + text.encode()
