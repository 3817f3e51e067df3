"""The scorecard's charts, as PNG bytes: what is observed beside its draws."""

from __future__ import annotations

import numpy as np

from segment1b_assets.realism.drawing import (
    BAND,
    COAST,
    DRAWN,
    INK,
    PUBLISHED,
    SEEN,
    draw_land,
    dress,
    figure,
    legend,
    png,
)
from segment1b_assets.realism.measure import Measured
from segment1b_assets.realism.outlines import Outlines
from segment1b_assets.realism.statistics import crowded_first, ranks

#: Bins of the population rank, each of as many half-degree cells.
_RANK_BINS = 40
_WIDTH, _HEIGHT = 6.2, 3.7
_MARGINS = (0.65, 0.5, 0.15, 0.35)


def world_map(found: Measured, land: Outlines) -> bytes:
    """All points of the map on the world."""
    made = figure(9.0, 4.3, (0.1, 0.1, 0.1, 0.35))
    axes = made.add_subplot()
    draw_land(axes, land)
    for points in found.points:
        axes.plot(points.lon, points.lat, ",", color=SEEN, alpha=0.8)
        axes.plot(points.lon, points.lat, ".", color=SEEN, markersize=1.6, markeredgewidth=0)
    axes.set(xlim=(-180, 180), ylim=(-60, 84), xticks=[], yticks=[], aspect=1.25)
    for spine in axes.spines.values():
        spine.set_color(COAST)
    shown = sum(p.lon.size for p in found.points)
    axes.set_title(
        f"{found.sites:,} sites" + ("" if shown == found.sites else f", {shown:,} shown"),
        loc="left", fontsize=10, color=INK,
    )  # fmt: skip
    return png(made, 16)


def rank_chart(found: Measured) -> bytes:
    """Sites a half-degree cell by the cell's rank in persons, and the rank correlations."""
    made = figure(_WIDTH, _HEIGHT, _MARGINS)
    left, right = made.subplots(1, 2, width_ratios=(4, 1))
    world = found.world
    there = (world.people > 0) | world.cells.any(axis=0)
    rank = ranks(world.people[there])
    bins = np.minimum(((rank - 1) / rank.size * _RANK_BINS).astype(np.int64), _RANK_BINS - 1)
    members = np.maximum(1, np.bincount(bins, minlength=_RANK_BINS))
    means = np.array(
        [np.bincount(bins, weights=r[there], minlength=_RANK_BINS) / members for r in world.cells]
    )
    across = (np.arange(_RANK_BINS) + 0.5) / _RANK_BINS * 100.0
    low, high = means[1:].min(axis=0), means[1:].max(axis=0)
    left.fill_between(across, low, high, color=BAND, label=f"{found.rules.draws} draws")
    left.plot(across, np.median(means[1:], axis=0), color=DRAWN, linestyle="--", linewidth=1)
    left.plot(across, means[0], color=SEEN, marker="o", markersize=2.5, label="sites")
    left.set_yscale("symlog", linthresh=0.01)
    left.set_ylim(bottom=0)
    dress(left, "Sites against people, half-degree cells", "rank of the cell's people, %",
          "sites a cell")  # fmt: skip
    legend(left, loc="upper left")
    drawn = [r for r in world.rank_correlations() if r is not None]
    if drawn:
        spread = np.linspace(-0.3, 0.3, max(1, len(drawn) - 1))
        right.plot(spread, drawn[1:], ".", color=DRAWN, markersize=4)
        right.axhline(drawn[0], color=SEEN, linewidth=2)
    right.set(xlim=(-0.8, 0.8), xticks=[])
    dress(right, "Spearman", "", "")
    return png(made)


