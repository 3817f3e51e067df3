"""From verdicts to Dagster's asset check evaluations.

An event costs about as much as judging a small country. So a run over a few countries records
every rule of every country, and a run over many records for each country one evaluation of the
state's summary (``all_rules``), every rule that a country breaks, and for each rule one line about
the whole run.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import dagster as dg
from polars.exceptions import PanicException

from segment1b_assets.contracts.error_codes import ERROR_CODES
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.dagster_previews import accept_preview_apis
from segment1b_assets.partitions import COUNTRY_CODES
from segment1b_assets.partitions import countries as country_partitions
from segment1b_assets.storage.io_faults import with_retries
from segment1b_assets.storage.profiling import profiling
from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.storage.workers import run_concurrently
from segment1b_assets.validation.verdict import Verdict

#: Up to this many countries a run records every rule of every country.
RULES_IN_FULL = 10
SUMMARY = "all_rules"
#: Of how many countries that break a rule the line about the whole run tells what is wrong.
NAMED_IN_FULL = 20
#: Key of verdicts that concern every dataset of the state.
EVERY_DATASET = "*"

_WHERE_TOLD = (
    f"A run over more than {RULES_IN_FULL} countries records here the countries that break it, and "
    f"one line about the run; every country's verdict is under {SUMMARY}."
)

Verdicts = Mapping[str, Sequence[Verdict]]


def rule_specs(state: str, rules: Mapping[str, Sequence[str]]) -> list[dg.AssetCheckSpec]:
    """A check for every rule, named after it, and one summary for each dataset."""
    specs = []
    with accept_preview_apis():
        for dataset, codes in rules.items():
            specs.append(
                dg.AssetCheckSpec(
                    SUMMARY,
                    asset=dataset,
                    description=f"Every rule of {state} on this country's {dataset}; names those "
                    "that it breaks, why, and what to do.",
                    partitions_def=country_partitions,
                )
            )
            specs += [
                dg.AssetCheckSpec(
                    code,
                    asset=dataset,
                    description=f"Fails where {ERROR_CODES[code].meaning}. {_WHERE_TOLD}",
                    partitions_def=country_partitions,
                )
                for code in codes
            ]
    return specs


def judge_countries(
    inputs: RunInputs,
    judge: Callable[[RunInputs, str], Verdicts],
    countries: Sequence[str],
    failed: Mapping[str, Segment1BError],
    specs: Sequence[dg.AssetCheckSpec],
    workers: int,
    rejected: dict[str, Segment1BError],
) -> Iterator[dg.AssetCheckEvaluation]:
    """Judge the countries side by side and yield what Dagster should record.

    Args:
        failed: countries that were not made: the rule that stopped them is recorded as broken.
        rejected: filled with the countries whose published partition breaks a rule, and which.
    """

    def one(country: str) -> tuple[str, Verdicts]:
        return country, judge_safely(inputs, judge, country)

    by_country = dict(run_concurrently(one, list(countries), workers))
    in_full = len(by_country) + len(failed) <= RULES_IN_FULL
    for spec in specs:
        dataset = spec.asset_key.path[-1]
        for country in sorted(by_country):
            verdicts = _of(by_country[country], dataset)
            broken = [v for v in verdicts if not v.passed]
            if broken and country not in rejected:
                worst = broken[0]
                rejected[country] = Segment1BError(
                    worst.code,
                    worst.detail,
                    country=country,
                    file=inputs.path(dataset, country),
                    next_step=mend(worst.code, dataset, country),
                )
            if spec.name == SUMMARY:
                yield _summary(spec, country, verdicts, broken)
                continue
            for verdict in verdicts:
                if verdict.code == spec.name and (in_full or not verdict.passed):
                    yield _rule(spec, country, verdict)
        for country, error in sorted(failed.items()):
            if country not in COUNTRY_CODES:
                continue
            told = Verdict(error.code, False, error.detail)
            if spec.name == SUMMARY:
                yield _summary(spec, country, [told], [told])
            elif error.code == spec.name:
                yield _rule(spec, country, told)
        if spec.name != SUMMARY and not in_full:
            yield _whole_run(spec, dataset, by_country, failed)


def _of(verdicts: Verdicts, dataset: str) -> Sequence[Verdict]:
    return [*verdicts.get(dataset, ()), *verdicts.get(EVERY_DATASET, ())]


def judge_safely(
    inputs: RunInputs, judge: Callable[[RunInputs, str], Verdicts], country: str
) -> Verdicts:
    """A partition so broken that it cannot be judged has broken the rule that the error names."""
    try:
        with profiling.measure(f"judge {judge.__module__.rsplit('.', 1)[-1]}", country):
            return with_retries(f"what judges {country} reads", lambda: judge(inputs, country))
    except Segment1BError as err:
        verdict = Verdict(err.code, False, err.detail, {"file": err.file or ""})
        return {EVERY_DATASET: [verdict]}
    # A fault of a validator's is told as one, and stops nobody else. A panic of Polars' is no
    # Exception to Python.
    except (Exception, PanicException) as err:
        where = traceback.extract_tb(err.__traceback__)[-1]
        detail = f"judging failed: {type(err).__name__}: {err} ({where.filename}:{where.lineno})"
        return {EVERY_DATASET: [Verdict("E_UNEXPECTED", False, detail)]}


def mend(code: str, dataset: str, country: str) -> str:
    """What to do about a published partition that breaks a rule."""
    own = ERROR_CODES[code].next_step
    if "segment1b retire" not in own:
        return own
    return (
        f'segment1b retire --dataset {dataset} --country {country} --why "{code}", then '
        f"materialise {country} again from there on"
    )


def _summary(
    spec: dg.AssetCheckSpec, country: str, verdicts: Sequence[Verdict], broken: Sequence[Verdict]
) -> dg.AssetCheckEvaluation:
    metadata: dict[str, object] = {"rules": ", ".join(v.code for v in verdicts)}
    metadata |= {v.code: v.detail for v in broken}
    if broken:
        metadata["next_step"] = mend(broken[0].code, spec.asset_key.path[-1], country)
    return _evaluation(spec, country, bool(verdicts) and not broken, metadata)


def _rule(spec: dg.AssetCheckSpec, country: str, verdict: Verdict) -> dg.AssetCheckEvaluation:
    metadata: dict[str, object] = dict(verdict.facts)
    if verdict.detail:
        metadata["detail"] = verdict.detail
        metadata["next_step"] = mend(verdict.code, spec.asset_key.path[-1], country)
    return _evaluation(spec, country, verdict.passed, metadata)


def _whole_run(
    spec: dg.AssetCheckSpec,
    dataset: str,
    by_country: Mapping[str, Verdicts],
    failed: Mapping[str, Segment1BError],
) -> dg.AssetCheckEvaluation:
    broken = {
        country: v.detail
        for country, verdicts in by_country.items()
        for v in _of(verdicts, dataset)
        if v.code == spec.name and not v.passed
    } | {country: error.detail for country, error in failed.items() if error.code == spec.name}
    metadata: dict[str, object] = {"countries_judged": len(by_country)}
    if broken:
        first = min(broken)
        metadata["countries_that_break_it"] = ", ".join(sorted(broken))
        metadata |= {c: broken[c] for c in sorted(broken)[:NAMED_IN_FULL]}
        metadata["next_step"] = mend(spec.name, dataset, first)
    return _evaluation(spec, None, not broken, metadata)


def _evaluation(
    spec: dg.AssetCheckSpec, country: str | None, passed: bool, metadata: Mapping[str, object]
) -> dg.AssetCheckEvaluation:
    return dg.AssetCheckEvaluation(
        asset_key=spec.asset_key,
        check_name=spec.name,
        passed=passed,
        metadata={k: _value(v) for k, v in metadata.items()},
        severity=dg.AssetCheckSeverity.ERROR,
        partition=country,
    )


def _value(value: object) -> dg.MetadataValue[Any]:
    if isinstance(value, bool):
        return dg.MetadataValue.bool(value)
    # Numbers as text: the web UI would plot them over time, one country after the other.
    return dg.MetadataValue.text(str(value))
