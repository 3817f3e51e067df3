"""S5, S6 and S7 with their RNG events and trace rows: contract sections 4 and 5.

Interpretations taken: events stand in order of (merchant_id, site_order, attempt), and the trace of
a family and country accumulates in that order; the trace's counters are those of its event, under
the same four names; S6's point is the binary64 sum centroid + delta, which is what S7 publishes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .geometry import Country, country_takes_point
from .identity import Tokens
from .philox import (
    MASK64,
    MASK128,
    assign_substream,
    jitter_substream,
    master_digest,
    uniform,
)
from .tiles import Tile


class ResampleExhausted(Exception):
    """A site found no accepted point in max_attempts: E613."""


@dataclass(frozen=True)
class Site:
    """One site as S5 to S8 know it; degrees."""

    merchant_id: int
    site_order: int
    tile_id: int
    delta_lon: float
    delta_lat: float
    lon: float
    lat: float


Event = dict[str, Any]
#: Family -> module and draws of its events.
DRAWERS = {
    "site_tile_plan": ("1B.S4.planner", "2"),
    "site_tile_assign": ("1B.S5.assigner", "1"),
    "in_cell_jitter": ("1B.S6.jitter", "2"),
}


@dataclass(frozen=True)
class Run:
    """What every event of a run carries."""

    tokens: Tokens
    ts_utc: str

    @property
    def master(self) -> bytes:
        """The master digest of the run."""
        return master_digest(self.tokens.manifest_fingerprint, self.tokens.seed)

    def event(self, label: str, before: int, row: tuple[int, str, int]) -> Event:
        """The part of an event that all families share."""
        after = (before + 1) & MASK128
        module, draws = DRAWERS[label]
        return {
            "ts_utc": self.ts_utc,
            "run_id": self.tokens.run_id,
            "seed": self.tokens.seed,
            "parameter_hash": self.tokens.parameter_hash,
            "manifest_fingerprint": self.tokens.manifest_fingerprint,
            "module": module,
            "substream_label": label,
            "rng_counter_before_hi": before >> 64,
            "rng_counter_before_lo": before & MASK64,
            "rng_counter_after_hi": after >> 64,
            "rng_counter_after_lo": after & MASK64,
            "blocks": 1,
            "draws": draws,
            "merchant_id": row[0],
            "legal_country_iso": row[1],
            "site_order": row[2],
        }


def assign(
    run: Run, iso: str, merchant_id: int, plan: Sequence[tuple[int, int]]
) -> tuple[list[tuple[int, int]], list[Event]]:
    """S5 for one pair: (site_order, tile_id) by site_order, and one event a site."""
    stream = assign_substream(run.master, merchant_id, iso, run.tokens.parameter_hash)
    n_sites = sum(count for _, count in plan)
    draws = [uniform(stream.words(block)[0]) for block in range(n_sites)]
    queue = [tile_id for tile_id, count in sorted(plan) for _ in range(count)]
    tile_of: dict[int, int] = {}
    ranked = sorted((u, order) for order, u in enumerate(draws, start=1))
    for (_, order), tile_id in zip(ranked, queue, strict=True):
        tile_of[order] = tile_id
    events = []
    for order, u in enumerate(draws, start=1):
        before = stream.before(order - 1)
        event = run.event("site_tile_assign", before, (merchant_id, iso, order))
        events.append(event | {"tile_id": tile_of[order], "u": u})
    return sorted(tile_of.items()), events


def jitter(
    run: Run,
    iso: str,
    merchant_id: int,
    site_order: int,
    tile: Tile,
    country: Country,
    limit: int,
    drawn: Tile | None = None,
) -> tuple[Site, list[Event]]:
    """S6 and S7 for one site, and one event an attempt; ResampleExhausted after ``limit``.

    ``drawn``: the tile with the edges of its box, for uniform_v2.
    """
    box = drawn or tile
    ph = run.tokens.parameter_hash
    stream = jitter_substream(run.master, merchant_id, iso, site_order, ph)
    events = []
    for attempt in range(limit):
        word0, word1 = stream.words(attempt)
        lon = box.min_lon + uniform(word0) * (box.max_lon - box.min_lon)
        lat = box.min_lat + uniform(word1) * (box.max_lat - box.min_lat)
        delta_lon, delta_lat = lon - tile.centroid_lon, lat - tile.centroid_lat
        row = (merchant_id, iso, site_order)
        event = run.event("in_cell_jitter", stream.before(attempt), row)
        event |= {"sigma_lat_deg": 0.0, "sigma_lon_deg": 0.0}
        events.append(event | {"delta_lat_deg": delta_lat, "delta_lon_deg": delta_lon})
        lon, lat = tile.centroid_lon + delta_lon, tile.centroid_lat + delta_lat
        in_cell = tile.min_lon <= lon <= tile.max_lon and tile.min_lat <= lat <= tile.max_lat
        if in_cell and country_takes_point(country, lon, lat):
            site = Site(merchant_id, site_order, tile.tile_id, delta_lon, delta_lat, lon, lat)
            return site, events
    raise ResampleExhausted(f"merchant {merchant_id} site {site_order} tile {tile.tile_id}")


def trace(events: Sequence[Event]) -> list[Event]:
    """One cumulative row per event."""
    rows = []
    blocks = draws = 0
    for count, event in enumerate(events, start=1):
        blocks += event["blocks"]
        draws += int(event["draws"])
        same = ("ts_utc", "run_id", "seed", "module", "substream_label")
        row = {name: event[name] for name in same}
        row |= {name: event[name] for name in event if name.startswith("rng_counter_")}
        row |= {"events_total": count, "blocks_total": blocks, "draws_total": draws}
        rows.append(row)
    return rows
