"""Damage: a published file whose bytes changed after its state published it.

The run report records a receipt for the partition and one for each log. Making the partition again
gives the recorded receipt, so replacing damaged bytes needs no approval.
"""

from __future__ import annotations

from segment1b_assets.contracts.dictionary import dictionary
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.states import COUNTRY_STATES, State
from segment1b_assets.storage.digests import receipt
from segment1b_assets.storage.reports import noted_receipt
from segment1b_assets.storage.retire import retire, retire_bundle
from segment1b_assets.storage.run_inputs import RunInputs


def repairable() -> dict[str, State]:
    """Dataset or log id -> the state that makes it, of all that is made country by country."""
    return {d: s for s in COUNTRY_STATES for d in (*s.datasets, *s.logs) if d in dictionary()}


def name_damage(inputs: RunInputs, error: Segment1BError, dataset: str) -> Segment1BError:
    """The error of a publish that met other bytes, or the damage error where those are damaged.

    Args:
        error: E_IMMUTABLE_PARTITION_EXISTS_NONIDENTICAL, its value the new bytes' receipt.
    """
    country = error.country
    if country is None or dataset not in repairable():
        return error
    if error.value is None or error.value != noted_receipt(inputs, dataset, country):
        return error
    return Segment1BError(
        error.code,
        f"the published {dataset} was damaged after it was published: this run made the bytes "
        "whose receipt the run report records, and other bytes are published",
        country=country,
        file=error.file,
        value=error.value,
        next_step=repair_command(dataset, country),
    )


def repair_command(dataset: str, country: str) -> str:
    """The one step that repairs a damaged partition or log."""
    return f"segment1b repair --dataset {dataset} --country {country}"


def retire_damaged(
    inputs: RunInputs, dataset: str, country: str, why: str | None = None
) -> list[str]:
    """Retire a damaged partition or log; first the 1B bundle that covers it, flag first.

    The flag covers the files of site_locations. Bytes with the recorded receipt stay; bytes
    without a recorded receipt are retired.

    Args:
        why: the reason recorded beside the moved files; by default the two receipts.

    Returns:
        The datasets that were retired, in order; empty where nothing is damaged.
    """
    target = inputs.path(dataset, country)
    retired: list[str] = []
    with inputs.root.exclusive_lock("retiring"):
        if not inputs.root.exists(target):
            return []
        noted = noted_receipt(inputs, dataset, country)
        found = receipt(inputs.root.ensure_local(target))
        if found == noted:
            return []
        reason = why or f"damaged: receipt {found}, recorded {noted or 'nowhere'}"
        if dataset == "site_locations" and retire_bundle(inputs, reason):
            retired.append("validation_bundle_1B")
        retire(inputs.root, dataset, target, reason)
        retired.append(dataset)
    return retired
