"""A country's heaviest tiles for judging plans: by thresholds, where S4 keeps a sorted list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.core.exact_sum import sum_of_weights
from segment1b_assets.validation.columns import Columns

Ids = NDArray[np.uint64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class HeaviestFirst:
    """The first tiles by (weight descending, tile_id ascending), and what the whole file shows.

    Attributes:
        tile_id: uint64, shape (k,), heaviest first.
        weight: int64, shape (k,).
        total: sum of all weights.
        tiles: how many there are.
        negative: how many weights are below 0.
        found: which of the sought tiles have a weight, bool, in their order.
    """

    tile_id: Ids
    weight: Ints
    total: int
    tiles: int
    negative: int
    found: NDArray[np.bool_]

    def rank_of(self, tile_id: Ids) -> NDArray[np.intp]:
        """The place of each tile, from 0; -1 for tiles that are not among these. Any shape (n,)."""
        if self.tile_id.size == 0:
            return np.full(tile_id.size, -1, np.intp)
        by_id, ids = self._by_id
        at = np.minimum(np.searchsorted(ids, tile_id), ids.size - 1)
        return np.where(ids[at] == tile_id, by_id[at], -1)

    @cached_property
    def _by_id(self) -> tuple[NDArray[np.intp], Ids]:
        order = np.argsort(self.tile_id)
        return order, self.tile_id[order]


def heaviest_first(files: Sequence[Path], most: int, sought: Ids) -> HeaviestFirst:
    """Read a country's weights once, keep the `most` heaviest tiles and look for some.

    Args:
        files: of tile_weights.
        most: how many to keep, >= 1.
        sought: ascending distinct tiles, shape (n,).

    Raises:
        Segment1BError: E_INPUT_SCHEMA if a file cannot be read.
    """
    ids, weights = np.empty(0, np.uint64), np.empty(0, np.int64)
    # Files are in tile order: a tile no heavier than the last of a full list comes after it.
    floor = int(np.iinfo(np.int64).min)
    total = tiles = negative = 0
    found = np.zeros(sought.size, np.bool_)
    waiting: list[tuple[Ids, Ints]] = []
    waiting_rows = 0
    for block in Columns(files, ["tile_id", "weight_fp"]).blocks():
        tile_id, weight = block["tile_id"], block["weight_fp"]
        total += sum_of_weights(weight)
        negative += int(np.count_nonzero(weight < 0)) if weight.min() < 0 else 0
        tiles += weight.size
        mark_found(found, sought, tile_id)
        heavy = np.flatnonzero(weight > floor)
        waiting.append((tile_id[heavy], weight[heavy]))
        waiting_rows += heavy.size
        if waiting_rows > most:
            ids, weights = _kept(ids, weights, waiting, most)
            waiting, waiting_rows = [], 0
            if weights.size == most:
                floor = int(weights[-1])
    ids, weights = _kept(ids, weights, waiting, most)
    return HeaviestFirst(ids, weights, total, tiles, negative, found)


def mark_found(found: NDArray[np.bool_], sought: Ids, tile_id: Ids) -> None:
    """Mark which sought tiles (ascending) are among the next ones (ascending, not empty)."""
    low = int(np.searchsorted(sought, tile_id[0]))
    high = int(np.searchsorted(sought, tile_id[-1], side="right"))
    if low < high:
        at = np.minimum(np.searchsorted(tile_id, sought[low:high]), tile_id.size - 1)
        found[low:high] |= tile_id[at] == sought[low:high]


def _kept(ids: Ids, weights: Ints, waiting: list[tuple[Ids, Ints]], most: int) -> tuple[Ids, Ints]:
    ids = np.concatenate([ids, *(i for i, _ in waiting)])
    weights = np.concatenate([weights, *(w for _, w in waiting)])
    if ids.size > most:
        # Everything at the threshold stays until ids decide between equals.
        threshold = np.partition(weights, weights.size - most)[weights.size - most]
        above = weights >= threshold
        ids, weights = ids[above], weights[above]
    order = np.lexsort((ids, -weights))[:most]
    return ids[order], weights[order]
