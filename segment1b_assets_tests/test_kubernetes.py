"""deploy/kubernetes: the chart's keys, Dagster's own reading, the pods by Kubernetes' schemas."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import kubernetes_validate
import pytest
import yaml
from dagster._config import process_config, resolve_to_config_type
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.errors import DagsterInvalidConfigError
from dagster._core.instance.config import dagster_instance_config
from dagster._core.launcher.base import LaunchRunContext
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from pydantic import ValidationError

from segment1b_assets.automation.run_coordinator import PerCountryRunCoordinator
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.storage.data_root import ROOT_VARIABLE
from segment1b_assets.storage.workers import WORKERS_VARIABLE, default_workers
from segment1b_assets_tests.kubernetes_api import kubernetes_api
from segment1b_assets_tests.kubernetes_chart import ChartValues, dagster_yaml, deployments
from segment1b_assets_tests.live_dagster import REPOSITORY

FOLDER = REPOSITORY / "deploy" / "kubernetes"
#: The release whose schemas judge; what we use has been the same for years.
KUBERNETES = "1.37"
GIB = 1 << 30
#: What a run may need beside its workers: the process with all that it has imported.
HEADROOM = GIB


@pytest.fixture
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((FOLDER / "values.yaml").read_text())
    return loaded


@pytest.fixture
def values(document: dict[str, Any]) -> ChartValues:
    return ChartValues.model_validate(document)


@pytest.fixture
def instance(values: ChartValues, tmp_path: Path) -> Iterator[tuple[dg.DagsterInstance, list[Any]]]:
    with kubernetes_api(tmp_path) as (settings, posted):
        written = _without_cluster(dagster_yaml(values), settings)
        (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(written))
        with dg.DagsterInstance.from_config(str(tmp_path)) as made:
            yield made, posted


def _without_cluster(written: dict[str, Any], kubeconfig: Path) -> dict[str, Any]:
    """A dagster.yaml for here: SQLite, and the listener in place of the cluster."""
    here = {k: v for k, v in written.items() if not k.endswith("_storage")}
    config = {
        **written["run_launcher"]["config"],
        "load_incluster_config": False,
        "kubeconfig_file": str(kubeconfig),
    }
    return {**here, "run_launcher": {**written["run_launcher"], "config": config}}


@dg.job
def any_job() -> None:
    """The launcher looks at a run's image and tags, not at what is in its job."""


def job_of(made: dg.DagsterInstance, posted: list[Any], image: str) -> dict[str, Any]:
    """Launch a run; the Kubernetes job that Dagster asked for."""
    origin = RepositoryPythonOrigin(
        executable_path="/opt/segment1b/.venv/bin/python",
        code_pointer=ModuleCodePointer("segment1b_assets.definitions", "definitions"),
        container_image=image,
        entry_point=["dagster"],
    )
    run = made.create_run_for_job(
        any_job,
        job_code_origin=JobPythonOrigin("segment1b", origin),
    )
    made.run_launcher.launch_run(LaunchRunContext(run, workspace=None))
    (request,) = posted
    assert request["path"] == "/apis/batch/v1/namespaces/segment1b/jobs"
    body: dict[str, Any] = request["body"]
    return body


def judge(manifest: dict[str, Any]) -> None:
    """Refuses a key or a type that Kubernetes does not know, and mounts of volumes that are not."""
    kubernetes_validate.validate(manifest, KUBERNETES, strict=True)
    pod = manifest["spec"]["template"]["spec"]
    volumes = {v["name"] for v in pod["volumes"]}
    for container in pod["containers"]:
        assert {m["name"] for m in container["volumeMounts"]} <= volumes
        for kind in ("requests", "limits"):
            for quantity in container["resources"][kind].values():
                assert re.fullmatch(r"\d+(m|Mi|Gi)?", quantity), quantity


