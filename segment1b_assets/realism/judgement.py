"""The measures of the world and of its countries, held against the rules."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from segment1b_assets.contracts.realism import Band, RealismRules
from segment1b_assets.realism.statistics import gini, kolmogorov_smirnov
from segment1b_assets.realism.verdicts import ORDER, Judged, JudgedCountry, against, judged_row
from segment1b_assets.realism.world import CountrySummary, World


def judge_countries(world: World) -> list[JudgedCountry]:
    """Every country by itself, in code order; one of few sites or tiles is not judged."""
    ordered = sorted(world.countries, key=lambda c: c.country)
    return [_judge_country(summary, world.rules) for summary in ordered]


def _judge_country(c: CountrySummary, rules: RealismRules) -> JudgedCountry:
    expected = c.one_site * c.top_chance
    spread = math.sqrt(expected * (1.0 - c.top_chance))
    at = rules.radii_km.index(25)
    pairs = float(c.pairs_within_drawn[at])
    values = {
        "top_tile": (c.top_seen - expected) / spread
        if c.one_site >= rules.few_merchants and spread > 0
        else None,
        "identical": (c.identical - c.identical_drawn) / c.chains
        if c.chains >= rules.few_merchants
        else None,
        "tiles_used": c.tiles_used / c.tiles_used_drawn if c.tiles_used_drawn else None,
        "pairs_25km": int(c.pairs_within[at]) / pairs if pairs >= rules.few_pairs else None,
    }
    if c.sites < rules.few_sites:
        return JudgedCountry(c, "not judged", f"few sites: {c.sites} of {rules.few_sites}", values)
    if c.tiles < rules.few_tiles:
        return JudgedCountry(c, "not judged", f"few tiles: {c.tiles} of {rules.few_tiles}", values)
    broken = [
        f"{band.title}: {against(value, band)}"
        for name, band in rules.country.items()
        if (value := values[name]) is not None and not band.holds(value)
    ]
    if broken:
        return JudgedCountry(c, "not believable", "; ".join(broken), values)
    return JudgedCountry(c, "believable", "", values)


def judge_world(world: World, countries: Sequence[JudgedCountry]) -> list[Judged]:
    """All measures, the bad rows first, else in the order of the rules."""
    rules = world.rules
    found = [
        _population_rank(world),
        *_one_site(world),
        _identical(world),
        *_spread(world),
        *_nearest(world),
        *_pairs(world, countries),
        *_reach(world),
        _countries(countries, rules),
    ]
    return sorted(found, key=lambda j: ORDER.index(j.verdict))


def _population_rank(world: World) -> Judged:
    found = world.rank_correlations()
    seen, drawn = found[0], [r for r in found[1:] if r is not None]
    if seen is None or not drawn:
        return _judged(world, "population_rank", None, "too few half-degree cells")
    middle = float(np.median(drawn))
    above = 1 + sum(r >= seen for r in drawn)
    return _judged(
        world, "population_rank", seen / middle if middle > 0 else None,
        f"Spearman {seen:.3f}; draws {min(drawn):.3f} to {max(drawn):.3f}, median {middle:.3f}; "
        f"rank {above} of {len(drawn) + 1} from the top",
    )  # fmt: skip


def _one_site(world: World) -> list[Judged]:
    few = world.rules.few_merchants
    seen = sum(c.top_seen for c in world.countries)
    chances = [(c.one_site, c.top_chance) for c in world.countries]
    expected = math.fsum(n * p for n, p in chances)
    spread = math.sqrt(math.fsum(n * p * (1.0 - p) for n, p in chances))
    merchants = sum(n for n, _ in chances)
    enough = merchants >= few
    z = (seen - expected) / spread if enough and spread > 0 else None
    positions = world.positions
    d, p = kolmogorov_smirnov(positions) if positions.size else (0.0, 1.0)
    return [
        _judged(
            world, "one_site_top_tile", z,
            f"{seen:,} of {merchants:,} lie there, {expected:,.1f} expected",
        ),
        _judged(
            world, "one_site_position", p if enough else None,
            f"largest distance D = {d:.3f} over {positions.size:,} merchants",
        ),
    ]  # fmt: skip


def _identical(world: World) -> Judged:
    chains = sum(c.chains for c in world.countries)
    drawn = float(world.identical[1:].mean())
    seen = int(world.identical[0])
    return _judged(
        world, "identical_tile_sets",
        (seen - drawn) / chains if chains >= world.rules.few_merchants else None,
        f"{seen:,} of {chains:,} share their tiles with another; {drawn:,.1f} in the draws",
    )  # fmt: skip


def _spread(world: World) -> list[Judged]:
    used = world.occupancy.sum(axis=1)
    middle = float(np.median(used[1:]))
    tiles = sum(c.tiles for c in world.countries)
    even = [1.0 - gini(row, max(tiles, int(used.max()))) for row in world.occupancy]
    level = float(np.median(even[1:]))
    return [
        _judged(
            world, "tiles_used", int(used[0]) / middle if middle else None,
            f"{int(used[0]):,} of {tiles:,} populated tiles; draws {middle:,.0f}",
        ),
        _judged(
            world, "crowding", even[0] / level if level > 0 else None,
            f"Gini {1.0 - even[0]:.5f}; draws {1.0 - level:.5f}",
        ),
    ]  # fmt: skip


def _nearest(world: World) -> list[Judged]:
    found = []
    for name, q in (("nearest_p50", 0.5), ("nearest_p99", 0.99)):
        km = world.nearest.quantiles(q)
        middle = float(np.median(km[1:]))
        known = not math.isnan(middle)
        found.append(
            _judged(
                world, name, float(km[0]) / middle if known else None,
                f"{km[0]:.3g} km; draws {middle:.3g} km" if known else "no two sites",
            )
        )  # fmt: skip
    return found


def _pairs(world: World, countries: Sequence[JudgedCountry]) -> list[Judged]:
    rules = world.rules
    judged = [c.summary for c in countries if c.verdict != "not judged"]
    found = []
    for at, km in enumerate(rules.radii_km):
        ratios = [
            int(c.pairs_within[at]) / float(c.pairs_within_drawn[at])
            for c in judged
            if c.pairs_within_drawn[at] >= rules.few_pairs
        ]
        seen = sum(int(c.pairs_within[at]) for c in judged)
        drawn = math.fsum(float(c.pairs_within_drawn[at]) for c in judged)
        found.append(
            _judged(
                world, "pairs_within", float(np.median(ratios)) if ratios else None,
                f"median of {len(ratios)} countries; {seen:,} pairs in all, {drawn:,.0f} in the "
                "draws", name=f"pairs_within_{km}_km", km=km,
            )
        )  # fmt: skip
    return found


def _reach(world: World) -> list[Judged]:
    shops, reach, drawn = world.shops, world.reach, world.reach_drawn
    metric = world.rules.metrics["reach"]
    found = []
    for group in world.rules.reach:
        ours = (shops >= group.first) & (shops <= group.last) & ~np.isnan(reach)
        count = int(ours.sum())
        enough = count >= world.rules.few_merchants
        band = metric.model_copy(update={"low": group.low, "high": group.high})
        detail = f"{count:,} chains; published {group.published:.2f}"
        if count:
            detail += f", independent draws {float(np.median(drawn[ours])):.2f}"
        found.append(
            _judged(
                world, "reach", float(np.median(reach[ours])) if enough else None, detail,
                name=f"reach_{group.name}", band=band, shops=group.name,
            )
        )  # fmt: skip
    return found


def _countries(countries: Sequence[JudgedCountry], rules: RealismRules) -> Judged:
    judged = [c for c in countries if c.verdict != "not judged"]
    good = sum(c.verdict == "believable" for c in judged)
    metric = rules.metrics["countries_believable"]
    value = good / len(judged) if judged else None
    return judged_row(
        "countries_believable", metric, metric.asks, value,
        f"{good} of {len(judged)}; {len(countries) - len(judged)} have too few sites or tiles",
    )  # fmt: skip


def _judged(
    world: World,
    metric_id: str,
    value: float | None,
    detail: str,
    name: str | None = None,
    band: Band | None = None,
    **words: object,
) -> Judged:
    metric = world.rules.metrics[metric_id]
    titled = (band or metric).model_copy(update={"title": metric.title.format(**words)})
    return judged_row(name or metric_id, titled, metric.asks, value, detail)
