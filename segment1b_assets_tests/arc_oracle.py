"""The law of population_arc_v1 in plain Python, for small countries (contract §4 and §5)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from segment1b_assets.contracts.identity import Identity

Reach = Sequence[tuple[int, int, int]]


def text(value: str) -> bytes:
    return len(value.encode()).to_bytes(4, "little") + value.encode()


def philox(counter: int, key: int) -> tuple[int, int]:
    high, low = divmod(counter, 1 << 64)
    for _ in range(10):
        product = low * 0xD2B74407B1CE6E93
        high, low = product % (1 << 64), (product >> 64) ^ key ^ high
        key = (key + 0x9E3779B97F4A7C15) % (1 << 64)
    # The pair that a round leaves is (new word 0, new word 1).
    return low, high


def substream(identity: Identity, country: str, merchant: int) -> tuple[int, int]:
    """Counter (128 bits) and key of a pair's substream."""
    fingerprint = bytes.fromhex(identity.manifest_fingerprint)
    seed = identity.seed.to_bytes(8, "little")
    master = sha256(text("mlr:1A.master") + fingerprint + seed).digest()
    message = master + text("mlr:1A") + text("site_tile_plan") + text("segment:1B")
    message += text("state:s4") + merchant.to_bytes(8, "little") + text(country)
    digest = sha256(message + text(identity.parameter_hash)).digest()
    return int.from_bytes(digest[16:], "big"), int.from_bytes(digest[24:], "little")


def hilbert(x: int, y: int, order: int) -> int:
    index = 0
    for bit in reversed(range(order)):
        side = 1 << bit
        right, down = int(x & side > 0), int(y & side > 0)
        index += side * side * ((3 * right) ^ down)
        if down == 0:
            if right == 1:
                x, y = (1 << order) - 1 - x, (1 << order) - 1 - y
            x, y = y, x
    return index


@dataclass
class Arc:
    counter: int
    home: int
    length: int


def draw(identity: Identity, country: str, merchant: int, n: int, reach: Reach, scale: int) -> Arc:
    counter, key = substream(identity, country, merchant)
    first, second = philox(counter, key)
    home = first * scale // 2**64
    length = scale
    for n_max, power, min_ppm in reach:
        if 1 < n <= n_max:
            share = second
            for _ in range(power - 1):
                share = share * second // 2**64
            least = -(-scale * min_ppm // 10**6)
            length = max(1 + share * scale // 2**64, least)
            break
    return Arc(counter, home, length)


def along_the_curve(weights: Mapping[int, int], nrows: int, ncols: int) -> list[tuple[int, int]]:
    """(cumulative weight at its end, tile_id) of each tile, in curve order."""
    order = (max(nrows, ncols) - 1).bit_length()
    tiles = sorted(weights, key=lambda tile: hilbert(tile % ncols, tile // ncols, order))
    ends, total = [], 0
    for tile in tiles:
        total += weights[tile]
        ends.append((total, tile))
    return ends


def place(arc: Arc, n: int, ends: list[tuple[int, int]]) -> Counter[int]:
    """Tile -> sites, by looking every site up from the front."""
    scale = ends[-1][0]
    sites: Counter[int] = Counter()
    for k in range(n):
        q = (arc.home + k * arc.length // n) % scale
        sites[next(tile for end, tile in ends if q < end)] += 1
    return sites
