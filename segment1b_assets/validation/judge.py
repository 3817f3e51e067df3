"""TEMPORARY adapter until branch `validation` lands."""

from __future__ import annotations

import traceback
from collections.abc import Sequence

from polars.exceptions import PanicException

from segment1b_assets.checks import (
    s1_tiles,
    s2_tile_weights,
    s3_requirements,
    s4_alloc_plan,
    s5_assignment,
    s6_jitter,
    s7_synthesis,
    s8_site_locations,
)
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.storage.io_faults import with_retries
from segment1b_assets.storage.profiling import profiling
from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.validation.verdict import Verdict

_MODULES = (
    s1_tiles, s2_tile_weights, s3_requirements, s4_alloc_plan, s5_assignment, s6_jitter,
    s7_synthesis, s8_site_locations,
)  # fmt: skip
RULES = {d: tuple(codes) for m in _MODULES for d, codes in m.RULES.items()}
_JUDGE = {d: m.judge for m in _MODULES for d in m.RULES}


def judge_dataset(inputs: RunInputs, dataset: str, country: str) -> list[Verdict]:
    try:
        with profiling.measure(f"judge {dataset}", country):
            return list(
                with_retries(
                    f"what judges {country} reads", lambda: _JUDGE[dataset](inputs, country)
                )[dataset]
            )
    except Segment1BError as err:
        return [Verdict(err.code, False, err.detail, {}, err.file or "")]
    except (Exception, PanicException) as err:
        where = traceback.extract_tb(err.__traceback__)[-1]
        detail = f"judging failed: {type(err).__name__}: {err} ({where.filename}:{where.lineno})"
        return [Verdict("E_UNEXPECTED", False, detail)]


def rejection(
    inputs: RunInputs, dataset: str, country: str, verdicts: Sequence[Verdict]
) -> Segment1BError | None:
    """The error of a country that breaks a rule: its first broken one; None where none is."""
    broken = next((v for v in verdicts if not v.passed), None)
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
