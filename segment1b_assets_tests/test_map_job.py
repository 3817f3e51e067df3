"""The job `draw_maps`: pictures on a country's pages for who asks, no event for who does not."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import dagster as dg

from segment1b_assets.definitions import definitions
from segment1b_assets.maps.published import map_of
from segment1b_assets.resources import Segment1B
from segment1b_assets_tests.dagster_support import (
    FIVE,
    TILES,
    made_well,
    reasons,
    run_assets,
    run_config,
    small_world,
)


def draw(instance: dg.DagsterInstance, root: Path, **config: Any) -> dg.ExecuteInProcessResult:
    return definitions.resolve_job_def("draw_maps").execute_in_process(
        instance=instance,
        run_config={**run_config(root), "ops": {"draw_country": {"config": config}}},
        raise_on_error=False,
    )


def maps(instance: dg.DagsterInstance, asset: str) -> dict[str | None, str]:
    """Country -> the Markdown of its newest map."""
    records = instance.fetch_observations(dg.AssetKey(asset), limit=50).records
    return {
        r.partition_key: str(r.asset_observation.metadata["map"].value)
        for r in reversed(records)
        if r.asset_observation is not None and "map" in r.asset_observation.metadata
    }


def test_a_country_s_maps_are_on_its_pages(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    small_world(tmp_path)
    made_well(run_assets(instance, tmp_path, [*TILES, "tile_weights"], FIVE[:2]))
    assert maps(instance, "tile_weights") == {}

    country = FIVE[0]
    made_well(draw(instance, tmp_path, country=country, datasets=["tile_index", "tile_weights"]))
    inputs = Segment1B(root=str(tmp_path)).open()
    for asset in ("tile_index", "tile_weights"):
        found = maps(instance, asset)
        assert list(found) == [country]
        encoded = found[country].partition("data:image/png;base64,")[2].removesuffix(")")
        assert base64.b64decode(encoded) == map_of(inputs, asset, country)
    assert maps(instance, "tile_bounds") == {}


def test_what_cannot_be_drawn_is_named(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    small_world(tmp_path)
    for config, said in (
        ({"country": FIVE[0]}, "E_INPUT_MISSING"),
        ({"country": "XX"}, "E005_ISO_FK"),
        ({"country": FIVE[0], "datasets": ["s3_requirements"]}, "s3_requirements"),
    ):
        result = draw(instance, tmp_path, **config)
        assert not result.success
        assert said in "".join(reasons(result))
