"""What we rely on of Dagster that is not public: an upgrade that changes it fails here."""

from __future__ import annotations

import re
from pathlib import Path

import dagster as dg
import yaml
from dagster._core.definitions import data_version
from dagster._core.storage import tags

from segment1b_assets import dagster_internals, run_tags
from segment1b_assets.assets import versions
from segment1b_assets.automation import run_launcher
from segment1b_assets.command_line import dagster_run
from segment1b_assets.definitions import definitions

CODE = Path(dagster_internals.__file__).parent


def test_one_module_imports_private_names() -> None:
    private = re.compile(r"^\s*(?:from|import) (?:dagster\._|dagster_shared)", re.M)
    found = {
        p.relative_to(CODE).as_posix() for p in CODE.rglob("*.py") if private.search(p.read_text())
    }
    assert found == {"dagster_internals.py"}


def test_every_private_name_that_is_imported_is_used() -> None:
    others = "".join(p.read_text() for p in CODE.rglob("*.py") if p.name != "dagster_internals.py")
    for name in dagster_internals.__all__:
        assert re.search(rf"\b{name}\b", others), name


def test_tags_are_dagsters() -> None:
    key = dg.AssetKey(["a", "b"])
    assert versions.DATA_VERSION_TAG == data_version.DATA_VERSION_TAG
    assert versions.CODE_VERSION_TAG == data_version.CODE_VERSION_TAG
    assert versions.USER_PROVIDED_TAG == data_version.DATA_VERSION_IS_USER_PROVIDED_TAG
    assert data_version.DEFAULT_DATA_VERSION.value == versions.NO_VERSION
    assert versions.NO_EVENT == data_version.NULL_EVENT_POINTER
    assert versions.input_version_tag(key) == data_version.get_input_data_version_tag(key)
    assert versions._INPUT_POINTER_TAG + key.to_user_string() == (
        data_version.get_input_event_pointer_tag(key)
    )
    assert run_tags.PARTITION_TAG == tags.PARTITION_NAME_TAG
    assert run_tags.RANGE_START_TAG == tags.ASSET_PARTITION_RANGE_START_TAG
    assert run_tags.RANGE_END_TAG == tags.ASSET_PARTITION_RANGE_END_TAG
    assert run_tags.DEFER_EVENTS_TAG == tags.EXTERNALLY_MANAGED_ASSETS_TAG
    assert run_tags.RETRY_FROM_START == {tags.RETRY_STRATEGY_TAG: "ALL_STEPS"}
    assert run_launcher._GRPC_INFO_TAG == tags.GRPC_INFO_TAG


def test_a_planned_event_makes_a_partition_of_a_failed_run_failed() -> None:
    asset = dg.AssetKey("planned")
    partitions = dg.StaticPartitionsDefinition(["FI", "FJ"])

    @dg.job
    def empty() -> None: ...

    with dg.DagsterInstance.ephemeral() as instance:
        run = instance.create_run_for_job(empty, status=dg.DagsterRunStatus.STARTED)
        dagster_internals.report_planned(instance, run, "a_step", asset, "FI")
        instance.report_run_failed(run, "on purpose")
        status = instance.get_status_by_partition(asset, ["FI", "FJ"], partitions)
    assert status is not None
    assert status["FI"] is not None
    assert status["FI"].name == "FAILED"
    assert status.get("FJ") is None


def test_a_run_in_this_process_has_the_location_s_origin() -> None:
    @dg.asset
    def made() -> None: ...

    job = dg.Definitions(
        assets=[made],
        jobs=[dg.define_asset_job("a_job", "*")],
        executor=dg.in_process_executor,
    ).resolve_job_def("a_job")
    with dg.DagsterInstance.ephemeral() as instance:
        result = dagster_internals.execute_in_location(
            job, instance, ("a_location", "a_repository"), {}, {"a": "b"}, [dg.AssetKey("made")]
        )
        run = instance.get_run_by_id(result.run_id)
        labels = dict(instance.get_run_tags([tags.REPOSITORY_LABEL_TAG]))
    assert result.success
    assert run is not None
    assert run.remote_job_origin is not None
    assert run.remote_job_origin.location_name == "a_location"
    assert run.tags["a"] == "b"
    assert labels == {tags.REPOSITORY_LABEL_TAG: {"a_repository@a_location"}}


def test_the_location_is_the_workspace_s() -> None:
    (entry,) = yaml.safe_load((CODE / "instance/workspace.yaml").read_text())["load_from"]
    repository = definitions.get_repository_def().name
    assert (entry["python_module"]["location_name"], repository) == dagster_run.LOCATION
