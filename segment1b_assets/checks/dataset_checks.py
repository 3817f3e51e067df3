"""The checks of a state's datasets: `valid` and `plausible`, each with a verdict a country.

Contract §6. A run that makes partitions has judged them as they were published; its verdicts are in
the run ledger and are recorded here. Countries that this run did not make are judged here. The
check step comes after the state's step and nothing depends on it, so it can turn the run red
without stopping a later state.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from segment1b_assets.checks.country_verdict import (
    PLAUSIBLE,
    VALID,
    CountryVerdict,
    judge_country,
)
from segment1b_assets.checks.failure import country_failure
from segment1b_assets.checks.verdict_table import verdict_metadata
from segment1b_assets.contracts.countries import COUNTRY_CODES
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.states import State
from segment1b_assets.dagster_internals import TargetMaterialization, accept_preview_apis
from segment1b_assets.partitions import countries, latest_materializations
from segment1b_assets.resources import Segment1B
from segment1b_assets.run_tags import countries_of
from segment1b_assets.storage.reports import write_failure
from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.storage.run_ledger import Row, RunLedger
from segment1b_assets.storage.workers import run_concurrently
from segment1b_assets.validation.judge import RULES
from segment1b_assets.validation.verdict import Verdict

Rows = dict[str, dict[str, list[Row]]]


def dataset_checks(state: State) -> dg.AssetChecksDefinition:
    """The check step of a state: two checks for each of its datasets."""
    specs = [spec for dataset in state.datasets for spec in _specs(dataset)]

    @dg.multi_asset_check(name=f"{state.id.lower()}_checks", specs=specs, can_subset=True)
    def judge(context: dg.AssetCheckExecutionContext, segment1b: Segment1B) -> Iterator[Any]:
        inputs = segment1b.open()
        run = context.run.run_id
        ledger = RunLedger(inputs.root, run)
        chosen = countries_of(context.run.tags)
        failed = ledger.failures(state.id)
        selected = context.op_execution_context.selected_asset_check_keys
        for dataset in state.datasets:
            if not any(key.asset_key == dg.AssetKey(dataset) for key in selected):
                continue
            # Of this run, where it made the country: it has judged it, and failed what it rejected.
            judged = _recorded(ledger.verdicts(state.id, dataset), failed)
            rest = _unjudged(inputs, dataset, chosen, judged)
            for country, verdict in _judge(inputs, dataset, rest, segment1b.threads):
                judged[country] = verdict.rows
                if verdict.rejected is not None:
                    failed[country] = verdict.rejected
                    write_failure(inputs, state.id, verdict.rejected, run)
            targets = _targets(context.instance, dataset, list(judged))
            for spec in specs:
                if spec.asset_key == dg.AssetKey(dataset) and spec.key in selected:
                    yield from _evaluations(spec, judged, targets)
                    yield dg.Output(None, output_name=spec.get_python_identifier())
        if failed:
            raise country_failure(state.main, failed)

    return judge


def _specs(dataset: str) -> list[dg.AssetCheckSpec]:
    with accept_preview_apis():
        return [
            dg.AssetCheckSpec(
                VALID,
                asset=dataset,
                description=f"Every rule of {dataset}: {', '.join(RULES[dataset])}. "
                "A country that breaks one is left out of the later states of its run.",
                partitions_def=countries,
            ),
            dg.AssetCheckSpec(
                PLAUSIBLE,
                asset=dataset,
                description="What is lawful and odd: have a look. Stops nothing.",
                partitions_def=countries,
            ),
        ]


def _recorded(found: Rows, failed: dict[str, Segment1BError]) -> Rows:
    """This run's verdicts; a country that was not made has the reason as its verdict."""
    rows = dict(found)
    for country, error in failed.items():
        if country in COUNTRY_CODES and country not in rows:
            row = Verdict.of_error(error).as_row()
            rows[country] = {VALID: [row], PLAUSIBLE: [row]}
    return rows


def _unjudged(inputs: RunInputs, dataset: str, chosen: Sequence[str], judged: Rows) -> list[str]:
    """The countries of the run, or all with files where it names none, without a verdict."""
    wanted = chosen or [c for c in inputs.iso_names if inputs.has_files(dataset, c)]
    return [c for c in wanted if c not in judged]


def _judge(
    inputs: RunInputs, dataset: str, chosen: Sequence[str], workers: int
) -> Iterator[tuple[str, CountryVerdict]]:
    def one(country: str) -> tuple[str, CountryVerdict]:
        return country, judge_country(inputs, dataset, country)

    yield from run_concurrently(one, chosen, workers)


def _targets(
    instance: dg.DagsterInstance, dataset: str, judged: Sequence[str]
) -> dict[str, TargetMaterialization]:
    """Country -> the materialisation that its verdict is about.

    Dagster counts a verdict as current only while it names the country's latest materialisation;
    without that name the check's page calls every country missing.
    """
    latest = latest_materializations(instance, dg.AssetKey(dataset), judged)
    return {
        country: TargetMaterialization(
            storage_id=record.storage_id, run_id=record.run_id, timestamp=record.timestamp
        )
        for country, record in latest.items()
    }


def _evaluations(
    spec: dg.AssetCheckSpec, judged: Rows, targets: dict[str, TargetMaterialization]
) -> Iterator[dg.AssetCheckEvaluation]:
    """One evaluation a country. The check's page shows the last one, so broken ones come last."""
    dataset = spec.asset_key.path[-1]
    severity = dg.AssetCheckSeverity.ERROR if spec.name == VALID else dg.AssetCheckSeverity.WARN

    def passed(country: str) -> bool:
        return all(row["passed"] for row in judged[country][spec.name])

    for country in sorted(judged, key=lambda c: (not passed(c), c)):
        yield dg.AssetCheckEvaluation(
            asset_key=spec.asset_key,
            check_name=spec.name,
            passed=passed(country),
            metadata=verdict_metadata(judged[country][spec.name], dataset, country),
            target_materialization_data=targets.get(country),
            severity=severity,
            partition=country,
        )
