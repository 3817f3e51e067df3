"""The checks of a state's datasets: `valid` and `plausible`, each with a verdict a country.

Contract §6. A run that makes partitions has judged them as they were published; its verdicts are in
the run ledger and are recorded here. Countries that this run did not make are judged here. The
check step comes after the state's step and nothing depends on it, so it can turn the run red
without stopping a later state.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from segment1b_assets.checks.failure import country_failure
from segment1b_assets.checks.judged_materialization import latest_materializations
from segment1b_assets.checks.verdict_table import verdict_metadata
from segment1b_assets.contracts.countries import COUNTRY_CODES
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.states import State
from segment1b_assets.dagster_internals import accept_preview_apis
from segment1b_assets.partitions import countries
from segment1b_assets.resources import Segment1B
from segment1b_assets.run_tags import countries_of
from segment1b_assets.storage.reports import record_broken, write_failure
from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.storage.run_ledger import Row, RunLedger
from segment1b_assets.storage.workers import run_concurrently
from segment1b_assets.validation.judge import RULES, judge_dataset, rejection
from segment1b_assets.validation.plausible import plausible_dataset
from segment1b_assets.validation.verdict import Verdict

VALID, PLAUSIBLE = "valid", "plausible"
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
            judged = _verdicts(state, inputs, ledger, dataset, chosen, failed, segment1b.threads)
            for country, rows in judged.items():
                if country in failed:
                    continue
                verdicts = [Verdict.from_row(row) for row in rows[VALID]]
                record_broken(
                    inputs,
                    state.id,
                    country,
                    dataset,
                    [v.code for v in verdicts if v.result == "broken"],
                )
                if (error := rejection(inputs, dataset, country, verdicts)) is not None:
                    failed[country] = error
                    write_failure(inputs, state.id, error, run)
            targets = latest_materializations(context.instance, dg.AssetKey(dataset), list(judged))
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


def _verdicts(
    state: State,
    inputs: RunInputs,
    ledger: RunLedger,
    dataset: str,
    chosen: Sequence[str],
    failed: dict[str, Segment1BError],
    workers: int,
) -> Rows:
    """Country -> check -> rows: of this run where it made the country, else judged now."""
    found = ledger.verdicts(state.id, dataset)
    for country, error in failed.items():
        if country in COUNTRY_CODES and country not in found:
            row = Verdict(error.code, False, error.detail, where=error.file or "").as_row()
            found[country] = {VALID: [row], PLAUSIBLE: [row]}
    wanted = chosen or [c for c in inputs.iso_names if inputs.is_published(dataset, c)]
    rest = [c for c in wanted if c not in found]

    def one(country: str) -> tuple[str, dict[str, list[Row]]]:
        return country, {
            VALID: [v.as_row() for v in judge_dataset(inputs, dataset, country)],
            PLAUSIBLE: [v.as_row() for v in plausible_dataset(inputs, dataset, country)],
        }

    return {**found, **dict(run_concurrently(one, rest, workers))}


def _evaluations(
    spec: dg.AssetCheckSpec, judged: Rows, targets: dict[str, Any]
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
