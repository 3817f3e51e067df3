"""From a function of one country to a Dagster asset over any number of countries.

The asset's step lists the partitions to make. The IO manager makes them and has them checked.
Countries that fail in either are left out of the later states of the same run, and the state's
check step turns the run red without stopping another state (docs/architecture.md).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from segment1b_assets.assets.definition_metadata import definition_metadata
from segment1b_assets.assets.parquet_io_manager import CountryPartitions
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.states import STATE_OF, STATES, State
from segment1b_assets.core.stream import PartitionStream
from segment1b_assets.partitions import backfill_policy, countries
from segment1b_assets.resources import Segment1B
from segment1b_assets.run_tags import countries_of
from segment1b_assets.storage.input_versions import POLYGONS
from segment1b_assets.storage.io_faults import with_retries
from segment1b_assets.storage.memory import release_memory
from segment1b_assets.storage.publish_partitions import Job
from segment1b_assets.storage.reports import write_failure
from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.storage.run_ledger import RunLedger
from segment1b_assets.storage.sidecars import sidecar_names

OWNERS = ["team:segment-1b"]


@dataclass(frozen=True)
class PartitionedState:
    """One of S1 to S8.

    Attributes:
        id: "S1" to "S8".
        group: the asset group in the web UI.
        streams: dataset id -> what makes a country's rows of it.
        about: dataset id -> the description that people read.
        deps: asset keys that the state reads.
        preload: properties of the run inputs to read before the workers start.
        cost: any measure of a country's work; the largest starts first.
        before_publish: what must happen right before a country's rename, or None.
        unknown_codes: codes in the inputs that are not countries -> their error, or None.
        prepare: what to do once before the workers start, or None.
        code_version: changes when the published bytes of the same inputs change.
        freshness: how old the asset may get, or None.
    """

    id: str
    group: str
    streams: Mapping[str, Callable[[RunInputs, str], PartitionStream]]
    about: Mapping[str, str]
    deps: Sequence[str]
    preload: Sequence[str]
    cost: Callable[[RunInputs, str], float]
    before_publish: Callable[[RunInputs, str], None] | None = None
    unknown_codes: Callable[[RunInputs], Mapping[str, Segment1BError]] | None = None
    prepare: Callable[[RunInputs], None] | None = None
    code_version: str = "1"
    freshness: dg.FreshnessPolicy | None = None

    @property
    def state(self) -> State:
        return STATES[self.id]


def country_assets(state: PartitionedState) -> dg.AssetsDefinition:
    """The asset (two for S1) of a state."""
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
        for dataset in state.streams
    }
    upstream = {dg.AssetKey(d): _is_partitioned(d) for d in state.deps}

    @dg.multi_asset(
        name=f"{state.id.lower()}_{state.state.main}",
        outs=outs,
        deps=list(upstream),
        can_subset=True,
        partitions_def=countries,
        backfill_policy=backfill_policy(),
    )
    def make(
        context: dg.AssetExecutionContext, segment1b: Segment1B
    ) -> Iterator[dg.Output[CountryPartitions]]:
        release_memory()  # memory of earlier states in this process
        inputs = segment1b.open()
        ledger = RunLedger(inputs.root, context.run.run_id)
        chosen = countries_of(context.run.tags)
        failed = _prepare(state, inputs, ledger, chosen, context)
        for dataset in state.streams:
            if dataset not in context.op_execution_context.selected_output_names:
                continue
            # A country whose tile_index failed has failed in tile_bounds too.
            excluded = {**failed, **ledger.failures(state.id)}
            jobs = [_job(state, inputs, dataset, c) for c in chosen if c not in excluded]
            partitions = CountryPartitions(
                inputs=inputs,
                state=state.id,
                jobs=jobs,
                excluded=excluded,
                upstream=upstream,
                code_version=state.code_version,
            )
            yield dg.Output(partitions, output_name=dataset)
        release_memory()

    return make


def _is_partitioned(asset: str) -> bool:
    if asset == POLYGONS:
        return True
    state = STATE_OF.get(asset)
    return state is not None and STATES[state].by_country


def _prepare(
    state: PartitionedState,
    inputs: RunInputs,
    ledger: RunLedger,
    chosen: Sequence[str],
    context: dg.AssetExecutionContext,
) -> dict[str, Segment1BError]:
    """Read the shared inputs; returns the countries that cannot be made, and why.

    An input that cannot be read fails every country of the run, and is in each verdict.
    """
    run = context.run.run_id
    try:
        inputs.root.sweep_staging()
        with_retries("the inputs", lambda: inputs.preload(*state.preload))
        unknown = state.unknown_codes(inputs) if state.unknown_codes else {}
        if state.prepare:
            state.prepare(inputs)
    except Segment1BError as err:
        failed = {country: err.with_country(country) for country in chosen}
        for error in failed.values() or [err]:
            write_failure(inputs, state.id, error, run)
        context.log.error(str(err))
        ledger.record(state.id, failed)
        return failed
    for error in unknown.values():
        write_failure(inputs, state.id, error, run)
        context.log.error(str(error))
    if state.id in ("S1", "S2") and (names := sidecar_names(inputs)):
        context.log.warning(f"beside the raster, and ignored: {', '.join(names)}")
    excluded: dict[str, Segment1BError] = {}
    for upstream in state.state.reads:
        for country, error in ledger.failures(upstream).items():
            if country in chosen:
                excluded.setdefault(country, error)
    if excluded:
        shown = ", ".join(f"{c} ({e.code})" for c, e in sorted(excluded.items())[:5])
        more = f" and {len(excluded) - 5} more" if len(excluded) > 5 else ""
        context.log.warning(f"left out of {state.id}, failed before: {shown}{more}")
    ledger.record(state.id, {**excluded, **unknown})
    return excluded


def _job(state: PartitionedState, inputs: RunInputs, dataset: str, country: str) -> Job:
    make = state.streams[dataset]
    hook = state.before_publish
    return Job(
        dataset=dataset,
        country=country,
        open=lambda: make(inputs, country),
        cost=_cost(state, inputs, country),
        before_publish=None if hook is None else lambda: hook(inputs, country),
    )


def _cost(state: PartitionedState, inputs: RunInputs, country: str) -> float:
    """A country's cost; 0 where its files cannot be read: it then fails when it is opened."""
    try:
        return state.cost(inputs, country)
    except Segment1BError:
        return 0.0
