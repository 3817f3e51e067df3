"""The IO manager: drains countries' streams into published parquet, and says what was published.

One object serves a run over one country and a run over all of them. Where a country fails, the
others go on; the events that Dagster gets name exactly the countries that were published.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import dagster as dg
from dagster._core.events import AssetMaterializationPlannedData, DagsterEvent
from dagster._core.storage.dagster_run import assets_are_externally_managed

from segment1b_assets.assets.references import INPUT_DATASETS
from segment1b_assets.assets.versions import InputVersions, metadata_of
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.partitions import COUNTRY_CODES
from segment1b_assets.resources import Segment1B
from segment1b_assets.storage.input_versions import input_version
from segment1b_assets.storage.progress import progress
from segment1b_assets.storage.publish_partitions import Done, Failed, Job, publish_partitions
from segment1b_assets.storage.reports import write_failure, write_report
from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.storage.run_ledger import RunLedger

#: Seconds between two lines of progress in the run's log.
LOG_SECONDS = 10.0


@dataclass
class CountryStreams:
    """What a state's asset returns for one dataset: how to make each country's partition.

    Attributes:
        state: the state's id.
        jobs: the countries to make.
        excluded: countries that cannot be made, and why (an upstream's failure).
        inputs: asset key -> partitioned by country, for provenance.
        code_version: of the asset.
        depict: makes extra metadata (such as a map) of a published partition, or None.
        failed: filled by the IO manager: the countries that were not made, and why.
    """

    state: str
    jobs: list[Job]
    excluded: Mapping[str, Segment1BError]
    inputs: Mapping[dg.AssetKey, bool]
    code_version: str
    depict: Callable[[RunInputs, str, str], Mapping[str, Any]] | None = None
    failed: dict[str, Segment1BError] = field(default_factory=dict)
    published: list[str] = field(default_factory=list)


class ParquetByCountry(dg.ConfigurableIOManager):
    """Publishes ``CountryStreams``; hands downstream nothing, for readers go to the data root."""

    segment1b: dg.ResourceDependency[Segment1B]

    # Dagster takes a generator, and what it yields, too; its annotation says None.
    def handle_output(  # type: ignore[override]
        self, context: dg.OutputContext, obj: CountryStreams
    ) -> Iterator[DagsterEvent]:
        inputs = self.segment1b.open()
        step = context.step_context
        ledger = RunLedger(inputs.root, step.run_id)
        observed = {
            key: version
            for key in obj.inputs
            if (dataset := INPUT_DATASETS.get(key)) and (version := input_version(inputs, dataset))
        }
        countries = [job.country for job in obj.jobs]
        versions = InputVersions(step.instance, obj.inputs, countries, observed)
        deferred = assets_are_externally_managed(step.dagster_run)
        key = context.asset_key
        dataset = key.path[-1]
        obj.failed.update(obj.excluded)
        done: list[Done] = []
        events: dict[str, dg.AssetMaterialization] = {}
        last_line = time.monotonic()
        with progress.state(obj.state, dataset, len(obj.jobs)) as meter:
            jobs = [_reporting(inputs, obj.state, job) for job in obj.jobs]
            for outcome in publish_partitions(inputs, jobs, self.segment1b.threads):
                if isinstance(outcome, Failed):
                    obj.failed[outcome.country] = outcome.error
                    write_failure(inputs, obj.state, outcome.error, step.run_id)
                    context.log.error(str(outcome.error))
                    meter.failed(outcome.country, outcome.error.code)
                    continue
                done.append(outcome)
                event = self._event(inputs, key, outcome, obj, versions)
                events[outcome.country] = event
                if deferred:
                    # Told at once: whatever befalls the run later, this country is done.
                    yield DagsterEvent.asset_materialization(step, event)
                meter.done(outcome.country, outcome.output)
                if time.monotonic() - last_line > LOG_SECONDS:
                    last_line = time.monotonic()
                    context.log.info(f"{dataset}: {len(done)} of {len(obj.jobs)} countries")
        ledger.record(obj.state, obj.failed)
        _mark_failed(step, key, obj.failed)
        obj.published.extend(sorted(d.country for d in done))
        if deferred:
            return
        if obj.failed:
            for country in obj.published:
                yield DagsterEvent.asset_materialization(step, events[country])
            raise failure(dataset, obj.failed)
        self._annotate(step, key, events)

    def load_input(self, context: dg.InputContext) -> None:
        return None

    @staticmethod
    def _event(
        inputs: RunInputs,
        key: dg.AssetKey,
        done: Done,
        obj: CountryStreams,
        versions: InputVersions,
    ) -> dg.AssetMaterialization:
        extra = obj.depict(inputs, key.path[-1], done.country) if obj.depict else {}
        return dg.AssetMaterialization(
            asset_key=key,
            partition=done.country,
            metadata={
                **extra,
                **metadata_of(done.output, inputs.root.relative(done.published.path)),
            },
            tags=versions.tags(done.country, done.output["data_version"], obj.code_version),
        )

    @staticmethod
    def _annotate(
        step: Any, key: dg.AssetKey, events: Mapping[str, dg.AssetMaterialization]
    ) -> None:
        """Let Dagster's own events, in a run that emits them, tell what ours would have told."""
        for country, event in events.items():
            step.add_asset_metadata(event.metadata, asset_key=key, partition_key=country)
        if len(events) == 1:
            (event,) = events.values()
            version = (event.tags or {})["dagster/data_version"]
            step.set_data_version(key, dg.DataVersion(version))


def _reporting(inputs: RunInputs, state: str, job: Job) -> Job:
    """The same job, which writes its run report as soon as it is published."""
    return replace(
        job,
        on_published=lambda output: write_report(inputs, state, job.country, job.dataset, output),
    )


def _mark_failed(step: Any, key: dg.AssetKey, failed: Mapping[str, Segment1BError]) -> None:
    """Have Dagster's partition status say that exactly these countries failed.

    Its status reads: planned in a run that failed, and not materialised since. So the countries
    that failed, and only they, are planned; the run's last check makes it fail.
    """
    for country in sorted(set(failed) & set(COUNTRY_CODES)):
        step.instance.report_dagster_event(
            DagsterEvent.build_asset_materialization_planned_event(
                step.job_name, step.step.key, AssetMaterializationPlannedData(key, country, None)
            ),
            step.run_id,
        )


def failure(dataset: str, failed: Mapping[str, Segment1BError]) -> dg.Failure:
    """The Dagster failure that names every country that failed, and why."""
    lines = [str(failed[c]) for c in sorted(failed)]
    shown = "\n".join(lines[:20]) + (f"\n… and {len(lines) - 20} more" if len(lines) > 20 else "")
    return dg.Failure(
        description=f"{dataset}: {_counted(failed)} failed\n{shown}",
        metadata={
            "countries": ", ".join(sorted(failed)),
            "codes": ", ".join(sorted({e.code for e in failed.values()})),
        },
        allow_retries=False,
    )


def _counted(failed: Mapping[str, Segment1BError]) -> str:
    """How many countries; the keys of what has no countries are no codes."""
    if not set(failed) <= set(COUNTRY_CODES):
        return ", ".join(sorted(failed))
    return "1 country" if len(failed) == 1 else f"{len(failed)} countries"
