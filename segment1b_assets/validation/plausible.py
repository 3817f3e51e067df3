"""TEMPORARY until branch `validation` lands."""

from __future__ import annotations

from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.validation.verdict import Verdict


def plausible_dataset(inputs: RunInputs, dataset: str, country: str) -> list[Verdict]:
    return []
