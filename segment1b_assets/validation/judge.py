"""The door to the validators: every rule of one dataset, for one country (contract §6)."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from polars.exceptions import PanicException

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.storage.io_faults import with_retries
from segment1b_assets.storage.profiling import profiling
from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.validation.judges import (
    s1_tile_bounds,
    s1_tile_index,
    s2_tile_weights,
    s3_requirements,
    s4_alloc_plan,
    s5_assignment,
    s6_jitter,
    s7_synthesis,
    s8_site_locations,
)
from segment1b_assets.validation.verdict import Verdict

#: Dataset id -> its judge. A judge raises `Segment1BError` where it cannot go on.
JUDGES: Final[dict[str, Callable[[RunInputs, str], list[Verdict]]]] = {
    "tile_index": s1_tile_index.judge,
    "tile_bounds": s1_tile_bounds.judge,
    "tile_weights": s2_tile_weights.judge,
    "s3_requirements": s3_requirements.judge,
    "s4_alloc_plan": s4_alloc_plan.judge,
    "s5_site_tile_assignment": s5_assignment.judge,
    "s6_site_jitter": s6_jitter.judge,
    "s7_site_synthesis": s7_synthesis.judge,
    "site_locations": s8_site_locations.judge,
}

#: Dataset id -> the codes of its rules, in the order in which verdicts come.
RULES: Final[dict[str, tuple[str, ...]]] = {
    "tile_index": s1_tile_index.RULES,
    "tile_bounds": s1_tile_bounds.RULES,
    "tile_weights": s2_tile_weights.RULES,
    "s3_requirements": s3_requirements.RULES,
    "s4_alloc_plan": s4_alloc_plan.RULES,
    "s5_site_tile_assignment": s5_assignment.RULES,
    "s6_site_jitter": s6_jitter.RULES,
    "s7_site_synthesis": s7_synthesis.RULES,
    "site_locations": s8_site_locations.RULES,
}


def judge_dataset(inputs: RunInputs, dataset: str, country: str) -> list[Verdict]:
    """Judge a country's published partition; never raises for what it finds.

    Returns:
        One verdict for each rule of ``RULES[dataset]``, in that order. A rule that could not be
        judged has ``judged=False`` and has not passed. What stopped the judging comes first if it
        is no rule of the dataset's: an input's fault under its own code, E_IO for the machine's,
        E_UNEXPECTED for a validator's.
    """

    def work() -> list[Verdict]:
        return JUDGES[dataset](inputs, country)

    try:
        with profiling.measure(f"judge {dataset}", country):
            found = with_retries(f"what judges {dataset} of {country} reads", work)
    except Segment1BError as err:
        found = [Verdict.of_error(err)]
    # A validator's own fault is reported as one and stops no other country. A panic of Polars is
    # no Exception to Python.
    except (Exception, PanicException) as err:
        frame = traceback.extract_tb(err.__traceback__)[-1]
        where = f"{frame.filename}:{frame.lineno}"
        detail = f"judging failed: {type(err).__name__}: {err}"
        found = [Verdict("E_UNEXPECTED", False, detail, where=where)]
    try:
        path = inputs.root.relative(inputs.path(dataset, country))
    except Segment1BError:  # the inputs that name the path are themselves unreadable
        path = dataset
    return complete(RULES[dataset], (v.located(path) for v in found))


def complete(rules: Sequence[str], found: Iterable[Verdict]) -> list[Verdict]:
    """One verdict a rule, in order, after the verdicts whose codes are no rules.

    Of several verdicts of one rule the first that did not pass counts.
    """
    best: dict[str, Verdict] = {}
    for verdict in found:
        if verdict.code not in best or best[verdict.code].passed:
            best[verdict.code] = verdict
    stop = next((v for v in best.values() if not v.passed), None)
    because = "the judging ended early" if stop is None else f"{stop.code} stopped it"
    others = [v for code, v in best.items() if code not in rules]
    return others + [best.get(c) or Verdict.not_judged(c, because) for c in rules]


def rejection(
    inputs: RunInputs, dataset: str, country: str, verdicts: Sequence[Verdict]
) -> Segment1BError | None:
    """The error of a country that breaks a rule: its first broken one; None where none is."""
    broken = next((v for v in verdicts if v.result == "broken"), None)
    if broken is None:
        return None
    return Segment1BError(
        broken.code,
        broken.detail,
        country=country,
        file=inputs.path(dataset, country),
        value=broken.value,
        next_step=broken.next_step(dataset, country),
    )
