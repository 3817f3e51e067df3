"""S0 and S9 have no countries: that they were made, or failed, is on record all the same."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow.parquet as pq
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus

from segment1b_assets.definitions import definitions
from segment1b_assets_tests.dagster_support import loading, made_well, run_assets, small_world


def test_what_has_no_countries_is_told_as_made_and_as_failed(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    """S0 and S9: a backfill over everything waits for their events, and would give up without."""
    world = small_world(tmp_path)
    receipt, bundle = dg.AssetKey("s0_gate_receipt_1B"), dg.AssetKey("validation_bundle_1B")
    made_well(run_assets(instance, tmp_path, [receipt.path[-1]]))
    made = instance.get_latest_materialization_event(receipt)
    assert made is not None
    assert made.asset_materialization is not None
    assert made.asset_materialization.metadata["manifest_fingerprint"].value == (
        world.manifest_fingerprint
    )
    assert whole_status(instance, receipt) is StaleStatus.FRESH

    made_well(run_assets(instance, tmp_path, ["s3_requirements"], ["FO"]))
    tags = instance.fetch_materializations(dg.AssetKey("s3_requirements"), limit=1).records[0]
    assert tags.asset_materialization is not None
    told = made.asset_materialization.tags or {}
    assert (tags.asset_materialization.tags or {})[
        "dagster/input_data_version/s0_gate_receipt_1B"
    ] == told["dagster/data_version"]

    # Sites are missing, so the bundle gets no flag; that too is on record.
    refused = run_assets(instance, tmp_path, [bundle.path[-1]])
    assert not refused.success
    assert instance.get_latest_materialization_event(bundle) is None
    planned = instance.get_records_for_run(
        refused.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED
    ).records
    assert [r.asset_key for r in planned] == [bundle]
    assert str(seen_sites(instance)["flag"].value).startswith("not given, ")
    rows = seen_sites(instance)["by_country"].records
    assert {r.data["verdict"] for r in rows} == {"missing"}
    assert {r.data["attempts"] for r in rows} == {"not judged"}


def seen_sites(instance: dg.DagsterInstance) -> Any:
    """The newest observation of site_locations as a whole."""
    records = instance.fetch_observations(dg.AssetKey("site_locations"), limit=1).records
    assert records[0].partition_key is None
    assert records[0].asset_observation is not None
    return records[0].asset_observation.metadata


def test_the_bundle_s_page_has_the_world_map_and_the_countries(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    world = small_world(tmp_path)
    made_well(run_assets(instance, tmp_path))
    made = instance.get_latest_materialization_event(dg.AssetKey("validation_bundle_1B"))
    assert made is not None
    assert made.asset_materialization is not None
    shown = made.asset_materialization.metadata
    picture = base64.b64decode(str(shown["world"].value).split("base64,")[1].rstrip(")"))
    assert picture.startswith(b"\x89PNG")
    rows = {r.data["country"]: r.data["sites"] for r in shown["by_country"].records}
    assert sorted(rows) == sorted(world.outlet_countries)
    assert sum(rows.values()) == shown["sites"].value
    assert shown["flag"].value == "given"
    # Beside the countries' own events, so that the product's page shows the world too.
    seen = seen_sites(instance)
    assert {k: seen[k] for k in seen} == {k: shown[k] for k in seen}
    for row in seen["by_country"].records:
        country = row.data["country"]
        assert row.data["verdict"] == "held"
        assert row.data["tiles"] == rows_of(tmp_path, "tile_index", country)
        assert row.data["sites"] == rows_of(tmp_path, "site_locations", country)
        (made_of,) = instance.fetch_materializations(
            dg.AssetRecordsFilter(dg.AssetKey("s6_site_jitter"), asset_partitions=[country]),
            limit=1,
        ).records
        assert made_of.asset_materialization is not None
        assert row.data["attempts"] == made_of.asset_materialization.metadata["rng_events"].value


def rows_of(root: Path, dataset: str, country: str) -> int:
    files = root.glob(f"layer1/1B/{dataset}/**/country={country}/*.parquet")
    return sum(pq.read_metadata(f).num_rows for f in files)


def test_a_seed_that_is_no_number_is_told_in_the_run(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    small_world(tmp_path)
    refused = definitions.resolve_job_def("everything").execute_in_process(
        instance=instance,
        run_config={
            "resources": {"segment1b": {"config": {"root": str(tmp_path), "seed": "0x2A"}}}
        },
        asset_selection=[dg.AssetKey("s0_gate_receipt_1B")],
        raise_on_error=False,
    )
    (failed,) = [e for e in refused.all_events if e.is_step_failure]
    error = failed.step_failure_data.error
    while error is not None and error.cause is not None:
        error = error.cause
    assert error is not None
    assert "E_POLICY_INVALID: the seed of the segment1b resource" in error.message
    assert "value: '0x2A'" in error.message


def whole_status(instance: dg.DagsterInstance, key: dg.AssetKey) -> StaleStatus:
    """What Dagster's resolver says of an asset without partitions."""
    graph = definitions.resolve_asset_graph()
    return CachingStaleStatusResolver(instance, graph, loading(instance)).get_status(key)