def lorenz_chart(found: Measured) -> bytes:
    """Share of the sites that the most crowded tiles hold."""
    made = figure(_WIDTH, _HEIGHT, _MARGINS)
    axes = made.add_subplot()
    tiles = max(1, sum(c.summary.tiles for c in found.countries))
    for row in (*range(1, found.rules.draws + 1), 0):
        held, sites = crowded_first(found.world.occupancy[row])
        seen = row == 0
        label = "sites" if seen else f"{found.rules.draws} draws" if row == 1 else None
        axes.plot(
            held[1:] / tiles, sites[1:] / max(1.0, sites[-1]), color=SEEN if seen else DRAWN,
            linewidth=2 if seen else 0.6, label=label,
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_ylim(0, 1.02)
    dress(axes, "Lorenz curve over tiles, the most crowded first", "share of the populated tiles",
          "share of the sites")  # fmt: skip
    legend(axes, loc="upper left")
    return png(made)


def reach_chart(found: Measured) -> bytes:
    """Reach of chains by size, with the published medians."""
    made = figure(_WIDTH, _HEIGHT, _MARGINS)
    axes = made.add_subplot()
    groups = found.rules.reach
    shops, reach, drawn = found.world.shops, found.world.reach, found.world.reach_drawn
    at = np.arange(len(groups))
    axes.bar(
        at, [g.high - g.low for g in groups], 0.62, [g.low for g in groups], color=BAND,
        label="believable",
    )  # fmt: skip
    for place, group in zip(at, groups, strict=True):
        ours = (shops >= group.first) & (shops <= group.last) & ~np.isnan(reach)
        if not ours.any():
            continue
        first = place == 0
        low, middle, high = np.quantile(reach[ours], (0.25, 0.5, 0.75))
        axes.plot(
            [place], [np.median(drawn[ours])], "_", color=INK, markersize=22,
            label="independent draws" if first else None,
        )  # fmt: skip
        axes.plot([place - 0.12] * 2, [low, high], color=SEEN, linewidth=1.2)
        axes.plot(
            [place - 0.12], [middle], "o", color=SEEN, markersize=6,
            label="sites: median, quartiles" if first else None,
        )  # fmt: skip
    axes.plot(
        at + 0.12, [g.published for g in groups], "D", color=PUBLISHED, markersize=6,
        label="published, United States",
    )  # fmt: skip
    axes.set_xticks(at, [g.name.replace("-", "–") for g in groups])
    axes.set_ylim(0, 1)
    dress(axes, "Reach of chains by size", "shops of the chain",
          "share of the people that holds 90 %")  # fmt: skip
    legend(axes, loc="upper left", ncols=2)
    return png(made)


def pair_chart(found: Measured) -> bytes:
    """Pairs within a radius against the draws: quartiles over the judged countries."""
    made = figure(_WIDTH, _HEIGHT, _MARGINS)
    axes = made.add_subplot()
    rules = found.rules
    band = rules.metrics["pairs_within"]
    if band.low is not None and band.high is not None:
        axes.axhspan(band.low, band.high, color=BAND, label="believable")
    axes.axhline(1.0, color=DRAWN, linewidth=1, linestyle="--", label="draws")
    for place, km in enumerate(rules.radii_km):
        ratios = [
            max(1e-3, int(c.summary.pairs_within[place]))
            / float(c.summary.pairs_within_drawn[place])
            for c in found.countries
            if c.verdict != "not judged" and c.summary.pairs_within_drawn[place] >= rules.few_pairs
        ]
        if not ratios:
            continue
        low, middle, high = np.quantile(ratios, (0.25, 0.5, 0.75))
        axes.plot([km, km], [low, high], color=SEEN, linewidth=1.4)
        label = "countries: median, quartiles" if place == 0 else None
        axes.plot([km], [middle], "o", color=SEEN, markersize=6, label=label)
    axes.set_xscale("log")
    axes.set_yscale("log")
    # The same scale for every root, so that two can be held side by side.
    axes.set_ylim(0.1, 60)
    axes.set_xticks(rules.radii_km, [str(km) for km in rules.radii_km])
    axes.minorticks_off()
    dress(axes, "Pairs of sites within a radius (Ripley's K)", "km", "times the draws")
    legend(axes, loc="upper right")
    return png(made)
