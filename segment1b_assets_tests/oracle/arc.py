"""S4's population_arc_v1, over all tiles with integers: contract sections 4 and 5.

Interpretation taken: reach entries are (n_max, power, min_ppm), and a pair takes the first one with
n <= n_max.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .philox import Substream, plan_substream
from .sites import Event, Run

Reach = Sequence[tuple[int, int, int]]
Curve = list[tuple[int, int]]


def hilbert(x: int, y: int, order: int) -> int:
    """Index of a cell on the curve through 2^order cells a side."""
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


def along_the_curve(weights: Mapping[int, int], nrows: int, ncols: int) -> Curve:
    """(cumulative weight at its end, tile_id) of each tile, in curve order."""
    order = (max(nrows, ncols) - 1).bit_length()
    tiles = sorted(weights, key=lambda tile: hilbert(tile % ncols, tile // ncols, order))
    ends, total = [], 0
    for tile in tiles:
        total += weights[tile]
        ends.append((total, tile))
    return ends


@dataclass(frozen=True)
class Arc:
    """What a pair draws: where its arc begins and how long it is."""

    stream: Substream
    home: int
    length: int


def draw(run: Run, iso: str, merchant_id: int, n_sites: int, reach: Reach, scale: int) -> Arc:
    """Home and reach of one pair."""
    stream = plan_substream(run.master, merchant_id, iso, run.tokens.parameter_hash)
    first, second = stream.words(0)
    length = scale
    for n_max, power, min_ppm in reach:
        if 1 < n_sites <= n_max:
            share = second
            for _ in range(power - 1):
                share = share * second // 2**64
            length = max(1 + share * scale // 2**64, -(-scale * min_ppm // 10**6))
            break
    return Arc(stream, first * scale // 2**64, length)


def place(arc: Arc, n_sites: int, curve: Curve) -> list[tuple[int, int]]:
    """(tile_id, n_sites_tile) ascending, by looking every site up from the front."""
    scale = curve[-1][0]
    sites: Counter[int] = Counter()
    for k in range(n_sites):
        q = (arc.home + k * arc.length // n_sites) % scale
        sites[next(tile for end, tile in curve if q < end)] += 1
    return sorted(sites.items())


def event(run: Run, iso: str, merchant_id: int, n_sites: int, arc: Arc) -> Event:
    """The event of a pair."""
    shared = run.event("site_tile_plan", arc.stream.before(0), (merchant_id, iso, 0))
    del shared["site_order"]
    return shared | {"n_sites": n_sites, "home": str(arc.home), "reach": str(arc.length)}
