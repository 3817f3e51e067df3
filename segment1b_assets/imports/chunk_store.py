"""A large grid of sums in small chunks: some in memory, the others on disk."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

#: Cells of a chunk's side, a multiple of the result's blocks; 8 MiB of float64.
SIDE: Final = 1024
#: Chunks in memory: 384 MiB.
_HELD: Final = 48


class ChunkStore:
    """Sums by cell, zero at first; only chunks that something was added to exist."""

    def __init__(self, folder: Path, nrows: int, ncols: int) -> None:
        """Args: folder: a private, empty folder; nrows, ncols: of the whole grid."""
        self._folder = folder
        self._nrows, self._ncols = nrows, ncols
        self._held: OrderedDict[tuple[int, int], NDArray[np.float64]] = OrderedDict()
        self._on_disk: set[tuple[int, int]] = set()

    def add(
        self, row: NDArray[np.int64], col: NDArray[np.int64], count: NDArray[np.float64]
    ) -> float:
        """Add counts to cells; returns the sum of those that fall outside of the grid."""
        inside = (row >= 0) & (row < self._nrows) & (col >= 0) & (col < self._ncols)
        outside = float(count[~inside].sum())
        row, col, count = row[inside], col[inside], count[inside]
        if not row.size:
            return outside
        across = -(-self._ncols // SIDE)
        chunk = row // SIDE * across + col // SIDE
        first = int(chunk.min())
        # Neighbours lie in few chunks, so a mask for each is cheaper than to sort.
        for offset in np.flatnonzero(np.bincount(chunk - first)).tolist():
            which = chunk == first + offset
            sums = self._chunk(divmod(first + offset, across))
            cell = row[which] % SIDE * SIDE + col[which] % SIDE
            np.add.at(sums.reshape(-1), cell, count[which])  # in the order given
        return outside

    def get(self, number: tuple[int, int]) -> NDArray[np.float64] | None:
        """The chunk at (row of chunks, column of chunks), SIDE × SIDE; None where nothing is."""
        if number not in self._held and number not in self._on_disk:
            return None
        return self._chunk(number)

    def _chunk(self, number: tuple[int, int]) -> NDArray[np.float64]:
        if number in self._held:
            self._held.move_to_end(number)
            return self._held[number]
        while len(self._held) >= _HELD:
            oldest, sums = self._held.popitem(last=False)
            np.save(self._path(oldest), sums)
            self._on_disk.add(oldest)
        found: NDArray[np.float64] = (
            np.load(self._path(number))
            if number in self._on_disk
            else np.zeros((SIDE, SIDE), np.float64)
        )
        self._held[number] = found
        return found

    def _path(self, number: tuple[int, int]) -> Path:
        return self._folder / f"{number[0]}-{number[1]}.npy"
