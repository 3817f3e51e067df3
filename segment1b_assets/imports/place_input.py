"""An imported file is put in its place in the root: whole, in one step, and never over another."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.storage.data_root import DataRoot
from segment1b_assets.storage.digests import receipt
from segment1b_assets.storage.retire import retire

#: The next step where a source cannot be opened at all.
CHECK_PATH: Final = "check the path: an import takes one file or several, and no folder of them"
Placed = Literal["written", "unchanged", "replaced"]


def place_input(
    root: DataRoot, dataset: str, staged: Path, target: Path, *, replace: bool
) -> Placed:
    """Publish a staged file or folder at `target`.

    The same bytes are left alone. Other bytes are refused, or with `replace` retired first: they
    lie under ``retired/`` then, and are never deleted.

    Raises:
        Segment1BError: E_IMMUTABLE_PARTITION_EXISTS_NONIDENTICAL where other bytes are there and
            `replace` is false.
    """
    outcome: Placed = "written"
    if root.exists(target):
        if receipt(root.ensure_local(target)) == receipt(staged):
            return "unchanged"
        if not replace:
            raise Segment1BError(
                "E_IMMUTABLE_PARTITION_EXISTS_NONIDENTICAL",
                f"another {dataset} is there, and nothing was written",
                file=target,
                next_step="add --replace: what is there moves to retired/ in the root",
            )
        with root.exclusive_lock("retiring"):
            retire(root, dataset, target, "replaced by an import")
        outcome = "replaced"
    root.publish(staged, target, dataset=dataset, country=None)
    return outcome
