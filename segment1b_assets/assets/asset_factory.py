"""The seam: from a function of one country to an asset over any number of them.

A state's step makes the partitions of all its countries, then lets the validators judge what it
published. Countries that fail in either are left out of the later states of the same run, and a
last, separate check turns the run red without stopping anybody (docs/architecture.md).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from segment1b_assets.assets.definition_metadata import definition_metadata
from segment1b_assets.assets.map_metadata import map_metadata
from segment1b_assets.assets.parquet_io_manager import CountryStreams, failure
from segment1b_assets.checks.judged_event import with_target_materialization
from segment1b_assets.checks.planned_rules import take_back_announcements
from segment1b_assets.checks.verdict_events import RULES_IN_FULL, judge_countries, rule_specs
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.schemas import TABLES
from segment1b_assets.core.stream import PartitionStream
from segment1b_assets.partitions import backfill_policy
from segment1b_assets.partitions import countries as country_partitions
from segment1b_assets.resources import Segment1B
from segment1b_assets.storage.io_faults import with_retries
from segment1b_assets.storage.memory import release_memory
from segment1b_assets.storage.publish import sweep_staging
from segment1b_assets.storage.publish_partitions import Job
from segment1b_assets.storage.reports import write_failure
from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.storage.run_ledger import RunLedger
from segment1b_assets.validation.world_findings import Judge

#: Dagster runs one partition or one contiguous range. A run over a scattered choice carries the
#: range that spans it and this tag, which names the countries, comma-separated.
ONLY_TAG = "segment1b/countries"
OWNERS = ["team:segment-1b"]


@dataclass(frozen=True)
class PartitionedState:
    """One of S1 to S8.

    Attributes:
        id: "S1" to "S8".
        group: the asset group in the web UI.
        outputs: dataset id -> what makes a country's stream of it; the first is the state's main.
        about: dataset id -> the description that people read.
        deps: asset keys that the state reads.
        follows: ids of the states whose failed countries this one leaves out.
        rules: dataset id -> codes of the rules that the validators judge.
        judge: judges a published country; dataset id -> verdicts.
        preload: properties of the run inputs to read before the workers start.
        cost: how costly a country is.
        before_publish: what must happen right before a country's rename, or None.
        depict: extra metadata of a published partition, in a run over few countries: its map.
        unknown_codes: codes in the inputs that are no countries -> their error, or None.
        prepare: what to do once before the workers start, or None.
        code_version: changes when the published bytes of unchanged inputs would.
        freshness: how old the asset may get, or None.
    """

    id: str
    group: str
    outputs: Mapping[str, Callable[[RunInputs, str], PartitionStream]]
    about: Mapping[str, str]
    deps: Sequence[str]
    follows: Sequence[str]
    rules: Mapping[str, Sequence[str]]
    judge: Judge
    preload: Sequence[str]
    cost: Callable[[RunInputs, str], float]
    before_publish: Callable[[RunInputs, str], None] | None = None
    depict: Callable[[RunInputs, str, str], Mapping[str, Any]] = map_metadata
    unknown_codes: Callable[[RunInputs], Mapping[str, Segment1BError]] | None = None
    prepare: Callable[[RunInputs], None] | None = None
    code_version: str = "1"
    freshness: dg.FreshnessPolicy | None = None

    @property
    def main(self) -> str:
        return next(iter(self.outputs))


def country_assets(state: PartitionedState) -> dg.AssetsDefinition:
    """The asset (two for S1) of a state, with its rules as asset checks."""
    specs = rule_specs(state.id, state.rules)
    outs = {
        dataset: dg.AssetOut(
            key=dataset,
            is_required=False,
            group_name=state.group,
            owners=OWNERS,
            kinds={"parquet", "numpy"},
            tags={"segment1b/state": state.id},
            code_version=state.code_version,
            description=state.about[dataset],
            metadata=definition_metadata(dataset),
            io_manager_key="parquet_by_country",
            freshness_policy=state.freshness,
        )
        for dataset in state.outputs
    }
    partitioned = {dg.AssetKey(d) for d in state.deps if d in TABLES}

    @dg.multi_asset(
        name=f"{state.id.lower()}_{state.main}",
        outs=outs,
        deps=[dg.AssetKey(d) for d in state.deps],
        check_specs=specs,
        can_subset=True,
        partitions_def=country_partitions,
        backfill_policy=backfill_policy(),
    )
    def compute(context: dg.AssetExecutionContext, segment1b: Segment1B) -> Iterator[Any]:
        release_memory()  # what others in this process have freed is not this state's
        inputs = segment1b.open()
        run = context.run.run_id
        ledger = RunLedger(inputs.root, run)
        wanted = countries_of(context)
        datasets = [
            d for d in state.outputs if d in context.op_execution_context.selected_output_names
        ]
        judged = wanted or published_countries(inputs, state.main)
        failed: dict[str, Segment1BError] = {}
        take_back_announcements(context.instance, run, specs)
        if datasets:
            try:
                sweep_staging(inputs.root)
                with_retries("the inputs", lambda: inputs.preload(*state.preload))
                excluded = _excluded(state, ledger, wanted)
                unknown_codes = state.unknown_codes(inputs) if state.unknown_codes else {}
                if state.prepare:
                    state.prepare(inputs)
            except Segment1BError as err:
                for error in [err.with_country(c) for c in wanted] or [err]:
                    write_failure(inputs, state.id, error, run)
                ledger.record(state.id, dict.fromkeys(wanted, err))
                raise failure(state.id, {"every country": err}) from err
            for error in unknown_codes.values():
                write_failure(inputs, state.id, error, run)
                context.log.error(str(error))
            for country, error in excluded.items():
                context.log.warning(f"{country} is left out of {state.id}: {error.code}")
            for dataset in datasets:
                streams = CountryStreams(
                    state=state.id,
                    jobs=[
                        _job(state, inputs, dataset, c)
                        for c in wanted
                        if c not in excluded and c not in failed
                    ],
                    # A country whose tile_index failed has failed in tile_bounds too.
                    excluded={**excluded, **failed},
                    inputs={dg.AssetKey(d): dg.AssetKey(d) in partitioned for d in state.deps},
                    code_version=state.code_version,
                    # Events are paid for by the byte: a run over the world draws no maps.
                    depict=state.depict if len(wanted) <= RULES_IN_FULL else None,
                )
                yield dg.Output(streams, output_name=dataset)
                failed |= streams.failed
            ledger.record(state.id, {**failed, **unknown_codes})
            judged = [c for c in wanted if c not in failed]
            failed |= unknown_codes
        selected = context.op_execution_context.selected_asset_check_keys
        chosen = [s for s in specs if s.key in selected]
        if chosen:
            rejected: dict[str, Segment1BError] = {}
            verdicts = judge_countries(
                inputs, state.judge, judged, failed, chosen, segment1b.threads, rejected
            )
            about = [*judged, *(c for c in failed if c not in judged)]
            yield from with_target_materialization(verdicts, context.instance, about)
            for error in rejected.values():
                write_failure(inputs, state.id, error, run)
            if datasets:
                # A run that only judges has made nothing: `every_country_done` goes by the events.
                ledger.record(state.id, rejected)
            failed |= rejected
            for spec in chosen:
                yield dg.Output(None, output_name=spec.get_python_identifier())
        release_memory()
        if failed and not chosen:
            raise failure(state.main, failed)

    return compute


def countries_of(context: dg.AssetExecutionContext) -> list[str]:
    """The countries that a run is for: its partition or range, less what `ONLY_TAG` leaves out."""
    if not context.run.is_partitioned:
        return []
    only = context.run.tags.get(ONLY_TAG)
    keys = list(context.partition_keys)
    return keys if only is None else [k for k in keys if k in only.split(",")]


def _job(state: PartitionedState, inputs: RunInputs, dataset: str, country: str) -> Job:
    opener = state.outputs[dataset]
    hook = state.before_publish
    return Job(
        dataset=dataset,
        country=country,
        open=lambda: opener(inputs, country),
        cost=_cost(state, inputs, country),
        before_publish=None if hook is None else lambda: hook(inputs, country),
    )


def _cost(state: PartitionedState, inputs: RunInputs, country: str) -> float:
    """How dear a country is; one whose files cannot be read fails on its own, when it is opened."""
    try:
        return state.cost(inputs, country)
    except Segment1BError:
        return 0.0


def _excluded(
    state: PartitionedState, ledger: RunLedger, wanted: Sequence[str]
) -> dict[str, Segment1BError]:
    """Countries that an upstream state of this run failed on, told with the upstream's code."""
    excluded: dict[str, Segment1BError] = {}
    for upstream in state.follows:
        for country, error in ledger.failures(upstream).items():
            if country in wanted:
                excluded.setdefault(country, error)
    return excluded


def published_countries(inputs: RunInputs, dataset: str) -> list[str]:
    """The countries whose partition of a dataset is published, in code order."""
    return [c for c in inputs.iso_names if inputs.is_published(dataset, c)]
