"""Staleness by content: a re-run of the same bytes wakes nobody, a changed polygon its country."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from segment1b_assets.automation.stale_partitions import observe_inputs
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.resources import Segment1B
from segment1b_assets.storage.content_version import content_version
from segment1b_assets.storage.input_versions import input_versions
from segment1b_assets_tests.dagster_support import (
    BAD,
    BY_COUNTRY,
    FIVE,
    TILES,
    country_shape,
    made_well,
    run_assets,
    set_shape,
    small_world,
    stale,
)

MADE = ("s0_gate_receipt_1B", *BY_COUNTRY)


def halve(root: Path, country: str) -> None:
    """Keep the western half of a country."""
    shape = country_shape(root, country)
    west, south, east, north = shape.bounds
    kept = shape.intersection(shapely.box(west, south, (west + east) / 2, north))
    polygons = [g for g in getattr(kept, "geoms", [kept]) if g.geom_type == "Polygon"]
    set_shape(root, country, shapely.MultiPolygon(polygons))


def observe(instance: dg.DagsterInstance, root: Path) -> None:
    """What the sensor and the nightly schedule do first."""
    inputs = Segment1B(root=str(root)).open()
    observe_inputs(instance, inputs, input_versions(inputs))


def test_one_changed_polygon_makes_one_country_stale_downstream(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    small_world(tmp_path)
    made_well(run_assets(instance, tmp_path, MADE))
    assert [a for a in BY_COUNTRY if stale(instance, a)] == []

    # The same bytes again, from the first state on: nobody has anything to do.
    made_well(run_assets(instance, tmp_path, TILES))
    assert [a for a in BY_COUNTRY if stale(instance, a)] == []
    observe(instance, tmp_path)
    assert [a for a in BY_COUNTRY if stale(instance, a)] == []

    before = Segment1B(root=str(tmp_path)).open()
    old = {c: before.files("tile_index", c)[0].read_bytes() for c in FIVE}
    halve(tmp_path, BAD)
    after = Segment1B(root=str(tmp_path)).open()
    assert before.parameter_hash == after.parameter_hash
    assert after.is_stale("tile_index", BAD)
    observe(instance, tmp_path)

    # The states that read the polygon are stale for this country, and for no other.
    for asset in (*TILES, "s6_site_jitter"):
        assert list(stale(instance, asset)) == [BAD], asset

    made_well(run_assets(instance, tmp_path, TILES))
    assert stale(instance, "tile_index") == {}
    assert list(stale(instance, "tile_weights")) == [BAD]
    for country in FIVE:
        same = after.files("tile_index", country)[0].read_bytes() == old[country]
        assert same is (country != BAD), country

    # S1's first publishing retired the country's later partitions, and nobody else's.
    for asset in BY_COUNTRY[2:]:
        assert [c for c in FIVE if not after.is_published(asset, c)] == [BAD], asset

    made_well(run_assets(instance, tmp_path, MADE))
    assert [a for a in BY_COUNTRY if stale(instance, a)] == []


def test_a_run_records_the_inputs_that_it_read_though_nobody_observed_them(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    small_world(tmp_path)
    made_well(run_assets(instance, tmp_path, TILES))
    halve(tmp_path, BAD)
    made_well(run_assets(instance, tmp_path, TILES))
    # Had the run gone by the version of the last observation, this one would wake everybody.
    observe(instance, tmp_path)
    assert stale(instance, "tile_index") == {}


def _write(path: Path, values: list[int], lineage: str) -> Path:
    schema = pa.schema([("v", pa.int64())], metadata={"parameter_hash": lineage})
    pq.write_table(pa.table({"v": values}, schema=schema), path)
    return path


def test_content_version_is_of_rows_and_not_of_lineage(tmp_path: Path) -> None:
    one = _write(tmp_path / "one.parquet", [1, 2, 3], "a" * 64)
    two = _write(tmp_path / "two.parquet", [1, 2, 3], "b" * 64)
    other = _write(tmp_path / "other.parquet", [1, 2, 4], "a" * 64)
    assert one.read_bytes() != two.read_bytes()
    assert content_version("d", [one]) == content_version("d", [two])
    assert content_version("d", [one]) != content_version("d", [other])
    assert content_version("d", [one]) != content_version("e", [one])
    assert content_version("d", [one, two]) != content_version("d", [one])


def test_content_version_refuses_what_is_not_parquet(tmp_path: Path) -> None:
    whole = _write(tmp_path / "one.parquet", [1, 2, 3], "a" * 64).read_bytes()
    for cut in (b"", b"PAR1", whole[:-1], whole[-8:]):
        path = tmp_path / "cut.parquet"
        path.write_bytes(cut)
        with pytest.raises(Segment1BError, match="E_INPUT_SCHEMA"):
            content_version("d", [path])
