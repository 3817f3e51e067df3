"""What pages of inputs and of empty partitions show: what was seen, no number without one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow.parquet as pq

from segment1b_assets.assets.references import reference_assets
from segment1b_assets.contracts.dictionary import asset_name
from segment1b_assets.resources import Segment1B
from segment1b_assets_tests.dagster_support import FIVE, made_well, run_assets, small_world

POLICY = asset_name("policy.s2.tile_weights")


def shown(event: dg.AssetObservation | dg.AssetMaterialization | None) -> dict[str, Any]:
    assert event is not None
    return {name: value.value for name, value in event.metadata.items()}


def observed(instance: dg.DagsterInstance, asset: str) -> dict[str, Any]:
    (record,) = instance.fetch_observations(dg.AssetKey(asset), limit=1).records
    return shown(record.asset_observation)


def observe(instance: dg.DagsterInstance, root: Path, assets: Sequence[dg.SourceAsset]) -> None:
    """Observe inputs as the web UI's *Observe* does."""
    found = dg.Definitions(
        assets=assets,
        jobs=[dg.define_asset_job("observe_inputs", [a.key for a in assets])],
        resources={"segment1b": Segment1B(root=str(root))},
        executor=dg.in_process_executor,
    )
    assert found.resolve_job_def("observe_inputs").execute_in_process(instance=instance).success


def test_an_observation_shows_what_it_saw(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    small_world(tmp_path)
    observe(instance, tmp_path, reference_assets)
    inputs = Segment1B(root=str(tmp_path)).open()

    policy = observed(instance, POLICY)
    assert (policy["dp"], policy["basis"]) == ("6", "area_m2")
    file = tmp_path / policy["path"]
    assert policy["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()

    iso = observed(instance, asset_name("iso3166_canonical_2024"))
    assert iso["dagster/row_count"] == len(inputs.iso_names)
    outlets = observed(instance, "outlet_catalogue")
    files = inputs.files_of_input("outlet_catalogue")
    assert outlets["dagster/row_count"] == sum(pq.read_metadata(p).num_rows for p in files) > 0
    raster = observed(instance, asset_name("population_raster_2025"))
    assert raster["grid"] == "12 rows x 16 columns"
    identity = observed(instance, "run_identity")
    assert identity["parameter_hash"] == inputs.parameter_hash
    assert (identity["seed"], identity["manifest_fingerprint"]) == (
        str(inputs.outlet_run[0]), inputs.outlet_run[1]
    )  # fmt: skip


def test_a_broken_policy_is_shown_with_its_fault(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    small_world(tmp_path)
    file = Segment1B(root=str(tmp_path)).open().path("policy.s2.tile_weights")
    file.write_text("basis: people\n")
    observe(instance, tmp_path, [a for a in reference_assets if a.key == dg.AssetKey(POLICY)])
    found = observed(instance, POLICY)
    assert "E_POLICY_INVALID" in found["fault"]
    assert found["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_run_records_what_it_read_and_no_zero_without_rows(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    small_world(tmp_path)
    without_outlets = FIVE[-1]
    assets = ["s0_gate_receipt_1B", "tile_index", "tile_bounds", "tile_weights", "s3_requirements"]
    made_well(run_assets(instance, tmp_path, assets, [FIVE[0], without_outlets]))
    assert observed(instance, POLICY)["dp"] == "6"

    events = {
        r.partition_key: shown(r.asset_materialization)
        for r in instance.fetch_materializations(dg.AssetKey("s3_requirements"), limit=2).records
    }
    numbers = {
        country: {n for n, v in event.items() if isinstance(v, int | float)}
        for country, event in events.items()
    }
    assert events[without_outlets]["dagster/partition_row_count"] == 0
    assert numbers[without_outlets] == {"dagster/partition_row_count", "bytes", "seconds"}
    assert {"rows_per_second", "pairs", "n_sites_max"} < numbers[FIVE[0]]
