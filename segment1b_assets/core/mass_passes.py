"""Passes over a country's masses in bounded memory (contract §4, S2).

S2 passes over the masses some four times. A small country's are held in memory. A larger one's are
kept by a store, compressed and out of memory; what does not fit is read from the raster in every
pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np

from segment1b_assets.core.cell_runs import CellRuns
from segment1b_assets.core.exact_sum import ExactTotal, Masses

#: Masses of a country that are held as they are; 64 Mi tiles of float32.
HELD_BYTES: Final = 256 << 20


class MassStore(Protocol):
    """Keeps masses between passes; ``storage.mass_spill.SpilledMasses`` is one."""

    def keep(self, masses: Masses) -> bool:
        """Append masses of shape (k,); False, and nothing appended, where full."""

    def kept(self) -> Iterator[Masses]:
        """Start a new pass over the kept masses, in order, in arrays of bounded size."""

    def close(self) -> None:
        """Drop them."""


class NoStore:
    """A store without room: every pass reads the raster."""

    def keep(self, masses: Masses) -> bool:
        """Refuse the masses."""
        return False

    def kept(self) -> Iterator[Masses]:
        """Nothing."""
        return iter(())

    def close(self) -> None:
        """Nothing is kept."""


@dataclass(frozen=True)
class CountryMasses:
    """The masses of a country.

    Attributes:
        dtype: the raster's.
        total: their exact sum.
        largest: the largest of them.
        passes: starts a pass over them, in tile order, in arrays of bounded size.
    """

    dtype: np.dtype[Any]
    total: ExactTotal
    largest: float
    passes: Callable[[], Iterator[Masses]]


class TakenInOrder:
    """Reads one pass in amounts of the caller's choice."""

    def __init__(self, masses: Iterator[Masses], dtype: np.dtype[Any]) -> None:
        self._masses, self._rest = masses, np.empty(0, dtype)

    def take(self, count: int) -> Masses:
        """The next `count` masses.

        Raises:
            ValueError: there are fewer.
        """
        pieces, need = [], count
        while need:
            if self._rest.size == 0:
                following = next(self._masses, None)
                if following is None:
                    raise ValueError(f"{need} masses are missing")
                self._rest = following
            pieces.append(self._rest[:need])
            self._rest = self._rest[need:]
            need -= pieces[-1].size
        return pieces[0] if len(pieces) == 1 else np.concatenate([self._rest[:0], *pieces])


def cells_after(runs: CellRuns, count: int) -> CellRuns:
    """The cells of `runs` without the first `count`."""
    upto = np.cumsum(runs.lengths)
    run = int(np.searchsorted(upto, count, side="right"))
    starts, stops = runs.starts[run:].copy(), runs.stops[run:]
    if starts.size:
        starts[0] = stops[0] - (upto[run] - count)
    return CellRuns(starts, stops, runs.ncols)
