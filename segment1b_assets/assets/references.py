"""1B's inputs (references, policies, 1A) as observable external assets."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from segment1b_assets.contracts.dictionary import asset_name, dictionary
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.policies import POLICY_MODELS
from segment1b_assets.dagster_internals import accept_preview_apis
from segment1b_assets.partitions import countries
from segment1b_assets.resources import Segment1B
from segment1b_assets.storage.input_content import input_content
from segment1b_assets.storage.input_versions import (
    INPUTS,
    POLYGONS,
    RUN_IDENTITY,
    SEGMENT_1A,
    input_version,
    polygon_versions,
)
from segment1b_assets.storage.run_inputs import RunInputs

_ABOUT: Mapping[str, str] = {
    "iso3166_canonical_2024": "The ISO 3166-1 list: its 249 codes are the country partitions.",
    "world_countries": "Country polygons, GeoParquet, longitude and latitude on WGS84.",
    "population_raster_2025": "Population raster: its grid is the grid of all tiles, its values "
    "are the tiles' masses under the basis `population`.",
    "outlet_catalogue": "Segment 1A's outlets, one row per site: S3 to S8 give them coordinates.",
    "validation_bundle_1A": "Segment 1A's validation bundle with its PASS flag.",
    "policy.s1.tile_index": "Which cells belong to a country: center or any_overlap.",
    "policy.s2.tile_weights": "What a tile weighs, and in how many decimal places.",
    "policy.s3.requirements": "Countries that get no sites.",
    "policy.s4.alloc_plan": "How sites are distributed over tiles: largest remainder, or an arc.",
    "policy.s6.jitter": "How a point is drawn within its cell, and how often.",
    RUN_IDENTITY: "The run_id (over an object store a digest of what decides it): S5 and S6 draw "
    "their random numbers under the seed, the manifest_fingerprint and the parameter_hash. Where "
    "it changes, every country's draws do.",
}


REFERENCE_KEYS = tuple(asset_name(d) for d in _ABOUT if d != RUN_IDENTITY)
#: Asset key -> dataset id of every observable input.
INPUT_DATASETS = {dg.AssetKey(asset_name(d)): d for d in INPUTS}


def input_metadata(
    inputs: RunInputs, dataset: str, version: str
) -> dict[str, dg.MetadataValue[Any]]:
    """`input_content` as metadata. Only integers are numbers: Dagster plots every number."""
    shown: dict[str, dg.MetadataValue[Any]] = {}
    for name, value in input_content(inputs, dataset, version).items():
        if name == "path":
            shown[name] = dg.MetadataValue.path(str(value))
        elif isinstance(value, int):
            shown["dagster/row_count" if name == "rows" else name] = dg.MetadataValue.int(value)
        else:
            shown[name] = dg.MetadataValue.text(value)
    return shown


def observe_input(dataset: str) -> dg.SourceAsset:
    """An observable source asset; its data version is the receipt of its bytes.

    The polygon table is partitioned by country: one changed polygon makes one country stale.
    """
    group = "policies" if dataset in POLICY_MODELS else "references"
    if dataset in (*SEGMENT_1A, RUN_IDENTITY):
        group = "segment_1a"
    tags = {"segment1b/input": "true"}
    metadata: dict[str, Any] = {}
    if entry := dictionary().get(dataset):  # the run's identity is no file
        tags["dagster/kind/" + entry.format] = ""
        metadata = {
            "path": entry.path,
            "licence": entry.licence,
            "retention_days": entry.retention_days,
        }

    with accept_preview_apis():

        @dg.observable_source_asset(
            name=asset_name(dataset),
            description=_ABOUT[dataset],
            group_name=group,
            metadata=metadata,
            tags=tags,
            partitions_def=countries if dataset == POLYGONS else None,
        )
        def observe(segment1b: Segment1B) -> dg.ObserveResult | dg.DataVersionsByPartition:
            inputs = segment1b.open()
            try:
                if dataset == POLYGONS:
                    with accept_preview_apis():
                        return dg.DataVersionsByPartition(dict(polygon_versions(inputs)))
                version = input_version(inputs, dataset)
            except Segment1BError as err:
                raise dg.Failure(str(err), allow_retries=False) from err
            if version is None:
                what = f"{dataset} is missing: {inputs.path(dataset)}"
                if dataset == RUN_IDENTITY:
                    what = "the raster or a policy is missing"
                raise dg.Failure(what, allow_retries=False)
            return dg.ObserveResult(
                data_version=dg.DataVersion(version),
                metadata=input_metadata(inputs, dataset, version),
            )

    return observe


reference_assets = [observe_input(dataset) for dataset in _ABOUT]
