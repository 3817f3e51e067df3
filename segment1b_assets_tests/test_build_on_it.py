"""An asset of somebody else's takes our datasets as arguments, as the guide shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from segment1b_assets.definitions import definitions
from segment1b_assets.partitions import countries
from segment1b_assets_tests.dagster_support import (
    BAD,
    FIVE,
    keep_listed,
    made_well,
    reasons,
    run_assets,
    run_config,
    small_world,
)
from segment1b_assets_tests.test_staleness import halve

ROWS = {
    pl.LazyFrame: lambda t: t.collect().height,
    pl.DataFrame: lambda t: t.height,
    pa.Table: lambda t: t.num_rows,
    ds.Dataset: lambda t: t.count_rows(),
    Any: lambda t: t.collect().height,
}


def count(
    instance: dg.DagsterInstance, root: Path, kind: Any, partition: str | None
) -> dg.ExecuteInProcessResult:
    """Run an asset that counts the rows of tile_index, of one country or of all."""

    def counted(tile_index: Any) -> dg.MaterializeResult:
        return dg.MaterializeResult(metadata={"rows": ROWS[kind](tile_index)})

    counted.__annotations__["tile_index"] = kind
    asset = dg.asset(
        ins={"tile_index": dg.AssetIn(input_manager_key="parquet_by_country")},
        partitions_def=countries if partition else None,
    )(counted)
    merged = dg.Definitions.merge(
        definitions,
        dg.Definitions(assets=[asset], jobs=[dg.define_asset_job("count", selection=[asset])]),
    )
    return merged.resolve_job_def("count").execute_in_process(
        instance=instance,
        run_config=run_config(root),
        partition_key=partition,
        raise_on_error=False,
    )


def rows(result: dg.ExecuteInProcessResult) -> int:
    made_well(result)
    (made,) = result.asset_materializations_for_node("counted")
    return int(made.metadata["rows"].value)


def test_rows_come_as_the_annotation_says_for_one_country_and_for_all(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    small_world(tmp_path)
    keep_listed(tmp_path)
    made_well(run_assets(instance, tmp_path, ["tile_index"]))
    whole = {kind: rows(count(instance, tmp_path, kind, None)) for kind in ROWS}
    one = {kind: rows(count(instance, tmp_path, kind, "FI")) for kind in ROWS}
    assert len(set(whole.values())) == len(set(one.values())) == 1
    files = (tmp_path / "layer1/1B/tile_index").rglob("*.parquet")
    by_country = {p.parent.name: pl.read_parquet(p, hive_partitioning=False).height for p in files}
    assert whole[pa.Table] == sum(by_country.values())
    assert one[pa.Table] == by_country["country=FI"]


@pytest.mark.parametrize("how", ["missing", "stale"])
def test_a_country_that_is_missing_or_stale_is_an_error_that_names_it(
    how: str, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    small_world(tmp_path)
    keep_listed(tmp_path)
    made = FIVE if how == "stale" else [c for c in FIVE if c != BAD]
    made_well(run_assets(instance, tmp_path, ["tile_index"], made))
    if how == "stale":
        halve(tmp_path, BAD)
    failed = count(instance, tmp_path, pl.LazyFrame, None)
    assert not failed.success
    (why,) = reasons(failed)
    assert f"E_INPUT_MISSING [{BAD}]" in why
    assert ("stale" in why) is (how == "stale")


def test_an_annotation_that_is_no_table_is_refused(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    small_world(tmp_path)
    made_well(run_assets(instance, tmp_path, ["tile_index"], ["FI"]))
    ROWS[dict] = len
    try:
        failed = count(instance, tmp_path, dict, "FI")
    finally:
        del ROWS[dict]
    assert not failed.success
    assert "LazyFrame" in reasons(failed)[0]
