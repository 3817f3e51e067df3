"""One run over several countries tells the truth about each: what we rely on of Dagster.

Dagster would call every partition of a successful step materialised, and none of a failed one.
``dagster/defer_asset_events`` makes only the events count that our IO manager emits. The tag is
Dagster's own and undocumented: these tests are what holds it to its word when Dagster moves.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.code_pointer import CodePointer
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.run_coordinator import SubmitRunContext
from dagster._core.storage.asset_check_execution_record import (
    AssetCheckExecutionRecordStatus as CheckStatus,
)

from segment1b_assets.automation.command_run import partition_tags
from segment1b_assets.automation.run_coordinator import EVENTS_PER_COUNTRY
from segment1b_assets.definitions import definitions
from segment1b_assets_tests.dagster_support import (
    BAD,
    BY_COUNTRY,
    FIVE,
    cross_itself,
    failed,
    made_well,
    materialised,
    run_assets,
    run_config,
    set_shape,
    small_world,
)
from segment1b_assets_tests.run_support import record_as_over_the_world

GOOD = [c for c in FIVE if c != BAD]
MADE = ("s0_gate_receipt_1B", *BY_COUNTRY)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def _repository_origin() -> RepositoryPythonOrigin:
    pointer = CodePointer.from_module("segment1b_assets.definitions", "definitions", None)
    return RepositoryPythonOrigin(sys.executable, pointer)


def judged(instance: dg.DagsterInstance, asset: str, check: str) -> dict[str | None, bool]:
    """Partition -> what the check's newest evaluation of it says."""
    key = dg.AssetCheckKey(dg.AssetKey(asset), check)
    records = instance.event_log_storage.get_asset_check_execution_history(key, limit=100)
    found: dict[str | None, bool] = {}
    for record in records:
        evaluation = record.event and record.event.asset_check_evaluation
        if evaluation is not None:
            assert record.partition == evaluation.partition
            found.setdefault(
                evaluation.partition, record.status is CheckStatus.SUCCEEDED and evaluation.passed
            )
    return found


