"""What Dagster's Helm chart makes of deploy/kubernetes/values.yaml, as far as it concerns us.

There is no helm here. The keys are those that the chart's own schema has for release 1.13, and the
documents are put together as its templates do; Dagster and Kubernetes' published schemas then judge
them (test_kubernetes.py). Keys that we do not use are not listed, so a misspelt one is refused.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


Mapping = dict[str, Any]


class Image(_Part):
    repository: str
    tag: str
    pullPolicy: Literal["Always", "IfNotPresent", "Never"]  # noqa: N815

    @property
    def name(self) -> str:
        return f"{self.repository}:{self.tag}"


class _Service(_Part):
    """What every long-lived pod has."""

    image: Image
    podSecurityContext: Mapping  # noqa: N815
    securityContext: Mapping  # noqa: N815
    resources: Mapping
    volumes: list[Mapping]
    volumeMounts: list[Mapping]  # noqa: N815


class _Enabled(_Part):
    enabled: bool


class UserDeployment(_Service):
    name: str
    codeServerArgs: list[str]  # noqa: N815
    port: int
    includeConfigInLaunchedRuns: _Enabled  # noqa: N815
    env: list[dict[Literal["name", "value"], str]]


class _UserDeployments(_Part):
    enabled: bool
    deployments: list[UserDeployment]


class _WebService(_Part):
    type: Literal["ClusterIP", "NodePort", "LoadBalancer"]
    port: int


class Webserver(_Service):
    service: _WebService
    readinessProbe: Mapping  # noqa: N815


class _Class(_Part):
    module: str
    class_: str = Field(alias="class")
    config: Mapping


class _CustomCoordinator(_Part):
    customRunCoordinator: _Class  # noqa: N815


class _Coordinator(_Part):
    enabled: bool
    type: Literal["CustomRunCoordinator"]
    config: _CustomCoordinator


class _Monitoring(_Part):
    enabled: bool
    startTimeoutSeconds: int  # noqa: N815
    cancelTimeoutSeconds: int  # noqa: N815
    maxResumeRunAttempts: int  # noqa: N815
    pollIntervalSeconds: int  # noqa: N815


class _Retries(_Part):
    enabled: bool
    maxRetries: int  # noqa: N815
    retryOnAssetOrOpFailure: bool  # noqa: N815


class Daemon(_Service):
    enabled: bool
    runCoordinator: _Coordinator  # noqa: N815
    runMonitoring: _Monitoring  # noqa: N815
    runRetries: _Retries  # noqa: N815


class _RunConfig(_Part):
    podSpecConfig: Mapping  # noqa: N815
    jobSpecConfig: Mapping  # noqa: N815


class RunLauncherConfig(_Part):
    imagePullPolicy: Literal["Always", "IfNotPresent", "Never"]  # noqa: N815
    loadInclusterConfig: bool  # noqa: N815
    envVars: list[str]  # noqa: N815
    volumes: list[Mapping]
    volumeMounts: list[Mapping]  # noqa: N815
    resources: Mapping
    securityContext: Mapping  # noqa: N815
    runK8sConfig: _RunConfig  # noqa: N815


class _Launchers(_Part):
    k8sRunLauncher: RunLauncherConfig  # noqa: N815


class _RunLauncher(_Part):
    type: Literal["K8sRunLauncher"]
    config: _Launchers


class _Port(_Part):
    port: int


class _Postgresql(_Part):
    enabled: Literal[False]
    postgresqlHost: str  # noqa: N815
    postgresqlUsername: str  # noqa: N815
    postgresqlDatabase: str  # noqa: N815
    postgresqlScheme: str  # noqa: N815
    service: _Port


class _Global(_Part):
    dagsterHome: str  # noqa: N815
    postgresqlSecretName: str  # noqa: N815


class _Runs(_Part):
    maxConcurrentRuns: int  # noqa: N815


class _Concurrency(_Part):
    enabled: bool
    runs: _Runs


class _ComputeLogs(_Part):
    type: Literal["NoOpComputeLogManager"]


class ChartValues(_Part):
    """values.yaml; raises pydantic's ValidationError on any key or type that is not the chart's."""

    global_: _Global = Field(alias="global")
    generatePostgresqlPasswordSecret: Literal[False]  # noqa: N815
    postgresql: _Postgresql
    user_deployments: _UserDeployments = Field(alias="dagster-user-deployments")
    runLauncher: _RunLauncher  # noqa: N815
    dagsterWebserver: Webserver  # noqa: N815
    dagsterDaemon: Daemon  # noqa: N815
    computeLogManager: _ComputeLogs  # noqa: N815
    telemetry: _Enabled
    concurrency: _Concurrency
    additionalInstanceConfig: Mapping  # noqa: N815


def dagster_yaml(values: ChartValues) -> dict[str, Any]:
    """The dagster.yaml of every pod."""
    database = {
        "postgres_db": {
            "username": values.postgresql.postgresqlUsername,
            "password": {"env": "DAGSTER_PG_PASSWORD"},
            "hostname": values.postgresql.postgresqlHost,
            "db_name": values.postgresql.postgresqlDatabase,
            "port": values.postgresql.service.port,
            "params": {},
            "scheme": values.postgresql.postgresqlScheme,
        }
    }
    storages = {
        "run_storage": "dagster_postgres.run_storage.PostgresRunStorage",
        "event_log_storage": "dagster_postgres.event_log.PostgresEventLogStorage",
        "schedule_storage": "dagster_postgres.schedule_storage.PostgresScheduleStorage",
    }
    launcher = values.runLauncher.config.k8sRunLauncher
    coordinator = values.dagsterDaemon.runCoordinator.config.customRunCoordinator
    monitoring = values.dagsterDaemon.runMonitoring
    retries = values.dagsterDaemon.runRetries
    return {
        **{
            section: {
                "module": path.rpartition(".")[0],
                "class": path.rpartition(".")[2],
                "config": database,
            }
            for section, path in storages.items()
        },
        "run_launcher": {
            "module": "dagster_k8s",
            "class": "K8sRunLauncher",
            "config": {
                "load_incluster_config": launcher.loadInclusterConfig,
                "job_namespace": "segment1b",
                "image_pull_policy": launcher.imagePullPolicy,
                "service_account_name": "dagster",
                "dagster_home": values.global_.dagsterHome,
                "instance_config_map": "dagster-instance",
                "postgres_password_secret": values.global_.postgresqlSecretName,
                "env_vars": launcher.envVars,
                "volume_mounts": launcher.volumeMounts,
                "volumes": launcher.volumes,
                "resources": launcher.resources,
                "security_context": launcher.securityContext,
                "run_k8s_config": {
                    "pod_spec_config": launcher.runK8sConfig.podSpecConfig,
                    "job_spec_config": launcher.runK8sConfig.jobSpecConfig,
                },
            },
        },
        "run_coordinator": {
            "module": coordinator.module,
            "class": coordinator.class_,
            "config": coordinator.config,
        },
        "compute_logs": {
            "module": "dagster._core.storage.noop_compute_log_manager",
            "class": values.computeLogManager.type,
        },
        "run_monitoring": {
            "enabled": monitoring.enabled,
            "start_timeout_seconds": monitoring.startTimeoutSeconds,
            "cancel_timeout_seconds": monitoring.cancelTimeoutSeconds,
            "max_resume_run_attempts": monitoring.maxResumeRunAttempts,
            "poll_interval_seconds": monitoring.pollIntervalSeconds,
        },
        "run_retries": {
            "enabled": retries.enabled,
            "max_retries": retries.maxRetries,
            "retry_on_asset_or_op_failure": retries.retryOnAssetOrOpFailure,
        },
        "concurrency": {"runs": {"max_concurrent_runs": values.concurrency.runs.maxConcurrentRuns}},
        "telemetry": {"enabled": values.telemetry.enabled},
        **values.additionalInstanceConfig,
    }


def deployments(values: ChartValues) -> dict[str, dict[str, Any]]:
    """The long-lived pods: code server, webserver and daemon, with what values.yaml decides."""
    (code,) = values.user_deployments.deployments
    web, daemon = values.dagsterWebserver, values.dagsterDaemon
    home = values.global_.dagsterHome
    instance = {"name": "dagster-instance", "configMap": {"name": "dagster-instance"}}
    mounted = {"name": "dagster-instance", "mountPath": f"{home}/dagster.yaml"}
    return {
        "code": _deployment(
            code,
            {
                "args": ["dagster", "code-server", "start", *code.codeServerArgs],
                "ports": [{"containerPort": code.port}],
                "env": code.env,
            },
        ),
        "webserver": _deployment(
            web,
            {
                "ports": [{"name": "http", "containerPort": web.service.port}],
                "readinessProbe": web.readinessProbe,
            },
            instance,
            {**mounted, "subPath": "dagster.yaml"},
        ),
        "daemon": _deployment(daemon, {}, instance, {**mounted, "subPath": "dagster.yaml"}),
    }


def _deployment(
    service: _Service,
    container: Mapping,
    volume: Mapping | None = None,
    mount: Mapping | None = None,
) -> dict[str, Any]:
    labels = {"app": "dagster"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "dagster", "labels": labels},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "securityContext": service.podSecurityContext,
                    "volumes": [*([volume] if volume else []), *service.volumes],
                    "containers": [
                        {
                            "name": "dagster",
                            "image": service.image.name,
                            "imagePullPolicy": service.image.pullPolicy,
                            "securityContext": service.securityContext,
                            "resources": service.resources,
                            "volumeMounts": [*([mount] if mount else []), *service.volumeMounts],
                            **container,
                        }
                    ],
                },
            },
        },
    }
