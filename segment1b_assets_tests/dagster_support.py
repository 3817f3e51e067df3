"""What the tests of operation share: a five-country world, bad polygons, runs and their outcome."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import shapely
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus

from segment1b_assets.definitions import definitions
from segment1b_assets.run_tags import EVENTS_PER_COUNTRY, partition_tags
from segment1b_assets_tests.oracle import layout
from segment1b_assets_tests.oracle.world import World, make_world

#: Five neighbours in the partitions' order: one contiguous range, so one run.
FIVE = ["FI", "FJ", "FK", "FM", "FO"]
BAD = "FK"

TILES = ("tile_index", "tile_bounds")
BY_COUNTRY = (
    *TILES, "tile_weights", "s3_requirements", "s4_alloc_plan", "s5_site_tile_assignment",
    "s6_site_jitter", "s7_site_synthesis", "site_locations",
)  # fmt: skip


def small_world(root: Path, seed: int = 43, reach: list[dict[str, int]] | None = None) -> World:
    """Five countries on a 12 x 16 grid, eight merchants; every country but the last has outlets."""
    return make_world(
        root, seed, rows=12, cols=16, resolution=0.5, global_grid=False, codes=list(FIVE),
        inclusion_rule="center", feasible=True, merchants=8, basis="area_m2", dp=6, reach=reach,
    )  # fmt: skip


def keep_listed(root: Path) -> None:
    """Shorten the ISO list to the five, so that nothing else is behind."""
    path = layout.iso_path(root)
    table = pq.read_table(path)
    pq.write_table(table.filter(pc.field("country_iso").isin(FIVE)), path)


def country_shape(root: Path, country: str) -> Any:
    """The Shapely geometry that the world holds for a country."""
    table = pq.read_table(layout.polygons_path(root))
    at = table.column("country_iso").to_pylist().index(country)
    return shapely.from_wkb(table.column(_geometry(table)).to_pylist()[at])


def set_shape(root: Path, country: str, shape: Any) -> None:
    """Replace one country's polygon; every other row stays as it is."""
    path = layout.polygons_path(root)
    table = pq.read_table(path)
    column = _geometry(table)
    codes = table.column("country_iso").to_pylist()
    raw = [
        bytes(shapely.to_wkb(shape)) if code == country else old
        for code, old in zip(codes, table.column(column).to_pylist(), strict=True)
    ]
    index = table.schema.get_field_index(column)
    table = table.set_column(index, table.schema.field(index), pa.array(raw, pa.binary()))
    pq.write_table(table, path)


def cross_itself(root: Path, country: str) -> Any:
    """Give a country a self-crossing polygon in its own place; returns the good one."""
    good = country_shape(root, country)
    west, south, east, north = good.bounds
    bow = shapely.Polygon([(west, south), (east, north), (east, south), (west, north)])
    assert not bow.is_valid
    set_shape(root, country, bow)
    return good


def _geometry(table: pa.Table) -> str:
    geo = json.loads(table.schema.metadata[b"geo"])
    return str(geo["primary_column"])


def run_config(root: Path) -> dict[str, Any]:
    return {
        "resources": {"segment1b": {"config": {"root": str(root), "workers": 2}}},
        "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
    }


def run_assets(
    instance: dg.DagsterInstance,
    root: Path,
    assets: Sequence[str] | None = None,
    countries: Sequence[str] = FIVE,
    tags: Mapping[str, str] = EVENTS_PER_COUNTRY,
) -> dg.ExecuteInProcessResult:
    """One run of the job over some assets (all of them if None), for some countries."""
    job = definitions.resolve_job_def("everything")
    return job.execute_in_process(
        run_config=run_config(root),
        instance=instance,
        tags={**partition_tags(list(countries)), **tags},
        asset_selection=None if assets is None else [dg.AssetKey(a) for a in assets],
        raise_on_error=False,
    )


def materialised(instance: dg.DagsterInstance, asset: str) -> list[str]:
    return sorted(instance.get_materialized_partitions(dg.AssetKey(asset)))


def failed(instance: dg.DagsterInstance, asset: str) -> list[str]:
    """The partitions that Dagster's own status calls failed."""
    graph = definitions.resolve_asset_graph()
    partitions = graph.get(dg.AssetKey(asset)).partitions_def
    status = instance.get_status_by_partition(
        dg.AssetKey(asset), list(partitions.get_partition_keys()), partitions
    )
    return sorted(k for k, v in (status or {}).items() if v is not None and v.name == "FAILED")


def stale(
    instance: dg.DagsterInstance, asset: str, countries: Sequence[str] = FIVE
) -> dict[str, str]:
    """Country -> why Dagster's own resolver calls its partition stale."""
    resolver = CachingStaleStatusResolver(
        instance, definitions.resolve_asset_graph(), loading(instance)
    )
    key = dg.AssetKey(asset)
    return {
        country: "; ".join(
            f"{c.dependency}: {c.reason}" for c in resolver.get_stale_causes(key, country)
        )
        for country in countries
        if resolver.get_status(key, country) is StaleStatus.STALE
    }


def loading(instance: dg.DagsterInstance) -> Any:
    """What the resolver keeps its queries in."""
    from dagster._core.loader import LoadingContext

    class Loading(LoadingContext):
        def __init__(self) -> None:
            self._loaders: dict[Any, Any] = {}

        @property
        def instance(self) -> dg.DagsterInstance:
            return instance

        @property
        def loaders(self) -> dict[Any, Any]:
            return self._loaders

    return Loading()


def reasons(result: dg.ExecuteInProcessResult) -> list[str]:
    """Why a run's steps failed, for the message of an assertion."""
    found = []
    for event in result.all_events:
        if event.is_step_failure:
            data = event.step_failure_data
            told = data.user_failure_data and data.user_failure_data.description
            found.append(f"{event.step_key}: {told or (data.error and data.error.to_string())}")
    return found


def made_well(result: dg.ExecuteInProcessResult) -> None:
    """Assert that a run succeeded; says why where it did not."""
    assert result.success, "\n".join(reasons(result))
