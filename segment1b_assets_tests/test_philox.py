"""Philox over arrays against the published answers and against scalar integers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment1b_assets.core import philox
from segment1b_assets.core.philox import counter_plus, philox_blocks
from segment1b_assets_tests.hypothesis_profiles import examples
from segment1b_assets_tests.oracle.philox import philox2x64_10

ALL = (1 << 64) - 1
WORDS = st.one_of(
    st.integers(0, ALL), st.sampled_from([0, 1, ALL, ALL - 1, 1 << 32, (1 << 32) - 1, 1 << 63])
)


def u64(*values: int) -> np.ndarray:
    return np.array(values, np.uint64)


@pytest.mark.parametrize(
    ("lo", "hi", "key", "words"),
    [
        (0, 0, 0, (0xCA00A0459843D731, 0x66C24222C9A845B5)),
        (ALL, ALL, ALL, (0x65B021D60CD8310F, 0x4D02F3222F86DF20)),
        (
            0x243F6A8885A308D3,
            0x13198A2E03707344,
            0xA4093822299F31D0,
            (0x0A5E742C2997341C, 0xB0F883D38000DE5D),
        ),
    ],
)
def test_known_answers(lo: int, hi: int, key: int, words: tuple[int, int]) -> None:
    first, second = philox_blocks(u64(lo), u64(hi), u64(key))
    assert (int(first[0]), int(second[0])) == words


@given(st.lists(st.tuples(WORDS, WORDS, WORDS), min_size=1, max_size=40))
def test_equals_scalar_integers(blocks: list[tuple[int, int, int]]) -> None:
    lo, hi, key = (u64(*column) for column in zip(*blocks, strict=True))
    first, second = philox_blocks(lo, hi, key)
    expected = [philox2x64_10((h << 64) | w, k) for w, h, k in blocks]
    assert list(zip(first.tolist(), second.tolist(), strict=True)) == expected


@pytest.mark.parametrize("beyond", [-1, 0, 1])
def test_every_block_of_several_chunks(beyond: int) -> None:
    n = 2 * philox._CHUNK + beyond
    lo, hi, key = np.random.default_rng(7).integers(0, ALL, (3, n), np.uint64, endpoint=True)
    first, second = philox_blocks(lo, hi, key)
    for i in (0, philox._CHUNK - 1, philox._CHUNK, n // 2, n - 2, n - 1):
        words = philox2x64_10((int(hi[i]) << 64) | int(lo[i]), int(key[i]))
        assert (int(first[i]), int(second[i])) == words
    # The arguments are only read.
    again = philox_blocks(lo, hi, key)
    assert (first == again[0]).all()
    assert (second == again[1]).all()


def test_no_blocks() -> None:
    first, second = philox_blocks(u64(), u64(), u64())
    assert first.size == second.size == 0


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="2 low halves, 1 high halves and 2 keys"):
        philox_blocks(u64(1, 2), u64(1), u64(1, 2))


@examples(200)
@given(WORDS, WORDS, st.one_of(st.integers(0, 1 << 40), st.sampled_from([1, ALL])))
def test_counters_carry_and_wrap(lo: int, hi: int, steps: int) -> None:
    after_lo, after_hi = counter_plus(u64(lo), u64(hi), u64(steps))
    expected = (((hi << 64) | lo) + steps) % (1 << 128)
    assert (int(after_hi[0]) << 64) | int(after_lo[0]) == expected
