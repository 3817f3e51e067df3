"""S7: centroid + delta = coordinates (contract §4, S7)."""

from __future__ import annotations

from segment1b_assets.assets.asset_factory import PartitionedState
from segment1b_assets.core.stream import PartitionStream
from segment1b_assets.core.synthesis import site_synthesis
from segment1b_assets.storage.receipt_check import require_receipt_match
from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.storage.upstream import batches


def _synthesis(inputs: RunInputs, country: str) -> PartitionStream:
    require_receipt_match(inputs, country, "s6_site_jitter")
    return site_synthesis(
        country, batches(inputs, "s6_site_jitter", country, "E_INPUT_MISSING"), inputs.grid
    )


S7 = PartitionedState(
    id="S7",
    group="s5_s8_sites",
    streams={"s7_site_synthesis": _synthesis},
    about={
        "s7_site_synthesis": "Longitude and latitude of every site, with its tile: the tile's "
        "centre plus the offset of S6."
    },
    deps=["s6_site_jitter", "tile_bounds"],
    preload=("iso_names", "policies", "identity", "receipt", "grid"),
    cost=lambda inputs, country: float(inputs.demand(country)),
)
