"""The sensors, ticked: changed inputs, and runs that died without a word."""

from __future__ import annotations

import json
from pathlib import Path

import dagster as dg
import pytest

from segment1b_assets.automation.dead_runs import record_dead_run
from segment1b_assets.automation.jobs import ALL_ASSETS
from segment1b_assets.automation.sensors import dead_runs, inputs_changed, sensors
from segment1b_assets.definitions import definitions
from segment1b_assets.resources import Segment1B
from segment1b_assets.run_tags import countries_of
from segment1b_assets.storage.input_versions import INPUTS, input_versions
from segment1b_assets_tests.dagster_support import (
    BAD,
    FIVE,
    TILES,
    cross_itself,
    keep_listed,
    made_well,
    run_assets,
    run_config,
    small_world,
)
from segment1b_assets_tests.s3_server import s3_server
from segment1b_assets_tests.store_support import Bucket, be_machine
from segment1b_assets_tests.test_staleness import halve


class Ticker:
    """Ticks the sensor as the daemon does: with the cursor that the last tick left."""

    def __init__(self, instance: dg.DagsterInstance, root: Path | str) -> None:
        self.instance, self.root = instance, root
        self.cursor: str | None = None

    def __call__(self) -> dg.RunRequest | str:
        with dg.build_sensor_context(
            instance=self.instance,
            cursor=self.cursor,
            resources={"segment1b": Segment1B(root=str(self.root))},
            repository_def=definitions.get_repository_def(),
        ) as context:
            data = inputs_changed.evaluate_tick(context)
        if data.cursor is not None:
            self.cursor = data.cursor
        if not data.run_requests:
            assert data.skip_message
            return data.skip_message
        (request,) = data.run_requests
        return request


def made_by(request: dg.RunRequest) -> set[str]:
    return {k.path[-1] for k in request.asset_selection}


def test_all_sensors_are_off_until_somebody_switches_them_on() -> None:
    assert {s.name for s in sensors} == {"inputs_changed", "dead_runs"}
    for sensor in sensors:
        assert sensor.default_status is dg.DefaultSensorStatus.STOPPED


