"""One run over several countries tells the truth about each: what we rely on of Dagster.

Dagster would call every partition of a successful step materialised, and none of a failed one.
``dagster/defer_asset_events`` makes only the events count that our IO manager emits. The tag is
Dagster's own and undocumented: these tests are what holds it to its word when Dagster moves.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

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

from segment1b_assets.contracts.error_codes import ERROR_CODES
from segment1b_assets.definitions import definitions
from segment1b_assets.resources import Segment1B
from segment1b_assets.run_tags import EVENTS_PER_COUNTRY, partition_tags
from segment1b_assets.validation.judge import RULES
from segment1b_assets_tests.dagster_support import (
    BAD,
    BY_COUNTRY,
    FIVE,
    TILES,
    cross_itself,
    failed,
    made_well,
    materialised,
    run_assets,
    run_config,
    set_shape,
    small_world,
)
from segment1b_assets_tests.oracle import layout

REPOSITORY = Path(__file__).parents[1]
GOOD = [c for c in FIVE if c != BAD]
MADE = ("s0_gate_receipt_1B", *BY_COUNTRY)


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
        verdicts = judged(instance, asset, "valid")
        assert verdicts == {**dict.fromkeys(GOOD, True), BAD: False}, asset
    (last,) = [e for e in result.all_events if e.is_step_failure and e.step_key == "s8_checks"]
    assert f"E001_GEO_INVALID [{BAD}]" in last.step_failure_data.user_failure_data.description

    set_shape(tmp_path, BAD, good_shape)
    mended = run_assets(instance, tmp_path, MADE, [BAD])

    assert mended.success
    for asset in BY_COUNTRY:
        assert materialised(instance, asset) == FIVE, asset
        assert failed(instance, asset) == [], asset
        assert judged(instance, asset, "valid") == dict.fromkeys(FIVE, True), asset


def queued_run(
    instance: dg.DagsterInstance, root: Path, countries: list[str]
) -> tuple[InMemoryJob, dg.DagsterRun]:
    """A run over tile_index as the web UI makes it: Dagster announces every verdict of it."""
    job = definitions.resolve_job_def("everything").get_subset(
        asset_selection={dg.AssetKey("tile_index")}
    )
    run = instance.create_run_for_job(
        job, run_config=run_config(root), tags=partition_tags(countries)
    )
    assert announced(instance, "valid") == set(countries)
    instance.add_run_tags(run.run_id, EVENTS_PER_COUNTRY)  # as the run coordinator does
    queued = instance.get_run_by_id(run.run_id)
    assert queued is not None
    return InMemoryJob(job), queued


@pytest.mark.parametrize("countries", [[BAD], FIVE])
def test_every_announced_verdict_is_recorded_for_one_country_and_for_many(
    tmp_path: Path, instance: dg.DagsterInstance, countries: list[str]
) -> None:
    """Dagster calls a verdict that is announced and not recorded failed, once its run fails."""
    small_world(tmp_path)
    cross_itself(tmp_path, BAD)
    job, run = queued_run(instance, tmp_path, countries)

    assert not execute_run(job, run, instance, raise_on_error=False).success

    good = dict.fromkeys(set(countries) - {BAD}, True)
    for check in ("valid", "plausible"):
        assert announced(instance, check) == set()
        assert set(judged(instance, "tile_index", check)) == set(countries)
    assert judged(instance, "tile_index", "valid") == {**good, BAD: False}
    rows = verdict_rows(instance, "valid", BAD)
    assert rows[0]["rule"] == "E001_GEO_INVALID"
    assert rows[0]["verdict"] == "broken"
    assert "Self-intersection" in str(rows[0]["found"])
    assert rows[0]["next step"]
    for country in good:
        held = str(newest_verdict(instance, "valid", country).value)
        for code in RULES["tile_index"]:
            asks = f"It must not be that {ERROR_CODES[code].meaning}."
            assert f"| `{code}` | held | {asks} |" in held.splitlines()


def test_an_input_that_cannot_be_read_is_every_country_s_verdict(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    small_world(tmp_path)
    layout.polygons_path(tmp_path).unlink()
    job, run = queued_run(instance, tmp_path, FIVE)

    assert not execute_run(job, run, instance, raise_on_error=False).success

    assert judged(instance, "tile_index", "valid") == dict.fromkeys(FIVE, False)
    assert verdict_rows(instance, "valid", BAD)[0]["rule"] == "E_INPUT_MISSING"
    assert failed(instance, "tile_index") == FIVE


def test_checks_alone_do_not_turn_a_country_green_that_was_not_made(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    """*Re-execute from failure* runs the steps that failed: the check steps, and nothing else."""
    small_world(tmp_path)
    cross_itself(tmp_path, BAD)
    run_assets(instance, tmp_path, TILES)
    again = definitions.resolve_job_def("verify_everything").execute_in_process(
        instance=instance,
        run_config=run_config(tmp_path),
        tags={**partition_tags(FIVE), **EVENTS_PER_COUNTRY},
        raise_on_error=False,
    )
    (step,) = [e for e in again.all_events if e.is_step_failure and e.step_key == "s1_checks"]
    said = step.step_failure_data.user_failure_data.description
    assert f"E001_GEO_INVALID [{BAD}]" in said
    assert judged(instance, "tile_index", "valid") == {**dict.fromkeys(GOOD, True), BAD: False}


def test_failing_countries_are_recorded_last(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    """A check's page opens on the country that was recorded last."""
    small_world(tmp_path)
    cross_itself(tmp_path, BAD)
    run_assets(instance, tmp_path, ["tile_index"])
    key = dg.AssetCheckKey(dg.AssetKey("tile_index"), "valid")
    newest = instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
    assert [r.partition for r in newest] == [BAD]


