"""tile_weights: a country's masses as fixed-point shares (contract §4, S2).

The largest remainder over exact rationals, in passes over blocks that fit the processor's cache:
sum the masses, find the cut, write the weights. Proofs are in docs/proofs.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.schemas import TABLES
from segment1b_assets.core.cell_runs import CellRuns
from segment1b_assets.core.exact_sum import ExactTotal
from segment1b_assets.core.mass_passes import HELD_BYTES, MassStore, NoStore
from segment1b_assets.core.masses import MassReader
from segment1b_assets.core.residue_cut import RANKED_IN_MEMORY
from segment1b_assets.core.shares import (
    Facts,
    Shares,
    equal_shares,
    mass_facts,
    shares_by_raster,
    shares_by_row,
)
from segment1b_assets.core.stream import BATCH_ROWS, Chunk, PartitionStream

Basis = Literal["uniform", "area_m2", "population"]


def tile_weights(
    country: str,
    runs: CellRuns,
    basis: Basis,
    dp: int,
    masses: MassReader | NDArray[np.float64] | None = None,
    batch_rows: int = BATCH_ROWS,
    ranked_in_memory: int = RANKED_IN_MEMORY,
    store: MassStore | None = None,
    held_bytes: int = HELD_BYTES,
) -> PartitionStream:
    """The tile_weights partition of a country, in ascending tile_id.

    Args:
        country: ISO code.
        runs: the country's cells, those of its tile_index.
        basis: what a tile's mass is.
        dp: decimal places, 0..18; the weights sum to K = 10^dp.
        masses: for population, the raster's values; for area_m2, the published pixel_area_m2 of
            each raster row, float64, shape (nrows,); for uniform, None.
        batch_rows: rows of a chunk (the last may have fewer).
        ranked_in_memory: distinct masses near the cut held in memory: it bounds memory
            and decides no weight.
        store: keeps a larger country's masses between passes; without it they are read again.
        held_bytes: the most bytes of a country's masses that are held in memory. Neither it nor
            the store decides a weight.

    Returns:
        A stream of chunks of ``TABLES["tile_weights"].wire``; none for a country without tiles.
        Facts: tiles, mass_sum (float, None where it is beyond the floats), mass_sum_exact ("p" or
        "p/q"), K, postquant_sum_fp, residue_allocations, zero_mass_fallback, raster_bytes_read,
        raster_bytes_uncompressed (but for population no byte is read, and the size is None).

    Raises:
        ValueError: dp or basis out of domain, or masses not of the basis's kind.
        Segment1BError: while its chunks are read, E105_NORMALIZATION for an invalid mass; what
            the reader raises.
    """
    if not 0 <= dp <= 18:
        raise ValueError(f"dp {dp} is not in 0..18")
    by_row = isinstance(masses, np.ndarray)
    kind = "uniform" if masses is None else "area_m2" if by_row else "population"
    if basis != kind:
        raise ValueError(f"basis {basis!r} cannot take masses of {type(masses).__name__}")

    def shares() -> tuple[Shares, Facts]:
        if masses is None:
            return equal_shares(runs, dp)
        if isinstance(masses, np.ndarray):
            return shares_by_row(runs, dp, masses, ranked_in_memory)
        return shares_by_raster(
            country, runs, dp, masses, ranked_in_memory, store or NoStore(), held_bytes
        )

    facts: dict[str, Any] = {"tiles": runs.count, "K": 10**dp}

    def chunks() -> Iterator[Chunk]:
        if runs.count == 0:
            facts.update(mass_facts(ExactTotal(0, 0), 0), postquant_sum_fp=0)
            return
        try:
            made, found = shares()
            facts.update(found)
            yield from _chunks(country, runs, basis, dp, made, batch_rows, facts)
        finally:
            if store is not None:
                store.close()
        if masses is not None and not isinstance(masses, np.ndarray):
            facts["raster_bytes_read"] = masses.bytes_read

    return PartitionStream(chunks(), facts)


def _chunks(
    country: str,
    runs: CellRuns,
    basis: Basis,
    dp: int,
    shares: Shares,
    batch_rows: int,
    facts: Facts,
) -> Iterator[Chunk]:
    schema = TABLES["tile_weights"].wire
    rows = min(batch_rows, runs.count)
    zeros, places = np.zeros(rows, np.int32), np.full(rows, dp, np.int32)
    given = 0
    for batch in runs.batches(batch_rows):
        weights = shares.of(batch)
        given += int(weights.sum())
        columns = [
            _label(country, zeros[: batch.count]),
            pa.array(batch.tile_ids()),
            pa.array(weights),
            pa.array(places[: batch.count]),
            _label(basis, zeros[: batch.count]),
        ]
        yield Chunk(pa.RecordBatch.from_arrays(columns, schema=schema))
    facts["postquant_sum_fp"] = given
    if given != 10**dp:
        raise Segment1BError(
            "E105_NORMALIZATION", f"the weights sum to {given}, not to 10^{dp}", country=country,
            value=given, next_step="report this as a defect of segment1b_assets.core.shares",
        )  # fmt: skip


def _label(text: str, zeros: NDArray[np.int32]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(zeros), pa.array([text], pa.string()))
