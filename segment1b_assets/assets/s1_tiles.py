"""S1: a country's raster cells with their bounds (contract §4, S1)."""

from __future__ import annotations

from collections.abc import Callable

from segment1b_assets.assets.asset_factory import PartitionedState
from segment1b_assets.contracts.dictionary import asset_name
from segment1b_assets.core.stream import PartitionStream
from segment1b_assets.core.tiles import tile_bounds, tile_index
from segment1b_assets.storage import unknown_codes
from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.storage.sidecars import sidecar_names

#: The files of the parameter_hash that S1 reads.
INGRESS = (
    "iso3166_canonical_2024",
    "world_countries",
    "population_raster_2025",
    "policy.s1.tile_index",
)


def _index(inputs: RunInputs, country: str) -> PartitionStream:
    return _made_by(tile_index, inputs, country)


def _bounds(inputs: RunInputs, country: str) -> PartitionStream:
    return _made_by(tile_bounds, inputs, country)


def _made_by(
    make: Callable[..., PartitionStream], inputs: RunInputs, country: str
) -> PartitionStream:
    rule = inputs.policies["policy.s1.tile_index"].inclusion_rule
    cells = inputs.eligibility(country)
    stream = make(country, inputs.grid, cells, rule, inputs.options.batch_rows)
    stream.facts["ingress_versions"] = inputs.ingress_versions(INGRESS)
    stream.facts["ignored_sidecars"] = sidecar_names(inputs)
    return stream


S1 = PartitionedState(
    id="S1",
    group="s1_tiles",
    streams={"tile_index": _index, "tile_bounds": _bounds},
    about={
        "tile_index": "Every raster cell of the country, its centroid and its area on the "
        "ellipsoid. Only the raster's grid is used, not its values.",
        "tile_bounds": "The four edges of every tile of the country: S6 draws points between them, "
        "S7 adds its offsets to their centre.",
    },
    deps=[
        "iso3166_canonical_2024",
        "world_countries",
        "population_raster_2025",
        asset_name("policy.s1.tile_index"),
    ],
    preload=("iso_names", "policies", "grid", "shapes", "parameter_hash"),
    cost=lambda inputs, country: float(inputs.extent(country)),
    unknown_codes=unknown_codes.of_polygons,
    code_version="2",
)
