"""Checks that a published partition is unchanged before a later state builds on it.

The run report records the receipt over the files' bytes. A partition that was truncated, edited or
swapped since has another receipt, and would spread the fault into every later state. Hashing costs
half a second for a world of 220 million tiles.
"""

from __future__ import annotations

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.states import STATE_OF
from segment1b_assets.storage.digests import receipt
from segment1b_assets.storage.parquet import open_parquet
from segment1b_assets.storage.repair import repair_command
from segment1b_assets.storage.reports import noted_receipt
from segment1b_assets.storage.run_inputs import RunInputs


def require_receipt_match(
    inputs: RunInputs, country: str, dataset: str, code: str = "E107_DETERMINISM"
) -> None:
    """Compare a partition's files with the receipt that its state recorded.

    Its reader reports a missing partition. The validators judge one without a report (its run was
    killed before writing it; the next run of its state writes it).

    Raises:
        Segment1BError: `code` where the bytes differ; E_INPUT_SCHEMA where a file is not
            readable parquet.
    """
    files = inputs.files(dataset, country)
    if not files:
        return
    for path in files:
        open_parquet(path).close()
    noted = noted_receipt(inputs, dataset, country)
    if noted is None:
        return
    found = receipt(inputs.path(dataset, country), files)
    if found != noted:
        raise Segment1BError(
            code,
            f"{dataset} was changed after {STATE_OF[dataset]} published it: the run report says "
            f"receipt {noted}, the files give {found}",
            country=country, file=inputs.path(dataset, country), value=found,
            next_step=repair_command(dataset, country),
        )  # fmt: skip
