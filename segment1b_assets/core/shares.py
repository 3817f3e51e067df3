"""How a country's K units are shared out among its tiles, basis by basis (contract §4, S2)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.core.cell_runs import CellRuns
from segment1b_assets.core.exact_sum import ExactTotal, Masses, sum_of_repeats
from segment1b_assets.core.mass_passes import CountryMasses, MassStore, TakenInOrder
from segment1b_assets.core.masses import MassReader, read_masses
from segment1b_assets.core.quotas import Bounds, Quotas
from segment1b_assets.core.residue_cut import ABOVE, TIED, Block, Blocks, find_cut

Ints = NDArray[np.int64]
Facts = dict[str, Any]

#: Tiles worked on at a time: a dozen float64 arrays of them fit the processor's cache.
BLOCK_TILES: Final = 1 << 15


class Shares(Protocol):
    """Weights by batches, which must come in tile order and cover the country's cells."""

    def of(self, batch: CellRuns) -> Ints:
        """The weights of the batch's cells, int64, shape (batch.count,)."""


def equal_shares(runs: CellRuns, dp: int) -> tuple[Shares, Facts]:
    """All masses are 1: K // N each, and one more for the first K mod N tiles."""
    share, residue = divmod(10**dp, runs.count)
    return _EqualShares(share, residue), mass_facts(ExactTotal(runs.count, 0), residue)


def shares_by_row(
    runs: CellRuns, dp: int, masses: NDArray[np.float64], ranked_in_memory: int
) -> tuple[Shares, Facts]:
    """Masses that are one value a raster row: the cut is found over rows, not over tiles."""
    rows, at = np.unique(runs.rows, return_inverse=True)
    counts = np.bincount(at, weights=runs.lengths).astype(np.int64)
    of_rows = masses[rows]
    if not (np.isfinite(of_rows) & (of_rows >= 0)).all():
        raise ValueError("the mass of a row is negative or not finite")
    total = sum_of_repeats(of_rows, counts)
    if total.numerator == 0:
        return _fallen_back(runs, dp)

    def blocks() -> Iterator[Block]:
        yield of_rows, counts

    largest = _LargestRemainder(blocks, total, dp, masses.dtype, ranked_in_memory)
    return _SharesByRow(masses, largest), mass_facts(total, largest.residue)


def shares_by_raster(
    country: str,
    runs: CellRuns,
    dp: int,
    reader: MassReader,
    ranked_in_memory: int,
    store: MassStore,
    held_bytes: int,
) -> tuple[Shares, Facts]:
    """Masses that are the raster's values, held or kept in the raster's dtype.

    The facts' raster_bytes_read is that of all passes, and complete once the shares are given out.

    Raises:
        Segment1BError: E105_NORMALIZATION for an invalid mass; what the reader raises.
    """
    masses = read_masses(country, runs, reader, store, held_bytes)
    shares: Shares
    if masses.total.numerator == 0:
        shares, facts = _fallen_back(runs, dp)
    else:

        def blocks() -> Iterator[Block]:
            for values in masses.passes():
                for start in range(0, values.size, BLOCK_TILES):
                    yield values[start : start + BLOCK_TILES], None

        largest = _LargestRemainder(blocks, masses.total, dp, masses.dtype, ranked_in_memory)
        shares, facts = _SharesByTile(masses, largest), mass_facts(masses.total, largest.residue)
    facts["mass_max"] = masses.largest
    facts["raster_bytes_uncompressed"] = reader.bytes_uncompressed
    return shares, facts


def mass_facts(total: ExactTotal, residue: int) -> Facts:
    """The masses in the run report; mass_sum is None where no float can hold it."""
    try:
        rounded: float | None = float(total.fraction)
    except OverflowError:
        rounded = None
    return {
        "mass_sum": rounded,
        "mass_sum_exact": str(total.fraction),
        "mass_max": None,
        "residue_allocations": residue,
        "zero_mass_fallback": False,
        "raster_bytes_read": 0,
        "raster_bytes_uncompressed": None,
    }


def _fallen_back(runs: CellRuns, dp: int) -> tuple[Shares, Facts]:
    """Masses that are all 0 become all 1."""
    shares, facts = equal_shares(runs, dp)
    return shares, {**facts, "mass_sum": 0.0, "mass_sum_exact": "0", "zero_mass_fallback": True}


class _EqualShares:
    def __init__(self, share: int, residue: int) -> None:
        self._share, self._residue = share, residue

    def of(self, batch: CellRuns) -> Ints:
        weights = np.full(batch.count, self._share, np.int64)
        weights[: self._residue] += 1
        self._residue = max(0, self._residue - batch.count)
        return weights


class _SharesByRow:
    def __init__(self, masses: NDArray[np.float64], largest: _LargestRemainder) -> None:
        self._masses, self._largest = masses, largest

    def of(self, batch: CellRuns) -> Ints:
        return self._largest.weights(np.repeat(self._masses[batch.rows], batch.lengths))


class _SharesByTile:
    def __init__(self, masses: CountryMasses, largest: _LargestRemainder) -> None:
        self._masses, self._largest = TakenInOrder(masses.passes(), masses.dtype), largest

    def of(self, batch: CellRuns) -> Ints:
        return self._largest.weights(self._masses.take(batch.count))


class _LargestRemainder:
    """Gives masses their weights in tile order; the tied units go to the first that come."""

    def __init__(
        self,
        blocks: Blocks,
        total: ExactTotal,
        dp: int,
        dtype: np.dtype[Any],
        ranked_in_memory: int,
    ) -> None:
        quotas = Quotas(total, dp)
        self._bounds = Bounds(quotas, dtype)
        self._cut = find_cut(blocks, quotas, self._bounds, dtype, ranked_in_memory)
        self._tied_left = self._cut.tied_units

    @property
    def residue(self) -> int:
        return self._cut.residue

    def weights(self, masses: Masses) -> Ints:
        weights = np.empty(masses.size, np.int64)
        for start in range(0, masses.size, BLOCK_TILES):
            part = slice(start, start + BLOCK_TILES)
            weights[part] = self._block(masses[part])
        return weights

    def _block(self, masses: Masses) -> Ints:
        weights, low, high = self._bounds.of(masses)
        weights += self._cut.interval.above(low)
        at = np.flatnonzero(self._cut.interval.undecided(low, high))
        if at.size:
            side = self._cut.side_of(masses[at])
            weights[at] += side == ABOVE
            tied = at[side == TIED][: self._tied_left]
            weights[tied] += 1
            self._tied_left -= tied.size
        return weights