def require_hardened(pod: dict[str, Any]) -> None:
    """Not root, nothing to escalate to, and nowhere to write but what is mounted."""
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] >= 1000
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    mounts = {m["mountPath"]: m["name"] for m in container["volumeMounts"]}
    assert mounts["/tmp"] == mounts["/opt/dagster/dagster_home"] == "scratch"


def test_a_run_gets_a_pod_with_memory_for_its_workers_and_no_more_rights_than_it_needs(
    values: ChartValues, instance: tuple[dg.DagsterInstance, list[Any]]
) -> None:
    job = job_of(*instance, values.user_deployments.deployments[0].image.name)
    judge(job)
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["image"] == "registry.example.org/segment1b:0.2.0"
    assert container["args"][:3] == ["dagster", "api", "execute_run"]
    environment = {e["name"]: e.get("value") for e in container["env"]}
    assert environment[ROOT_VARIABLE] == "/data"
    workers = int(str(environment[WORKERS_VARIABLE]))
    limit = int(container["resources"]["limits"]["memory"].removesuffix("Gi")) * GIB
    assert limit == workers * GIB + HEADROOM
    assert int(container["resources"]["requests"]["cpu"]) == workers
    require_hardened(pod)
    (data,) = [v for v in pod["volumes"] if v["name"] == "data"]
    claim = yaml.safe_load((FOLDER / "volume.yaml").read_text())
    assert data["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    assert {"mountPath": "/data", "name": "data"} in container["volumeMounts"]
    assert job["spec"]["backoffLimit"] == 0
    assert pod["restartPolicy"] == "Never"


def test_the_long_lived_pods_are_what_kubernetes_knows(values: ChartValues) -> None:
    for name, manifest in deployments(values).items():
        judge(manifest)
        require_hardened(manifest["spec"]["template"]["spec"])
        (container,) = manifest["spec"]["template"]["spec"]["containers"]
        assert container["resources"]["limits"]["memory"], name
        if name == "webserver":
            probe = container["readinessProbe"]["httpGet"]
            assert probe["port"] == container["ports"][0]["containerPort"] > 1023


def test_the_volume_is_what_kubernetes_knows() -> None:
    claim = yaml.safe_load((FOLDER / "volume.yaml").read_text())
    kubernetes_validate.validate(claim, KUBERNETES, strict=True)
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]


