"""One history, one data root: which root a run is for, and why another root's run is refused.

Partitions have no root in Dagster: a run over a trial root would mark the real root's countries as
made or failed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.storage.data_root import default_root
from segment1b_assets.storage.open_root import root_uri


def own_root() -> str | None:
    """The root that the runs of this process' instance are for; None where none is named."""
    try:
        return root_uri(default_root())
    except Segment1BError:
        return None


def named_root(run_config: Mapping[str, Any]) -> str | None:
    """The root that a run's config names, in one spelling; None where it leaves it open.

    Raises:
        Segment1BError: E_INPUT_MISSING for a URL that is not of the form.
    """
    found: Any = run_config
    for name in ("resources", "segment1b", "config", "root"):
        found = found.get(name) if isinstance(found, Mapping) else None
    if isinstance(found, Mapping):  # the launchpad's {env: NAME}
        found = os.environ.get(str(found.get("env")))
    return root_uri(str(found)) if found else None


def refusal(own: str, other: str) -> str:
    """What the page of a refused run says."""
    return (
        f"Nothing was run: this history is of the root {own}, and the run's config names "
        f"{other}. Its countries would be shown as those of {own}. Next: start a web UI for that "
        f"root, `segment1b ui --root {other} --port 3001`; it keeps a history of its own. Checks "
        "that this run would have evaluated show Skipped until their next verdict, which the job "
        "`verify_everything` gives."
    )