def test_a_changed_input_launches_what_depends_on_it_once(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    small_world(tmp_path)
    keep_listed(tmp_path)
    tick = Ticker(instance, tmp_path)
    assert tick() == "watching from now on"
    assert tick() == "nothing has changed"

    halve(tmp_path, BAD)
    waiting = tick()
    assert isinstance(waiting, str)
    assert "world_countries" in waiting
    cursor = json.loads(tick.cursor or "")
    assert list(cursor["changed_to"]) == ["world_countries"]
    assert set(cursor["served"]) == set(INPUTS)
    assert max(map(len, (tick.cursor or "").splitlines())) < 60
    assert "run_identity" not in waiting
    polygons = tick()
    assert isinstance(polygons, dg.RunRequest)
    assert countries_of(polygons.tags) == FIVE  # nothing is published yet
    assert made_by(polygons) == set(ALL_ASSETS)
    inputs = Segment1B(root=str(tmp_path)).open()
    (observed,) = instance.fetch_observations(
        dg.AssetRecordsFilter(dg.AssetKey("world_countries"), asset_partitions=[BAD]), limit=1
    ).records
    assert observed.asset_observation is not None
    assert observed.asset_observation.tags == {"dagster/data_version": inputs.polygon_sha256(BAD)}
    assert tick() == "nothing has changed"

    job = definitions.resolve_job_def("everything")
    result = job.execute_in_process(
        instance=instance,
        run_config=run_config(tmp_path),
        tags=dict(polygons.tags),
        asset_selection=list(polygons.asset_selection),
        raise_on_error=False,
    )
    made_well(result)
    assert tick() == "nothing has changed"


def test_what_1a_hands_over_is_first_read_in_s3(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    small_world(tmp_path)
    keep_listed(tmp_path)
    made_well(run_assets(instance, tmp_path, [*TILES, "tile_weights"]))
    tick = Ticker(instance, tmp_path)
    tick()
    files = Segment1B(root=str(tmp_path)).open().files_of_input("outlet_catalogue")
    files[0].with_name("part-00099.parquet").write_bytes(files[0].read_bytes())
    assert "outlet_catalogue" in str(tick())
    request = tick()
    assert isinstance(request, dg.RunRequest)
    assert made_by(request) == set(ALL_ASSETS) - {*TILES, "tile_weights"}


def test_a_file_still_being_copied_launches_nothing(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    small_world(tmp_path)
    tick = Ticker(instance, tmp_path)
    tick()
    raster = Segment1B(root=str(tmp_path)).open().path("population_raster_2025")
    whole = raster.read_bytes()
    for part in (1, 2, 3):
        raster.write_bytes(whole[: len(whole) * part // 4])
        assert isinstance(tick(), str)
    aside = raster.rename(raster.with_suffix(".aside"))
    assert "population_raster_2025" in str(tick())
    aside.write_bytes(whole)
    aside.rename(raster)
    assert tick() == "nothing has changed"


def test_going_back_to_old_inputs_launches_again(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    small_world(tmp_path)
    tick = Ticker(instance, tmp_path)
    tick()
    policy = Segment1B(root=str(tmp_path)).open().path("policy.s6.jitter")
    first, second = policy.read_text(), policy.read_text().replace("4096", "4095")
    assert first != second
    keys = []

    def change(text: str) -> None:
        policy.write_text(text)
        tick()
        before = tick.cursor
        request = tick()
        assert isinstance(request, dg.RunRequest)
        keys.append(request.run_key)
        # Repeated because its cursor was lost, a tick asks for the same run and not for another.
        tick.cursor = before
        again = tick()
        assert isinstance(again, dg.RunRequest)
        assert again.run_key == request.run_key

    for text in (second, first, second, first):
        change(text)
    tick.cursor = None  # as "Reset cursor" in the UI leaves it
    tick()
    change(second)
    assert len(set(keys)) == len(keys) == 5


def test_a_tick_over_an_object_store_never_fetches_the_raster(
    tmp_path: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_world(tmp_path / "world")
    with s3_server(tmp_path / "log") as server:
        bucket = Bucket(server)
        bucket.upload(tmp_path / "world")
        be_machine(monkeypatch, server, tmp_path / "mirror")
        key = "reference/spatial/population/2025/population.tif"
        tick = Ticker(instance, bucket.url)
        assert tick() == "watching from now on"
        assert tick() == "nothing has changed"
        bucket.put(key, bucket.get(key) + b"\0")
        waiting = tick()
        assert isinstance(waiting, str)
        assert "population_raster_2025" in waiting
        assert "run_identity" in waiting
        request = tick()
        assert isinstance(request, dg.RunRequest)
        assert made_by(request) == set(ALL_ASSETS)
        assert tick() == "nothing has changed"
        assert not list((tmp_path / "mirror").rglob("population.tif"))
        assert list((tmp_path / "mirror").rglob("iso3166.parquet"))


def test_every_input_of_the_contract_is_watched(tmp_path: Path) -> None:
    small_world(tmp_path)
    versions = input_versions(Segment1B(root=str(tmp_path)).open())
    assert set(versions) == set(INPUTS)
    assert len(versions) == 11
    assert all(versions.values())


def failure_events(root: Path) -> list[dict[str, str]]:
    paths = sorted(root.glob("reports/layer1/1B/failures/**/*.json"))
    return [json.loads(p.read_text()) for p in paths]


def test_a_killed_run_gets_its_failure_event_from_the_sensor(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    small_world(tmp_path)
    run = instance.create_run_for_job(
        definitions.resolve_job_def("everything"),
        run_config=run_config(tmp_path),
        asset_selection=frozenset([dg.AssetKey("tile_weights")]),
        tags={"dagster/partition": "FI"},
        status=dg.DagsterRunStatus.STARTED,
    )
    instance.report_run_failed(run, "Run process 4711 unexpectedly exited")
    dead = instance.get_run_by_id(run.run_id)
    records = instance.get_records_for_run(
        run.run_id, of_type=dg.DagsterEventType.RUN_FAILURE
    ).records
    event = records[0].event_log_entry.dagster_event
    context = dg.build_run_status_sensor_context(
        sensor_name="dead_runs",
        dagster_event=event,
        dagster_instance=instance,
        dagster_run=dead,
        resources={"segment1b": Segment1B(root=str(tmp_path))},
    ).for_run_failure()
    dead_runs(context)
    (told,) = failure_events(tmp_path)
    assert told["event"] == "S2_ERROR"
    assert told["code"] == "E_UNEXPECTED"
    assert told["run"] == run.run_id
    assert "unexpectedly exited" in told["detail"]
    assert "FI" in told["detail"]


def test_a_run_that_told_its_failures_gets_no_second_event(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    small_world(tmp_path)
    cross_itself(tmp_path, BAD)
    result = run_assets(instance, tmp_path, TILES)
    assert not result.success
    before = failure_events(tmp_path)
    assert {e["code"] for e in before} == {"E001_GEO_INVALID"}
    run = instance.get_run_by_id(result.run_id)
    assert run is not None
    inputs = Segment1B(root=str(tmp_path)).open()
    assert record_dead_run(instance, inputs, run, "Execution of run failed") == []
    assert failure_events(tmp_path) == before
