"""Substream starts and uniforms against scalar hashing and exact integers."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment1b_assets.contracts.identity import Identity
from segment1b_assets.core import substreams
from segment1b_assets.core.substreams import assignment_substreams, jitter_substreams
from segment1b_assets.core.uniforms import uniform
from segment1b_assets_tests.hypothesis_profiles import examples
from segment1b_assets_tests.oracle import philox as oracle

ALL = (1 << 64) - 1
HEX64 = st.binary(min_size=32, max_size=32).map(bytes.hex)
IDENTITIES = st.builds(Identity, st.integers(0, ALL), HEX64, HEX64)
MERCHANTS = st.lists(st.integers(0, ALL), min_size=1, max_size=8)


@examples(60)
@given(IDENTITIES, st.sampled_from(["FR", "ZW"]), MERCHANTS)
def test_assignment_starts(identity: Identity, country: str, merchants: list[int]) -> None:
    master = oracle.master_digest(identity.manifest_fingerprint, identity.seed)
    starts = assignment_substreams(identity, country, np.array(merchants, np.uint64))
    for i, merchant in enumerate(merchants):
        expected = oracle.assign_substream(master, merchant, country, identity.parameter_hash)
        assert int(starts.key[i]) == expected.key
        assert (int(starts.counter_hi[i]) << 64) | int(starts.counter_lo[i]) == expected.counter


@examples(60)
@given(IDENTITIES, MERCHANTS, st.data())
def test_jitter_starts(identity: Identity, merchants: list[int], data: st.DataObject) -> None:
    orders = data.draw(
        st.lists(st.integers(1, (1 << 31) - 1), min_size=len(merchants), max_size=len(merchants))
    )
    master = oracle.master_digest(identity.manifest_fingerprint, identity.seed)
    starts = jitter_substreams(
        identity, "FR", np.array(merchants, np.uint64), np.array(orders, np.int32)
    )
    ph = identity.parameter_hash
    for i, (merchant, order) in enumerate(zip(merchants, orders, strict=True)):
        expected = oracle.jitter_substream(master, merchant, "FR", order, ph)
        assert int(starts.key[i]) == expected.key
        assert (int(starts.counter_hi[i]) << 64) | int(starts.counter_lo[i]) == expected.counter


def test_more_starts_than_are_hashed_at_once() -> None:
    identity = Identity(ALL, "0f" * 32, "a1" * 32)
    n = substreams._HASHES + 3
    merchants = np.arange(n, dtype=np.uint64)
    starts = assignment_substreams(identity, "FR", merchants)
    assert len(starts) == n
    master = oracle.master_digest(identity.manifest_fingerprint, identity.seed)
    for i in (substreams._HASHES - 1, substreams._HASHES, n - 1):
        expected = oracle.assign_substream(master, i, "FR", identity.parameter_hash)
        assert int(starts.key[i]) == expected.key


def exact_uniform(word: int) -> float:
    """The contract's law in rationals: Fraction to float rounds once, to nearest even."""
    value = float(Fraction(word + 1, 1 << 64))
    return 1.0 - 2.0**-53 if value == 1.0 else value


EDGES = [
    0,
    1,
    (1 << 53) - 1,
    1 << 53,  # x + 1 = 2^53 + 1 is a tie, to even below
    (1 << 53) + 2,  # a tie, to even above
    (1 << 54) + 1,
    ALL,  # x + 1 = 2^64 doesn't fit 64 bits
    ALL - 1,
    ALL - 1023,
    ALL - 1024,  # x + 1 = 2^64 - 1024 is a tie that rounds to 2^64
    ALL - 1025,  # just below it: rounds to 2^64 - 2048
]


@pytest.mark.parametrize("word", EDGES)
def test_uniform_edges(word: int) -> None:
    (u,) = uniform(np.array([word], np.uint64))
    assert u == exact_uniform(word)
    assert 0.0 < u < 1.0


@given(st.lists(st.integers(0, ALL), min_size=1, max_size=50))
def test_uniform_rounds_once(words: list[int]) -> None:
    u = uniform(np.array(words, np.uint64))
    assert u.tolist() == [exact_uniform(word) for word in words]