def test_dagster_reads_every_section(
    values: ChartValues,
    instance: tuple[dg.DagsterInstance, list[Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("dagster_postgres", reason="needs the extra: uv sync --extra postgres")
    monkeypatch.setenv("DAGSTER_PG_PASSWORD", "of the secret")
    home = tmp_path / "whole"
    home.mkdir()
    written = dagster_yaml(values)
    (home / "dagster.yaml").write_text(yaml.safe_dump(written))
    dagster_instance_config(str(home))
    for section in ("run_storage", "event_log_storage", "schedule_storage", "run_launcher"):
        kind = _class(written[section])
        read = process_config(
            resolve_to_config_type(kind.config_type()), written[section]["config"]
        )
        assert read.success, read.errors
    made, _ = instance
    assert isinstance(made.run_coordinator, PerCountryRunCoordinator)
    assert made.run_retries_enabled
    assert made.run_retries_max_retries == 3
    assert not made.run_retries_retry_on_asset_or_op_failure
    assert made.run_monitoring_enabled
    assert made.run_monitoring_max_resume_run_attempts == 0
    assert made.get_concurrency_config().run_queue_config.max_concurrent_runs == 3
    assert not made.telemetry_enabled


def _class(section: dict[str, Any]) -> Any:
    return getattr(__import__(section["module"], fromlist=["_"]), section["class"])


def _launcher(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["runLauncher"]["config"]["k8sRunLauncher"]
    return found


#: How values.yaml goes wrong, and who notices.
SPOILT: dict[str, tuple[Callable[[dict[str, Any]], Any], type[Exception]]] = {
    "no resources": (lambda d: _launcher(d).pop("resources"), ValidationError),
    "not a key of the chart": (lambda d: _launcher(d).update(resource={}), ValidationError),
    "text for a boolean": (lambda d: d["telemetry"].update(enabled="no"), ValidationError),
    "a password": (lambda d: d["postgresql"].update(postgresqlPassword="x"), ValidationError),
    "no quantity": (
        lambda d: _launcher(d)["resources"]["limits"].update(memory="3GB"),
        AssertionError,
    ),
    "a volume that is not there": (lambda d: _launcher(d)["volumes"].pop(0), AssertionError),
    "not a key of Kubernetes, run": (
        lambda d: _launcher(d)["securityContext"].update(readOnlyRootFileSystem=True),
        kubernetes_validate.ValidationError,
    ),
    "not a key of Kubernetes, daemon": (
        lambda d: d["dagsterDaemon"]["resources"].update(limit={}),
        kubernetes_validate.ValidationError,
    ),
    "not a key of dagster.yaml": (
        lambda d: d["additionalInstanceConfig"].update(run_retry={}),
        DagsterInvalidConfigError,
    ),
}


def test_nothing_is_wrong_with_the_values_as_they_are(
    document: dict[str, Any], tmp_path: Path
) -> None:
    require_good(document, tmp_path)


@pytest.mark.parametrize("how", SPOILT)
def test_a_wrong_value_is_found(document: dict[str, Any], how: str, tmp_path: Path) -> None:
    spoil, noticed = SPOILT[how]
    spoil(document)
    with pytest.raises(noticed):
        require_good(document, tmp_path)


def require_good(document: dict[str, Any], folder: Path) -> None:
    """Whatever can be said of values.yaml without a cluster."""
    values = ChartValues.model_validate(document)
    for manifest in deployments(values).values():
        judge(manifest)
    written = dagster_yaml(values)
    (folder / "dagster.yaml").write_text(yaml.safe_dump(written))
    dagster_instance_config(str(folder))
    with kubernetes_api(folder) as (settings, posted):
        (folder / "dagster.yaml").write_text(yaml.safe_dump(_without_cluster(written, settings)))
        with dg.DagsterInstance.from_config(str(folder)) as made:
            judge(job_of(made, posted, "segment1b:test"))


def test_the_image_is_what_the_values_say(values: ChartValues) -> None:
    text = (FOLDER / "Dockerfile").read_text()
    final = re.split(r"^FROM ", text, flags=re.MULTILINE)[-1]
    (user,) = re.findall(r"^USER (\d+):(\d+)$", final, re.MULTILINE)
    security = values.dagsterDaemon.podSecurityContext
    assert user == (str(security["runAsUser"]), str(security["runAsGroup"]))
    assert f"DAGSTER_HOME={values.global_.dagsterHome}" in final
    declared = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    extras = set(re.findall(r"--extra (\w+)", text))
    assert extras == {"postgres", "kubernetes"}
    assert extras <= set(declared["optional-dependencies"])
    assert len(re.findall(r"uv sync --locked ", text)) == text.count("uv sync") == 2
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE)
    ignored = (FOLDER / "Dockerfile.dockerignore").read_text().split()
    for name in " ".join(copied).split():
        assert (REPOSITORY / name).exists()
        assert f"!{name}" in ignored


def test_the_number_of_workers_can_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(WORKERS_VARIABLE, raising=False)
    cores = default_workers()
    assert cores >= 1
    monkeypatch.setenv(WORKERS_VARIABLE, "7")
    assert default_workers() == 7
    for wrong in ("0", "65", "two", "1.5", "-1", "²"):
        monkeypatch.setenv(WORKERS_VARIABLE, wrong)
        with pytest.raises(Segment1BError, match=WORKERS_VARIABLE) as caught:
            default_workers()
        assert (caught.value.code, caught.value.value) == ("E_POLICY_INVALID", wrong)
