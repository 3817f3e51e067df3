"""What the contract asks for, country by country, for a whole tiny world.

Interpretations taken: a denylisted country is as one without outlets, whatever else is wrong
with it; a country whose S2 fails and that has outlets fails S3 with E303, and one that has none may
end with empty files or with none (``downstream_open``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from . import allocation, arc, inputs, weights
from .boxes import drawn_cell
from .identity import Tokens
from .sites import Event, ResampleExhausted, Run, Site, assign, jitter
from .tiles import Tile, country_tiles

Areas = Callable[[str], list[float]]


class NoAreas(Exception):
    """The product's tile_index does not give one usable area a tile."""


@dataclass
class CountryTruth:
    """One country's states; rows stand in the contract's sort order."""

    iso: str
    tiles: list[Tile] = field(default_factory=list)
    weights: weights.Weights = field(default_factory=lambda: weights.Weights([], 0, False))
    requirements: list[tuple[int, int]] = field(default_factory=list)
    plan: list[tuple[int, int, int]] = field(default_factory=list)
    assignment: list[tuple[int, int, int]] = field(default_factory=list)
    sites: list[Site] = field(default_factory=list)
    plan_events: list[Event] = field(default_factory=list)
    assign_events: list[Event] = field(default_factory=list)
    jitter_events: list[Event] = field(default_factory=list)
    # State number -> error code, for states that publish nothing.
    failures: dict[int, str] = field(default_factory=dict)
    downstream_open: bool = False

    @property
    def events(self) -> dict[str, list[Event]]:
        """Family -> its events."""
        families = ("site_tile_plan", "site_tile_assign", "in_cell_jitter")
        logs = (self.plan_events, self.assign_events, self.jitter_events)
        return dict(zip(families, logs, strict=True))

    def publishes(self, state: int) -> bool:
        """Whether the state publishes a partition."""
        # S2's failure stops S3 (E303) only where sites are asked for.
        return not any(failed <= state for failed in self.failures)


@dataclass(frozen=True)
class Settings:
    """The policies' values that decide anything."""

    inclusion_rule: str
    basis: str
    dp: int
    denylist: frozenset[str]
    jitter_mode: str
    max_attempts: int
    #: None is the plain law of S4.
    reach: arc.Reach | None = None

    @classmethod
    def read(cls, root: Path) -> Settings:
        """From the five policy files."""
        deny = inputs.read_policy(root, "s3.requirements")
        weighing = inputs.read_policy(root, "s2.tile_weights")
        jittering = inputs.read_policy(root, "s6.jitter")
        plan = inputs.read_policy(root, "s4.alloc_plan")
        reach = [(e["n_max"], e["power"], e.get("min_ppm", 0)) for e in plan["reach"]]
        return cls(
            inclusion_rule=inputs.read_policy(root, "s1.tile_index")["inclusion_rule"],
            basis=weighing["basis"],
            dp=weighing["dp"],
            denylist=frozenset(deny["denylist_country_iso"] if deny["enabled"] else []),
            jitter_mode=jittering["mode"],
            max_attempts=jittering["max_attempts"],
            reach=reach if plan["enabled"] else None,
        )


class Truth:
    """A root's inputs read once, and the truth of any of its countries."""

    def __init__(self, root: Path, tokens: Tokens, ts_utc: str) -> None:
        self.settings = Settings.read(root)
        self.run = Run(tokens, ts_utc)
        self.codes = inputs.read_iso_codes(root)
        self.raster = inputs.read_raster(root)
        self.polygons = inputs.read_countries(root)
        self.outlets = inputs.read_outlets(root, tokens)

    def country(self, iso: str, areas: Areas | None = None) -> CountryTruth:
        """Everything of one country; ``areas`` gives its tiles' areas for basis area_m2."""
        truth = CountryTruth(iso)
        polygons = self.polygons.get(iso, [])
        truth.tiles = country_tiles(self.raster.grid, polygons, self.settings.inclusion_rule)
        outlets = [] if iso in self.settings.denylist else self.outlets.get(iso, [])
        try:
            masses = self._masses(iso, truth.tiles, areas)
            truth.weights = weights.quantise(masses, self.settings.dp)
        except weights.BadMass:
            truth.failures[2] = "E105_NORMALIZATION"
            truth.downstream_open = not outlets
        if not outlets:
            return truth
        if truth.failures or not truth.tiles:
            truth.failures[3] = "E303_MISSING_WEIGHTS"
            return truth
        try:
            truth.requirements = allocation.requirements(outlets)
        except allocation.SiteOrderBroken:
            truth.failures[3] = "E314_SITE_ORDER_INTEGRITY"
            return truth
        self._place(truth)
        return truth

    def _masses(self, iso: str, tiles: list[Tile], areas: Areas | None) -> list[Fraction]:
        if not tiles or self.settings.basis == "uniform":
            return [Fraction(1)] * len(tiles)
        if self.settings.basis == "area_m2":
            if areas is None:
                raise NoAreas("basis area_m2 needs the published areas")
            published = areas(iso)
            if len(published) != len(tiles):
                raise NoAreas(f"{len(published)} areas for {len(tiles)} tiles")
            return [Fraction(area) for area in published]
        raster = self.raster
        return [weights.mass_of_value(raster.values[t.row][t.col], raster.nodata) for t in tiles]

    def _place(self, truth: CountryTruth) -> None:
        scale = 10**self.settings.dp
        by_id = {tile.tile_id: tile for tile in truth.tiles}
        weighted = list(zip(by_id, truth.weights.weights, strict=True))
        grid = self.raster.grid
        curve = arc.along_the_curve(dict(weighted), grid.nrows, grid.ncols)
        for merchant_id, n_sites in truth.requirements:
            if self.settings.reach is None:
                plan = allocation.allocate(weighted, n_sites, scale)
            else:
                drawn = arc.draw(
                    self.run, truth.iso, merchant_id, n_sites, self.settings.reach, scale
                )
                plan = arc.place(drawn, n_sites, curve)
                event = arc.event(self.run, truth.iso, merchant_id, n_sites, drawn)
                truth.plan_events.append(event)
            truth.plan += [(merchant_id, *row) for row in plan]
            rows, events = assign(self.run, truth.iso, merchant_id, plan)
            truth.assignment += [(merchant_id, *row) for row in rows]
            truth.assign_events += events
        polygons, limit = self.polygons[truth.iso], self.settings.max_attempts
        drawn = {tile_id: by_id[tile_id] for _, _, tile_id in truth.assignment}
        if self.settings.jitter_mode == "uniform_v2":
            drawn = {tile_id: drawn_cell(tile, polygons) for tile_id, tile in drawn.items()}
        try:
            for merchant_id, order, tile_id in truth.assignment:
                placed = jitter(
                    self.run, truth.iso, merchant_id, order, by_id[tile_id], polygons, limit,
                    drawn[tile_id],
                )  # fmt: skip
                truth.sites.append(placed[0])
                truth.jitter_events += placed[1]
        except ResampleExhausted:
            truth.failures[6] = "E613_RESAMPLE_EXHAUSTED"
            truth.sites, truth.jitter_events = [], []
