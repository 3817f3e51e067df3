"""S7: centroid + delta = coordinates (contract section 4, S7)."""

from __future__ import annotations

from segment1b_assets.assets.seam import CountryState, country_assets
from segment1b_assets.checks import s7_synthesis as checks
from segment1b_assets.core.stream import PartitionStream
from segment1b_assets.core.synthesis import site_synthesis
from segment1b_assets.storage.segment import Segment
from segment1b_assets.storage.untouched import require_untouched
from segment1b_assets.storage.upstream import batches


def _synthesis(segment: Segment, country: str) -> PartitionStream:
    require_untouched(segment, country, "s6_site_jitter")
    return site_synthesis(
        country, batches(segment, "s6_site_jitter", country, "E_INPUT_MISSING"), segment.grid
    )


S7 = CountryState(
    id="S7",
    group="s5_s8_sites",
    outputs={"s7_site_synthesis": _synthesis},
    about={
        "s7_site_synthesis": "Longitude and latitude of every site, with its tile: the tile's "
        "centre plus the offset of S6."
    },
    deps=["s6_site_jitter", "tile_bounds"],
    follows=("S6",),
    rules=checks.RULES,
    judge=checks.judge,
    warm=("iso_names", "policies", "identity", "receipt", "grid"),
    cost=lambda segment, country: float(segment.demand(country)),
)

s7_assets = country_assets(S7)