def test_a_failed_country_s_page_says_why_and_what_to_do(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    small_world(tmp_path)
    cross_itself(tmp_path, BAD)
    run_assets(instance, tmp_path, ["tile_index"])
    (seen,) = instance.fetch_observations(dg.AssetKey("tile_index"), limit=10).records
    assert seen.partition_key == BAD
    said = {k: str(v.value) for k, v in seen.asset_observation.metadata.items()}
    assert said["code"] == "E001_GEO_INVALID"
    assert "Self-intersection" in said["detail"]
    assert said["next_step"]
    assert said["file"].endswith("world_countries.parquet")
    assert "### E001_GEO_INVALID" in (REPOSITORY / "docs/runbook.md").read_text()
    assert said["runbook"] == "docs/runbook.md#e001_geo_invalid"


def test_a_partition_is_retired_by_a_job_and_its_history_says_so(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    small_world(tmp_path)
    made_well(run_assets(instance, tmp_path, ["tile_index"], ["FI"]))
    files = Segment1B(root=str(tmp_path)).open().files("tile_index", "FI")
    kept = files[0].read_bytes()

    def retired(country: str) -> dg.ExecuteInProcessResult:
        chosen = {"dataset": "tile_index", "country": country, "why": "a better grid"}
        return definitions.resolve_job_def("retire_partition").execute_in_process(
            instance=instance,
            run_config={**run_config(tmp_path), "ops": {"retire_one": {"config": chosen}}},
            raise_on_error=False,
        )

    made_well(retired("FI"))
    assert not files[0].exists()
    (moved,) = tmp_path.glob("retired/*/layer1/1B/tile_index/**/part-00000.parquet")
    assert moved.read_bytes() == kept
    (seen,) = instance.fetch_observations(dg.AssetKey("tile_index"), limit=10).records
    assert seen.partition_key == "FI"
    assert seen.asset_observation.metadata["retired"].value == "a better grid"
    assert not retired("FI").success  # nothing is there any more


def verdict_rows(instance: dg.DagsterInstance, check: str, country: str) -> list[dict[str, object]]:
    """The table of a country's newest verdict on tile_index, as its page shows it."""
    return [dict(r.data) for r in newest_verdict(instance, check, country).records]


def newest_verdict(instance: dg.DagsterInstance, check: str, country: str) -> Any:
    """What a country's page shows as its newest verdict on tile_index."""
    key = dg.AssetCheckKey(dg.AssetKey("tile_index"), check)
    for record in instance.event_log_storage.get_asset_check_execution_history(key, limit=100):
        evaluation = record.event and record.event.asset_check_evaluation
        if record.partition == country and evaluation is not None:
            return evaluation.metadata["verdict"]
    raise AssertionError(f"{check} of {country} was not recorded")


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
    assert partition_tags(chosen)["segment1b/only"] == "FI,FO"
    made_well(run_assets(instance, tmp_path, ["tile_index"], chosen))
    assert materialised(instance, "tile_index") == chosen
    assert failed(instance, "tile_index") == []


def test_the_run_coordinator_puts_the_tags_on_every_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEGMENT1B_ROOT", str(tmp_path))
    coordinator = {
        "module": "segment1b_assets.automation.run_coordinator",
        "class": "PerCountryRunCoordinator",
        "config": {},
    }
    with dg.instance_for_test(
        overrides={"run_coordinator": coordinator}, temp_dir=str(tmp_path)
    ) as instance:
        job = definitions.resolve_job_def("everything")
        where = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("segment1b"), "__repository__")
        run = instance.create_run_for_job(
            job,
            run_config=run_config(tmp_path),
            tags=partition_tags(FIVE),
            remote_job_origin=RemoteJobOrigin(where, "everything"),
            job_code_origin=JobPythonOrigin("segment1b", _repository_origin()),
        )
        assert EVENTS_PER_COUNTRY.items().isdisjoint(run.tags.items())
        instance.run_coordinator.submit_run(SubmitRunContext(run, workspace=None))
        queued = instance.get_run_by_id(run.run_id)
        assert EVENTS_PER_COUNTRY.items() <= queued.tags.items()
        assert queued.tags["segment1b/root"] == str(tmp_path)
        assert queued.status is dg.DagsterRunStatus.QUEUED
