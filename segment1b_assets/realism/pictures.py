"""The pictures of a scorecard, drawn once for its page and for the web UI."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from segment1b_assets.realism.chain_maps import chain_maps
from segment1b_assets.realism.charts import (
    lorenz_chart,
    pair_chart,
    rank_chart,
    reach_chart,
    world_map,
)
from segment1b_assets.realism.measure import Measured
from segment1b_assets.realism.outlines import Outlines


class Picture(NamedTuple):
    """A PNG with its name and what it says to who cannot see it."""

    name: str
    caption: str
    png: bytes


_CHARTS: Final[dict[str, tuple[str, Callable[[Measured], bytes]]]] = {
    "rank": (
        "Mean number of sites in half-degree cells by the rank of their people, beside the draws.",
        rank_chart,
    ),
    "pairs": ("Pairs of sites closer than a radius, against the draws, by country.", pair_chart),
    "lorenz": ("Share of the sites that lie in the most crowded tiles.", lorenz_chart),
    "reach": (
        "Share of the country's people, along the Hilbert curve, that holds 90 % of a chain.",
        reach_chart,
    ),
}
_MAPS: Final[dict[str, tuple[str, Callable[[Measured, Outlines], bytes]]]] = {
    "world": ("Every site on the world.", world_map),
    "chains": ("Twelve chains of about 2, 5, 20 and 100 shops, three countries each.", chain_maps),
}


def pictures_of(found: Measured, land: Outlines) -> list[Picture]:
    """World map, four charts and the chains, each under 100 kB."""
    charts = [Picture(name, text, draw(found)) for name, (text, draw) in _CHARTS.items()]
    world, chains = (Picture(name, text, draw(found, land)) for name, (text, draw) in _MAPS.items())
    return [world, *charts, chains]