def test_one_bad_country_sinks_neither_the_others_nor_the_truth(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    small_world(tmp_path)
    good_shape = cross_itself(tmp_path, BAD)

    result = run_assets(instance, tmp_path, MADE)

    assert not result.success
    assert instance.get_run_by_id(result.run_id).status is dg.DagsterRunStatus.FAILURE
    for asset in BY_COUNTRY:
        assert materialised(instance, asset) == GOOD, asset
        assert failed(instance, asset) == [BAD], asset
        verdicts = judged(instance, asset, "all_rules")
        assert verdicts == {**dict.fromkeys(GOOD, True), BAD: False}, asset
    assert judged(instance, "tile_index", "E001_GEO_INVALID")[BAD] is False
    told = [e for e in result.all_events if e.is_step_failure and "site_locations" in e.step_key]
    assert f"E001_GEO_INVALID [{BAD}]" in told[0].step_failure_data.user_failure_data.description

    set_shape(tmp_path, BAD, good_shape)
    mended = run_assets(instance, tmp_path, MADE, [BAD])

    assert mended.success
    for asset in BY_COUNTRY:
        assert materialised(instance, asset) == FIVE, asset
        assert failed(instance, asset) == [], asset
        assert judged(instance, asset, "all_rules") == dict.fromkeys(FIVE, True), asset


def test_a_failed_run_over_many_paints_no_rule_of_a_good_country_red(
    tmp_path: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dagster announces every rule of every country, and calls what is not recorded failed."""
    record_as_over_the_world(monkeypatch)
    small_world(tmp_path)
    cross_itself(tmp_path, BAD)
    job = definitions.resolve_job_def("segment1b").get_subset(
        asset_selection={dg.AssetKey("tile_index")}
    )
    run = instance.create_run_for_job(
        job, run_config=run_config(tmp_path), tags=partition_tags(FIVE)
    )
    assert announced(instance, "E003_DUP_TILE") == set(FIVE)
    instance.add_run_tags(run.run_id, EVENTS_PER_COUNTRY)  # as the run coordinator does
    queued = instance.get_run_by_id(run.run_id)
    assert queued is not None
    execute_run(InMemoryJob(job), queued, instance, raise_on_error=False)

    ended = instance.get_run_by_id(run.run_id)
    assert ended is not None
    assert ended.status is dg.DagsterRunStatus.FAILURE
    assert announced(instance, "E003_DUP_TILE") == announced(instance, "E001_GEO_INVALID") == set()
    assert judged(instance, "tile_index", "E001_GEO_INVALID") == {BAD: False, None: False}
    assert judged(instance, "tile_index", "E003_DUP_TILE") == {None: True}
    told = line_about_the_run(instance, "E001_GEO_INVALID")
    assert told["countries_that_break_it"] == BAD
    assert "Self-intersection" in told[BAD]
    assert "repair the polygon" in told["next_step"]
    assert judged(instance, "tile_index", "all_rules") == {**dict.fromkeys(GOOD, True), BAD: False}


def test_a_failed_country_is_red_by_the_rule_that_stopped_it_alone(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    """One country by hand: what could not be judged of it is no failed check."""
    small_world(tmp_path)
    cross_itself(tmp_path, BAD)

    job = definitions.resolve_job_def("segment1b").get_subset(
        asset_selection={dg.AssetKey("tile_index")}
    )
    run = instance.create_run_for_job(
        job, run_config=run_config(tmp_path), tags=partition_tags([BAD])
    )
    assert announced(instance, "E003_DUP_TILE") == {BAD}
    instance.add_run_tags(run.run_id, EVENTS_PER_COUNTRY)  # as the run coordinator does
    queued = instance.get_run_by_id(run.run_id)
    assert queued is not None

    result = execute_run(InMemoryJob(job), queued, instance, raise_on_error=False)

    assert not result.success
    assert judged(instance, "tile_index", "E001_GEO_INVALID") == {BAD: False}
    for rule in ("E002_RASTER_MISMATCH", "E003_DUP_TILE", "E008_INCLUSION_RULE"):
        assert announced(instance, rule) == set(), rule
        assert judged(instance, "tile_index", rule) == {}, rule


def line_about_the_run(instance: dg.DagsterInstance, check: str) -> dict[str, str]:
    """Label -> text of what a check of tile_index says about a whole run."""
    key = dg.AssetCheckKey(dg.AssetKey("tile_index"), check)
    records = instance.event_log_storage.get_asset_check_execution_history(key, limit=100)
    (told,) = [r.event for r in records if r.partition is None]
    assert told is not None
    assert told.asset_check_evaluation is not None
    return {k: str(v.value) for k, v in told.asset_check_evaluation.metadata.items()}


def announced(instance: dg.DagsterInstance, check: str) -> set[str | None]:
    """The countries whose verdict is announced and not given: red in a run that failed."""
    key = dg.AssetCheckKey(dg.AssetKey("tile_index"), check)
    records = instance.event_log_storage.get_asset_check_execution_history(
        key, limit=100, status={CheckStatus.PLANNED}
    )
    return {r.partition for r in records}


def test_a_country_that_succeeded_before_and_fails_now_shows_as_failed(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    small_world(tmp_path)
    tiles = ("tile_index", "tile_bounds", "tile_weights")
    made_well(run_assets(instance, tmp_path, tiles))
    cross_itself(tmp_path, BAD)
    assert not run_assets(instance, tmp_path, tiles).success
    for asset in tiles:
        assert failed(instance, asset) == [BAD], asset


def test_a_run_without_the_tag_still_tells_no_lie(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    small_world(tmp_path)
    good_shape = cross_itself(tmp_path, BAD)
    tiles = ("tile_index", "tile_weights")

    result = run_assets(instance, tmp_path, tiles, tags={})

    # The good countries are told one by one, then the step fails and nothing builds on it.
    assert not result.success
    assert materialised(instance, "tile_index") == GOOD
    assert failed(instance, "tile_index") == [BAD]
    assert materialised(instance, "tile_weights") == []
    failure = next(e for e in result.all_events if e.is_step_failure)
    assert f"E001_GEO_INVALID [{BAD}]" in failure.step_failure_data.user_failure_data.description

    set_shape(tmp_path, BAD, good_shape)
    made_well(run_assets(instance, tmp_path, tiles, tags={}))
    for asset in tiles:
        assert materialised(instance, asset) == FIVE
        assert failed(instance, asset) == []
    events = instance.get_records_for_run(
        instance.get_runs(limit=1)[0].run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION
    ).records
    told = [
        e.event_log_entry.dagster_event.partition
        for e in events
        if e.event_log_entry.dagster_event.asset_key == dg.AssetKey("tile_weights")
    ]
    assert sorted(told) == FIVE


def test_a_run_of_chosen_countries_leaves_the_rest_of_its_range_alone(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    small_world(tmp_path)
    chosen = ["FI", "FO"]
    assert partition_tags(chosen)["segment1b/countries"] == "FI,FO"
    made_well(run_assets(instance, tmp_path, ["tile_index"], chosen))
    assert materialised(instance, "tile_index") == chosen
    assert failed(instance, "tile_index") == []


def test_the_run_coordinator_puts_the_tag_on_every_run(tmp_path: Path) -> None:
    coordinator = {
        "module": "segment1b_assets.automation.run_coordinator",
        "class": "PerCountryRunCoordinator",
        "config": {},
    }
    with dg.instance_for_test(
        overrides={"run_coordinator": coordinator}, temp_dir=str(tmp_path)
    ) as instance:
        job = definitions.resolve_job_def("segment1b")
        where = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("segment1b"), "__repository__")
        run = instance.create_run_for_job(
            job,
            run_config=run_config(tmp_path),
            tags=partition_tags(FIVE),
            remote_job_origin=RemoteJobOrigin(where, "segment1b"),
            job_code_origin=JobPythonOrigin("segment1b", _repository_origin()),
        )
        assert EVENTS_PER_COUNTRY.items().isdisjoint(run.tags.items())
        instance.run_coordinator.submit_run(SubmitRunContext(run, workspace=None))
        queued = instance.get_run_by_id(run.run_id)
        assert EVENTS_PER_COUNTRY.items() <= queued.tags.items()
        assert queued.status is dg.DagsterRunStatus.QUEUED
