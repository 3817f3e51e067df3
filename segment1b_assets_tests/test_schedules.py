"""The schedules, ticked, and what they launch really run."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.schedule_definition import ScheduleExecutionData

from segment1b_assets.automation.jobs import ALL_ASSETS
from segment1b_assets.automation.schedules import catch_up, nightly, schedules, weekly_verification
from segment1b_assets.automation.stale_partitions import find_stale_partitions
from segment1b_assets.command_line.status import country_status
from segment1b_assets.contracts.states import STATES
from segment1b_assets.definitions import definitions
from segment1b_assets.resources import Segment1B
from segment1b_assets_tests.dagster_support import (
    BAD,
    BY_COUNTRY,
    FIVE,
    keep_listed,
    made_well,
    run_assets,
    run_config,
    small_world,
    stale,
)
from segment1b_assets_tests.test_staleness import halve

MIDNIGHT = datetime(2025, 11, 23, 1, 30, tzinfo=UTC)


@pytest.fixture
def five_listed(tmp_path: Path) -> Path:
    """A small world whose ISO list is its five countries, so that nothing else is behind."""
    small_world(tmp_path)
    keep_listed(tmp_path)
    return tmp_path


def tick(instance: dg.DagsterInstance, root: Path) -> dg.RunRequest | str:
    """What the nightly schedule decides: its one run request, or why there is none."""
    decided = catch_up(instance, Segment1B(root=str(root)).open())
    if isinstance(decided, dg.SkipReason):
        return str(decided.skip_message)
    return decided


def evaluate(instance: dg.DagsterInstance, root: Path) -> ScheduleExecutionData:
    """A tick as the daemon makes it; the instance must have a reference to be opened anew by.

    The context opens an instance and is closed here. Otherwise the garbage collector closes it
    during some later test, and Dagster then takes an older, dead instance for the current one.
    """
    with dg.build_schedule_context(
        instance=instance,
        scheduled_execution_time=MIDNIGHT,
        resources={"segment1b": Segment1B(root=str(root))},
        repository_def=definitions.get_repository_def(),
    ) as context:
        return nightly.evaluate_tick(context)


def launch(
    instance: dg.DagsterInstance, root: Path, request: dg.RunRequest
) -> dg.ExecuteInProcessResult:
    job = definitions.resolve_job_def("everything")
    return job.execute_in_process(
        instance=instance,
        run_config=run_config(root),
        tags=dict(request.tags),
        asset_selection=list(request.asset_selection),
        raise_on_error=False,
    )


def test_all_schedules_are_off_until_somebody_switches_them_on() -> None:
    assert {s.name for s in schedules} == {"nightly", "weekly_verification"}
    for schedule in schedules:
        assert schedule.default_status is dg.DefaultScheduleStatus.STOPPED


def test_nightly_catches_up_with_whatever_is_behind(
    five_listed: Path, instance: dg.DagsterInstance
) -> None:
    root = five_listed
    first = tick(instance, root)
    assert isinstance(first, dg.RunRequest)
    assert first.tags["dagster/asset_partition_range_start"] == "FI"
    assert first.tags["dagster/asset_partition_range_end"] == "FO"
    assert "segment1b/only" not in first.tags  # they are neighbours
    assert {k.path[-1] for k in first.asset_selection} == set(ALL_ASSETS)
    made_well(launch(instance, root, first))
    assert tick(instance, root) == "nothing is stale or missing, and the flag holds"

    # One polygon changes: by Dagster's rule S2 has one country to do, by the addresses all five.
    halve(root, BAD)
    changed = tick(instance, root)
    assert isinstance(changed, dg.RunRequest)
    made_well(launch(instance, root, changed))
    assert [a for a in BY_COUNTRY if stale(instance, a)] == []
    assert tick(instance, root) == "nothing is stale or missing, and the flag holds"

    # A partition goes missing under Dagster's nose.
    inputs = Segment1B(root=str(root)).open()
    shutil.rmtree(inputs.path("s4_alloc_plan", "FJ"))
    mend = tick(instance, root)
    assert isinstance(mend, dg.RunRequest)
    assert mend.tags["dagster/asset_partition_range_start"] == "FJ"
    assert mend.tags["dagster/asset_partition_range_end"] == "FJ"
    made = {k.path[-1] for k in mend.asset_selection}
    assert "s4_alloc_plan" in made
    assert "site_locations" in made
    assert "s3_requirements" not in made
    assert "tile_index" not in made
    made_well(launch(instance, root, mend))
    assert inputs.files("s4_alloc_plan", "FJ")

    # Only the flag is gone: only S9 is asked for.
    shutil.rmtree(inputs.path("validation_bundle_1B"))
    flag = tick(instance, root)
    assert isinstance(flag, dg.RunRequest)
    assert {k.path[-1] for k in flag.asset_selection} == {
        "s0_gate_receipt_1B",
        "validation_bundle_1B",
    }
    made_well(launch(instance, root, flag))
    assert tick(instance, root) == "nothing is stale or missing, and the flag holds"


def test_the_nightly_tick_asks_for_one_run_or_says_why_not(five_listed: Path) -> None:
    with dg.DagsterInstance.local_temp() as instance:
        (request,) = evaluate(instance, five_listed).run_requests
        assert request.tags["dagster/asset_partition_range_start"] == "FI"
        assert request.tags["dagster/asset_partition_range_end"] == "FO"
        Segment1B(root=str(five_listed)).open().path("world_countries").unlink()
        skipped = evaluate(instance, five_listed)
        assert not skipped.run_requests
        assert "world_countries" in str(skipped.skip_message)


def test_nightly_waits_for_missing_inputs_and_for_runs_under_way(
    five_listed: Path, instance: dg.DagsterInstance
) -> None:
    raster = Segment1B(root=str(five_listed)).open().path("population_raster_2025")
    aside = raster.rename(raster.with_suffix(".aside"))
    reason = tick(instance, five_listed)
    assert isinstance(reason, str)
    assert "population_raster_2025" in reason
    aside.rename(raster)
    run = instance.create_run_for_job(
        definitions.resolve_job_def("everything"),
        run_config=run_config(five_listed),
        status=dg.DagsterRunStatus.STARTED,
    )
    reason = tick(instance, five_listed)
    assert isinstance(reason, str)
    assert run.run_id in reason


def test_what_is_behind_agrees_with_dagsters_own_resolver(
    five_listed: Path, instance: dg.DagsterInstance
) -> None:
    root = five_listed
    made = ("s0_gate_receipt_1B", *BY_COUNTRY)
    made_well(run_assets(instance, root, made))
    policy = Segment1B(root=str(root)).open().path("policy.s6.jitter")
    policy.write_text(policy.read_text().replace("4096", "4095"))
    made_well(run_assets(instance, root, made, ["FI", "FJ"]))
    inputs = Segment1B(root=str(root)).open()
    behind = find_stale_partitions(instance, inputs)
    for asset in BY_COUNTRY:
        # The other three are published at another address, which Dagster cannot know; whatever
        # it does call stale is behind, and what is behind elsewhere it does not deny by name.
        assert list(behind.countries[asset]) == ["FK", "FM", "FO"], asset
        assert set(stale(instance, asset)) <= set(behind.countries[asset]), asset
    assert sorted(stale(instance, "s6_site_jitter")) == ["FK", "FM", "FO"]


def test_weekly_verification_judges_all_and_publishes_nothing(
    five_listed: Path, instance: dg.DagsterInstance
) -> None:
    root = five_listed
    made_well(run_assets(instance, root))
    before = sorted(p for p in (root / "layer1").rglob("*"))
    job = definitions.resolve_job_def(weekly_verification.job_name)
    with dg.build_schedule_context(instance=instance, scheduled_execution_time=MIDNIGHT) as context:
        (request,) = weekly_verification.evaluate_tick(context).run_requests

    def verify() -> dg.ExecuteInProcessResult:
        return job.execute_in_process(
            instance=instance,
            run_config=run_config(root),
            tags=dict(request.tags),
            raise_on_error=False,
        )

    good = verify()
    assert good.success
    evaluations = good.get_asset_check_evaluations()
    judged = {e.partition for e in evaluations if e.check_name == "valid"}
    assert judged == {*FIVE, None}
    assert all(e.passed for e in evaluations if e.check_name == "valid")
    assert sorted(p for p in (root / "layer1").rglob("*")) == before

    # Site locations of one country, swapped for another's: the weekly run says so and fails.
    inputs = Segment1B(root=str(root)).open()
    path = inputs.files("site_locations", "FI")[0]
    path.write_bytes(inputs.files("site_locations", "FJ")[0].read_bytes())
    bad = verify()
    assert not bad.success
    broken = {
        (e.asset_key.path[-1], e.check_name, e.partition)
        for e in bad.get_asset_check_evaluations()
        if not e.passed
    }
    assert ("site_locations", "valid", "FI") in broken
    assert ("validation_bundle_1B", "valid", None) in broken
    assert {c for _, name, c in broken if name == "valid"} == {"FI", None}


def test_a_verdict_is_of_its_run_and_a_pass_clears_what_it_disproves(
    five_listed: Path, instance: dg.DagsterInstance
) -> None:
    root = five_listed
    made_well(run_assets(instance, root, ["tile_index", "tile_bounds"]))
    job = definitions.resolve_job_def("verify_everything")

    def verified() -> dict[str | None, bool]:
        result = job.execute_in_process(
            instance=instance, run_config=run_config(root), raise_on_error=False
        )
        failed = {e.step_key for e in result.all_events if e.is_step_failure}
        found = {
            e.partition: e.passed
            for e in result.get_asset_check_evaluations()
            if e.asset_key.path[-1] == "tile_index" and e.check_name == "valid"
        }
        assert ("s1_checks" in failed) is (not all(found.values()))
        return found

    def status() -> str:
        return country_status(Segment1B(root=str(root)).open(), STATES["S1"], BAD)

    path = Segment1B(root=str(root)).open().files("tile_index", BAD)[0]
    good = path.read_bytes()
    path.write_bytes(good[: len(good) // 2])
    assert verified() == {**dict.fromkeys(FIVE, True), BAD: False}
    assert status().startswith("E")
    path.write_bytes(good)
    assert verified() == dict.fromkeys(FIVE, True)
    assert status() == "done"
