"""Philox2x64-10 and the substream law, contract §5, with scalar Python integers.

Interpretations taken: one block per uniform of S5, which uses the block's first word only; the
counter is a u128 that wraps at 2^128.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from .identity import enc_str, enc_u64

MASK64 = (1 << 64) - 1
MASK128 = (1 << 128) - 1
MULTIPLIER = 0xD2B74407B1CE6E93
WEYL = 0x9E3779B97F4A7C15


def philox2x64_10(counter: int, key: int) -> tuple[int, int]:
    """The two words of a block; ``counter`` is a u128 whose low half is word 0."""
    word0, word1 = counter & MASK64, counter >> 64
    for _ in range(10):
        product = word0 * MULTIPLIER
        word0, word1 = (product >> 64) ^ key ^ word1, product & MASK64
        key = (key + WEYL) & MASK64
    return word0, word1


def uniform(word: int) -> float:
    """A binary64 in the open interval (0, 1) from a u64 word."""
    # float() of an int rounds to nearest even and the scaling by a power of two is exact.
    value = float(word + 1) * 2.0**-64
    return 1.0 - 2.0**-53 if value == 1.0 else value


@dataclass(frozen=True)
class Substream:
    """Where a substream starts: a 64-bit key and a 128-bit counter."""

    key: int
    counter: int

    def before(self, block: int) -> int:
        """The u128 counter before block number ``block`` (from 0)."""
        return (self.counter + block) & MASK128

    def words(self, block: int) -> tuple[int, int]:
        """The two words of block number ``block`` (from 0)."""
        return philox2x64_10(self.before(block), self.key)


def master_digest(manifest_fingerprint: str, seed: int) -> bytes:
    """The 32-byte master from which every substream of a run derives."""
    material = enc_str("mlr:1A.master") + bytes.fromhex(manifest_fingerprint) + enc_u64(seed)
    return hashlib.sha256(material).digest()


def substream(master: bytes, label: str, parts: bytes) -> Substream:
    """Key and first counter of the substream ``label`` with the already encoded ``parts``."""
    digest = hashlib.sha256(master + enc_str("mlr:1A") + enc_str(label) + parts).digest()
    high = int.from_bytes(digest[16:24], "big")
    low = int.from_bytes(digest[24:32], "big")
    return Substream(int.from_bytes(digest[24:32], "little"), (high << 64) | low)


def plan_substream(master: bytes, merchant_id: int, iso: str, parameter_hash: str) -> Substream:
    """S4: one substream a (merchant, country) pair."""
    parts = enc_str("segment:1B") + enc_str("state:s4") + enc_u64(merchant_id)
    return substream(master, "site_tile_plan", parts + enc_str(iso) + enc_str(parameter_hash))


def assign_substream(master: bytes, merchant_id: int, iso: str, parameter_hash: str) -> Substream:
    """S5: one substream a (merchant, country) pair."""
    parts = enc_str("segment:1B") + enc_str("state:s5") + enc_u64(merchant_id)
    return substream(master, "site_tile_assign", parts + enc_str(iso) + enc_str(parameter_hash))


def jitter_substream(
    master: bytes, merchant_id: int, iso: str, site_order: int, parameter_hash: str
) -> Substream:
    """S6: one substream a site."""
    parts = enc_str("segment:1B") + enc_str("state:s6") + enc_u64(merchant_id)
    parts += enc_str(iso) + enc_u64(site_order) + enc_str(parameter_hash)
    return substream(master, "in_cell_jitter", parts)
