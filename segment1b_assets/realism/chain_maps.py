"""Twelve chains on the maps of their countries."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes

from segment1b_assets.realism.chosen import CHAINS_OF_A_SIZE, Chain
from segment1b_assets.realism.drawing import COAST, INK, SEEN, draw_land, figure, png
from segment1b_assets.realism.measure import Measured
from segment1b_assets.realism.outlines import Outlines


def chain_maps(found: Measured, land: Outlines) -> bytes:
    """A map a chain: a row a size, three countries each."""
    made = figure(9.0, 2.3 * max(1, len(found.chains)), (0.1, 0.1, 0.1, 0.35))
    places = made.subplots(len(found.chains), CHAINS_OF_A_SIZE, squeeze=False)
    for row, chains in zip(places, found.chains.values(), strict=True):
        for axes, chain in zip(row, [*chains, *[None] * (len(row) - len(chains))], strict=True):
            axes.set(xticks=[], yticks=[])
            for spine in axes.spines.values():
                spine.set_color(COAST)
            if chain is None:
                axes.set_axis_off()
            else:
                _draw(axes, chain, land, found.inputs.iso_names[chain.country])
    return png(made, 32)


def _draw(axes: Axes, chain: Chain, land: Outlines, name: str) -> None:
    rings = land.get(chain.country, [])
    lon = np.concatenate([chain.lon, *[r[:, 0] / 100.0 for r in rings]])
    lat = np.concatenate([chain.lat, *[r[:, 1] / 100.0 for r in rings]])
    # A country on both sides of the 180th meridian is shown in one piece.
    shift = 360.0 if np.ptp(lon) > 300.0 else 0.0
    lon = np.where(lon < 0, lon + shift, lon)
    draw_land(axes, {chain.country: rings}, shift)
    axes.plot(
        np.where(chain.lon < 0, chain.lon + shift, chain.lon), chain.lat, "o", color=SEEN,
        markersize=4, markeredgecolor="white", markeredgewidth=0.4,
    )  # fmt: skip
    margin = 0.03 * max(1.0, float(np.ptp(lat)))
    axes.set_xlim(float(lon.min()) - margin, float(lon.max()) + margin)
    axes.set_ylim(float(lat.min()) - margin, float(lat.max()) + margin)
    middle = math.radians(float(lat.min() + lat.max()) / 2.0)
    axes.set_aspect(1.0 / max(0.1, math.cos(middle)), adjustable="box")
    axes.set_title(f"{name}: {chain.shops:,} shops", fontsize=8.5, color=INK)
