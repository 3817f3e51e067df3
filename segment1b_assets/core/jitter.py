"""S6: the position of each site in its tile (contract §4, S6)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.identity import Identity
from segment1b_assets.core.attempts import POINTS, Attempts, Boxes, CountryTest
from segment1b_assets.core.cells import row_and_col
from segment1b_assets.core.grid import Grid
from segment1b_assets.core.intervals import bounded_groups
from segment1b_assets.core.rng_log import JITTER, RngLog
from segment1b_assets.core.site_batches import SITE_BATCH, site_rows
from segment1b_assets.core.stream import Chunk, PartitionStream

#: Exhausted sites that the error spells out.
_NAMED: Final = 5


def site_jitter(
    country: str,
    identity: Identity,
    ts_utc: str,
    assignment: Iterable[pa.RecordBatch],
    grid: Grid,
    country_test: CountryTest,
    max_attempts: int,
    batch_rows: int = SITE_BATCH,
    boxes: Boxes | None = None,
) -> PartitionStream:
    """Place a country's sites within their tiles.

    Args:
        country: ISO code.
        identity: the run's tokens.
        ts_utc: verified_at_utc of the S0 receipt, which every event carries.
        assignment: batches of s5_site_tile_assignment (merchant_id, site_order, tile_id), sorted.
        grid: the raster's grid.
        country_test: the country's exact point test.
        max_attempts: attempts a site may have, at least 1.
        batch_rows: sites that draw together; it bounds memory and changes no result.
        boxes: what uniform_v2 draws in (core/cell_box.py); None is uniform_v1: the cells.

    Returns:
        Chunks of s6_site_jitter with the logs of ``rng_log.JITTER``; facts: sites, rng_events,
        sites_resampled (sites with more than one attempt), attempts_max.

    Raises:
        Segment1BError: E613_RESAMPLE_EXHAUSTED while the chunks are read, after the last site:
            it counts the exhausted sites of the country and names the first of them.
    """
    facts: dict[str, Any] = dict.fromkeys(
        ("sites", "rng_events", "sites_resampled", "attempts_max"), 0
    )
    log = RngLog(JITTER, identity, ts_utc, country)

    def chunks() -> Iterator[Chunk]:
        lost = _Exhausted(country, grid)
        for batch in _slices(assignment, batch_rows):
            tries = Attempts(country, identity, grid, batch, boxes)
            needed = tries.needed(country_test, max_attempts)
            lost.note(tries, needed)
            if lost.count:
                continue  # nothing will be published: the other sites are only counted
            for part in bounded_groups(needed, POINTS):
                yield _chunk(country, identity, tries, needed, part, log)
            facts["sites"] += needed.size
            facts["rng_events"] = log.events
            facts["sites_resampled"] += int(np.count_nonzero(needed > 1))
            facts["attempts_max"] = max(facts["attempts_max"], int(needed.max()))
        lost.raise_if_any(max_attempts)

    return PartitionStream(chunks(), facts)


def _slices(batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for start in range(0, batch.num_rows, rows):
            yield batch.slice(start, rows)


def _chunk(
    country: str,
    identity: Identity,
    tries: Attempts,
    needed: NDArray[np.int64],
    part: slice,
    log: RngLog,
) -> Chunk:
    """Rows and events of some sites; the rounds kept no points, so these are drawn again."""
    counts = needed[part]
    ends = np.cumsum(counts)
    site = np.repeat(np.arange(part.start, part.stop), counts)
    number = np.arange(1, site.size + 1) - np.repeat(ends - counts, counts)
    draws = tries.draw(site, number)
    lines = log.lines(
        draws.counter_lo,
        draws.counter_hi,
        tries.merchant_id[site],
        tries.site_order[site],
        delta_lat_deg=draws.delta_lat,
        delta_lon_deg=draws.delta_lon,
    )
    rows = site_rows(
        "s6_site_jitter",
        country,
        merchant_id=tries.merchant_id[part],
        site_order=tries.site_order[part],
        tile_id=tries.tile_id[part],
        delta_lat_deg=draws.delta_lat[ends - 1],
        delta_lon_deg=draws.delta_lon[ends - 1],
        manifest_fingerprint=identity.manifest_fingerprint,
    )
    return Chunk(rows, lines)


class _Exhausted:
    """Sites of a country for which every attempt failed."""

    def __init__(self, country: str, grid: Grid) -> None:
        self._country = country
        self._grid = grid
        self._named: list[str] = []
        self.count = 0

    def note(self, tries: Attempts, needed: NDArray[np.int64]) -> None:
        lost = np.flatnonzero(needed == 0)
        self.count += lost.size
        for i in lost[: _NAMED - len(self._named)]:
            row, col = row_and_col(self._grid, tries.tile_id[i : i + 1])
            self._named.append(
                f"merchant {tries.merchant_id[i]} site {tries.site_order[i]} in tile "
                f"{tries.tile_id[i]} (row {row[0]}, column {col[0]}, centre "
                f"{self._grid.centroid_lon[col[0]]:.6g} {self._grid.centroid_lat[row[0]]:.6g})"
            )

    def raise_if_any(self, max_attempts: int) -> None:
        if not self.count:
            return
        unnamed = self.count - len(self._named)
        raise Segment1BError(
            "E613_RESAMPLE_EXHAUSTED",
            f"{self.count} site(s) found no point inside the country in {max_attempts} attempts: "
            + "; ".join(self._named)
            + (f"; and {unnamed} more" if unnamed else ""),
            country=self._country,
            value=max_attempts,
        )
