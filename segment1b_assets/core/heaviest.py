"""The order that allocation works in: a country's heaviest tiles first (docs/proofs.md)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.core.exact_sum import sum_of_weights

Ids = NDArray[np.uint64]
Ints = NDArray[np.int64]
Weighed = tuple[Ids, Ints]


@dataclass(frozen=True)
class HeaviestTiles:
    """The first tiles of the order (weight descending, tile_id ascending), none of weight 0.

    Attributes:
        tile_id: uint64, shape (k,).
        weight: int64, shape (k,), descending.
        tiles_read: how many tiles the country has.
    """

    tile_id: Ids
    weight: Ints
    tiles_read: int


def heaviest_tiles(country: str, weights: Iterable[Weighed], dp: int, most: int) -> HeaviestTiles:
    """Keep the `most` heaviest tiles of a stream of weights in tile order.

    Memory is a few times `most` tiles and one batch, for a country of any size.

    Args:
        country: ISO code, for errors.
        weights: batches of (tile_id uint64, weight_fp int64), shape (n,) each, ascending tile_id.
        dp: decimal places; the weights must sum to 10^dp.
        most: how many to keep, >= 1.

    Raises:
        Segment1BError: E403_ZERO_TILE_UNIVERSE without a tile; E414_WEIGHT_TAMPER where a weight
            is negative, tiles are out of order, or the sum is not 10^dp.
    """
    top = _Top(most)
    total = tiles = 0
    last: int | None = None
    for tile_id, weight in weights:
        if tile_id.size == 0:
            continue
        _require_order(country, tile_id, last)
        if weight.min() < 0:
            at = int(np.argmin(weight))
            raise _tampered(
                country, f"tile_id {tile_id[at]} has weight {weight[at]}", int(weight[at])
            )
        total += sum_of_weights(weight)
        tiles += tile_id.size
        last = int(tile_id[-1])
        top.add(tile_id, weight)
    if tiles == 0:
        raise Segment1BError(
            "E403_ZERO_TILE_UNIVERSE", "sites are required, but there is no tile", country=country
        )
    if total != 10**dp:
        raise _tampered(country, f"the weights sum to {total}, not to 10^{dp}", total)
    return HeaviestTiles(*top.sorted(), tiles)


class _Top:
    """The heaviest tiles so far; of equal weights those that came first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: list[Weighed] = []
        self._size = 0
        # Tile ids ascend, so a tile that is not heavier than the last one kept ranks after it.
        self._beaten = np.int64(0)

    def add(self, tile_id: Ids, weight: Ints) -> None:
        at = np.flatnonzero(weight > self._beaten)
        if at.size == 0:
            return
        self._held.append((tile_id[at], weight[at]))
        self._size += at.size
        if self._size >= 2 * self._most:
            self._shrink()

    def _shrink(self) -> None:
        """Keep the `most` heaviest tiles, the first of equals, without sorting them."""
        tile_id, weight = self._joined()
        lightest = np.partition(weight, weight.size - self._most)[weight.size - self._most]
        kept = weight > lightest
        equals = np.flatnonzero(weight == lightest)
        kept[equals[: self._most - np.count_nonzero(kept)]] = True
        self._held, self._size = [(tile_id[kept], weight[kept])], self._most
        self._beaten = lightest

    def sorted(self) -> Weighed:
        tile_id, weight = self._joined()
        # Held tiles ascend by id, so a stable sort by weight keeps ties in tile order.
        order = np.argsort(-weight, kind="stable")[: self._most]
        return tile_id[order], weight[order]

    def _joined(self) -> Weighed:
        if not self._held:
            return np.empty(0, np.uint64), np.empty(0, np.int64)
        return (
            np.concatenate([t for t, _ in self._held]),
            np.concatenate([w for _, w in self._held]),
        )


def _require_order(country: str, tile_id: Ids, last: int | None) -> None:
    rising = tile_id[1:] > tile_id[:-1]
    if (last is None or int(tile_id[0]) > last) and rising.all():
        return
    at = 0 if last is not None and int(tile_id[0]) <= last else int(np.argmin(rising)) + 1
    before = last if at == 0 else int(tile_id[at - 1])
    raise _tampered(country, f"tile_id {tile_id[at]} follows {before}", int(tile_id[at]))


def _tampered(country: str, detail: str, value: int) -> Segment1BError:
    return Segment1BError("E414_WEIGHT_TAMPER", detail, country=country, value=value)
