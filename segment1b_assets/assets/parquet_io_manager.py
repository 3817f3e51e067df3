"""The IO manager: publishes countries' partitions as parquet, and reads them for other assets.

One object serves a run over one country and a run over all of them. Where a country fails, the
others go on. Dagster's events name exactly the published countries.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from segment1b_assets.assets.versions import InputVersions, observed_versions, output_metadata
from segment1b_assets.checks.country_verdict import CountryVerdict, judge_country
from segment1b_assets.checks.failure import country_failure, reason_metadata
from segment1b_assets.contracts.countries import COUNTRY_CODES
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.dagster_internals import report_planned
from segment1b_assets.maps.address import map_address
from segment1b_assets.maps.published import MAPPED
from segment1b_assets.resources import Segment1B
from segment1b_assets.run_tags import events_are_deferred
from segment1b_assets.storage.progress import progress
from segment1b_assets.storage.publish_partitions import Done, Failed, Job, publish_partitions
from segment1b_assets.storage.published_table import TABLE_TYPES, published_table
from segment1b_assets.storage.reports import write_failure, write_report
from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.storage.run_ledger import Row, RunLedger

#: Seconds between two lines of progress in the run's log.
LOG_SECONDS = 10.0


@dataclass(frozen=True)
class CountryPartitions:
    """What a state's asset returns for one dataset: the partitions to make.

    Attributes:
        inputs: the run's inputs, opened once by the step.
        state: the state's id.
        jobs: the countries to make.
        excluded: countries that cannot be made, and why.
        upstream: asset key -> whether it is partitioned by country, for provenance.
        code_version: of the asset.
    """

    inputs: RunInputs
    state: str
    jobs: Sequence[Job]
    excluded: Mapping[str, Segment1BError]
    upstream: Mapping[dg.AssetKey, bool]
    code_version: str


@dataclass(frozen=True)
class Judged:
    """A published partition with the validators' findings."""

    done: Done
    verdict: CountryVerdict


class ParquetByCountry(dg.ConfigurableIOManager):
    """Publishes `CountryPartitions`, and loads rows for downstream assets."""

    segment1b: dg.ResourceDependency[Segment1B]

    # Dagster takes a generator, and what it yields, too; its annotation says None.
    def handle_output(  # type: ignore[override]
        self, context: dg.OutputContext, obj: CountryPartitions
    ) -> Iterator[dg.DagsterEvent]:
        step, key = context.step_context, context.asset_key
        dataset, inputs = key.path[-1], obj.inputs
        chosen = [job.country for job in obj.jobs]
        observed = observed_versions(inputs, obj.upstream, chosen)
        versions = InputVersions(step.instance, inputs, obj.upstream, chosen, observed)
        deferred = events_are_deferred(step.dagster_run.tags)
        failed = dict(obj.excluded)
        verdicts: dict[str, dict[str, list[Row]]] = {}
        events: dict[str, dg.AssetMaterialization] = {}
        last_line = time.monotonic()

        def judged(done: Done) -> Judged:
            write_report(inputs, obj.state, done.country, dataset, done.output)
            return Judged(done, judge_country(inputs, dataset, done.country))

        with progress.state(obj.state, dataset, len(obj.jobs)) as meter:
            for outcome in publish_partitions(inputs, obj.jobs, self.segment1b.threads, judged):
                country = outcome.country if isinstance(outcome, Failed) else outcome.done.country
                if isinstance(outcome, Judged):
                    event = self._event(inputs, key, outcome.done, obj.code_version, versions)
                    events[country] = event
                    verdicts[country] = outcome.verdict.rows
                    if deferred:
                        # Emitted immediately: however the run ends, this country is done.
                        yield dg.DagsterEvent.asset_materialization(step, event)
                    meter.done(country, outcome.done.output)
                    error = outcome.verdict.rejected
                else:
                    error = outcome.error
                    meter.failed(country, error.code)
                if error is not None:
                    failed[country] = error
                    write_failure(inputs, obj.state, error, step.run_id)
                    context.log.error(str(error))
                    # On the country's page, beside its materialisations.
                    reason = dg.AssetObservation(
                        key, partition=country, metadata=reason_metadata(error)
                    )
                    yield dg.DagsterEvent.asset_observation(step, reason)
                if time.monotonic() - last_line > LOG_SECONDS:
                    last_line = time.monotonic()
                    context.log.info(f"{dataset}: {len(events)} of {len(obj.jobs)} countries")
        context.log.info(f"{obj.state} {dataset}: {len(events)} of {len(obj.jobs)} published")
        RunLedger(inputs.root, step.run_id).record(obj.state, failed, dataset, verdicts)
        for country in sorted(set(failed) & set(COUNTRY_CODES) - set(events)):
            report_planned(step.instance, step.dagster_run, step.step.key, key, country)
        if deferred:
            return
        if set(failed) - set(events):
            for _, event in sorted(events.items()):
                yield dg.DagsterEvent.asset_materialization(step, event)
            raise country_failure(dataset, failed)
        self._annotate(step, key, events)

    def load_input(self, context: dg.InputContext) -> Any:
        """The rows of a downstream asset's countries, in the type of its annotation.

        Annotations: `pl.LazyFrame` (also where there is none), `pl.DataFrame`, `pa.Table`,
        `pyarrow.dataset.Dataset`. Rows come country by country, each in its dataset's order.

        Raises:
            Segment1BError: E_INPUT_MISSING for a country that is missing or stale.
            dg.DagsterInvariantViolationError: another annotation.
        """
        wanted = context.dagster_type.typing_type
        if wanted not in TABLE_TYPES and wanted is not Any:
            names = ", ".join(f"{t.__module__}.{t.__qualname__}" for t in TABLE_TYPES)
            raise dg.DagsterInvariantViolationError(
                f"{context.asset_key.path[-1]} cannot be loaded as {wanted}: annotate the input as "
                f"one of {names}"
            )
        inputs = self.segment1b.open()
        chosen = [c for c in context.asset_partition_keys if c in inputs.iso_names]
        return published_table(inputs, context.asset_key.path[-1], chosen, wanted)

    @staticmethod
    def _event(
        inputs: RunInputs,
        key: dg.AssetKey,
        done: Done,
        code_version: str,
        versions: InputVersions,
    ) -> dg.AssetMaterialization:
        shown = output_metadata(done.output, inputs.root.relative(done.published.path))
        dataset, country = key.path[-1], done.country
        if dataset in MAPPED and done.output["rows_emitted"]:
            # 300 bytes of link and no picture: `automation.compute_logs` draws it when the page
            # first shows it. Where the webserver draws no maps, the page shows the command.
            command = f"segment1b map --country {country} --dataset {dataset} --out {country}.png"
            link = map_address(dataset, country, done.output["receipt"])
            shown = {"map": dg.MetadataValue.md(f"![{command}]({link})"), **shown}
        return dg.AssetMaterialization(
            asset_key=key,
            partition=country,
            metadata=shown,
            tags=versions.tags(country, done.output["data_version"], code_version),
        )

    @staticmethod
    def _annotate(
        step: Any, key: dg.AssetKey, events: Mapping[str, dg.AssetMaterialization]
    ) -> None:
        """Add our events' metadata to Dagster's own events, in a run that emits those."""
        for country, event in events.items():
            step.add_asset_metadata(event.metadata, asset_key=key, partition_key=country)
        if len(events) == 1:
            (event,) = events.values()
            version = (event.tags or {})["dagster/data_version"]
            step.set_data_version(key, dg.DataVersion(version))
