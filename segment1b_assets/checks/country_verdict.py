"""A country's verdicts on one dataset, as the making step and the check step both need them."""

from __future__ import annotations

from dataclasses import dataclass

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.states import STATE_OF
from segment1b_assets.storage.reports import record_broken
from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.storage.run_ledger import Row
from segment1b_assets.validation.judge import judge_dataset, rejection
from segment1b_assets.validation.plausible import plausible_dataset

VALID, PLAUSIBLE = "valid", "plausible"


@dataclass(frozen=True)
class CountryVerdict:
    """What the validators find in a country's published partition.

    Attributes:
        rows: check name -> the verdict as the run ledger keeps it.
        rejected: the error of a country that breaks a rule, or None.
    """

    rows: dict[str, list[Row]]
    rejected: Segment1BError | None


def judge_country(inputs: RunInputs, dataset: str, country: str) -> CountryVerdict:
    """Judge a published partition, and record in its report which rules it breaks."""
    valid = judge_dataset(inputs, dataset, country)
    broken = [v.code for v in valid if v.result == "broken"]
    record_broken(inputs, STATE_OF[dataset], country, dataset, broken)
    rows = {
        VALID: [v.as_row() for v in valid],
        PLAUSIBLE: [v.as_row() for v in plausible_dataset(inputs, dataset, country)],
    }
    return CountryVerdict(rows, rejection(inputs, dataset, country, valid))
