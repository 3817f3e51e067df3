"""The run coordinator of our dagster.yaml: a queue that makes every run record events per country.

Dagster would mark every partition of a successful step as materialised. Under this tag only the IO
manager's events count, so the web UI shows a country's failure and the others continue
(docs/architecture.md). The public interface has no other place to tag a run that a user starts with
*Materialize*.

It is also the only place before a run's first step that sees each run. One history is of one data
root: partitions have no root in Dagster, so a run over a trial root would mark the real root's
countries as made or failed. Such a run ends in this module, as cancelled. As failed it would mark
its countries as failed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from dagster import DagsterRun, QueuedRunCoordinator, SubmitRunContext

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.run_tags import EVENTS_PER_COUNTRY, RETRY_FROM_START, ROOT_TAG
from segment1b_assets.storage.data_root import default_root
from segment1b_assets.storage.open_root import root_uri


class PerCountryRunCoordinator(QueuedRunCoordinator):
    """Dagster's queue, which tags every run, and refuses one over another root."""

    def submit_run(self, context: SubmitRunContext) -> DagsterRun:
        run = context.dagster_run
        own, reason = _own_root(), None
        try:
            root = _named_root(run.run_config) or own
        except Segment1BError as err:
            root, reason = None, str(err)
        if own is not None and root is not None and root != own:
            reason = _refusal(own, root)
        about_root = {} if root is None else {ROOT_TAG: root}
        self._instance.add_run_tags(
            run.run_id, {**EVENTS_PER_COUNTRY, **RETRY_FROM_START, **about_root}
        )
        if reason is not None:
            self._instance.report_run_canceled(run, reason)
            return self._instance.get_run_by_id(run.run_id) or run
        return super().submit_run(context)


def _own_root() -> str | None:
    """The root that the runs of this process' instance are for; None where none is named."""
    try:
        return root_uri(default_root())
    except Segment1BError:
        return None


def _named_root(run_config: Mapping[str, Any]) -> str | None:
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


def _refusal(own: str, other: str) -> str:
    """What the page of a refused run says."""
    return (
        f"Nothing was run: this history is of the root {own}, and the run's config names "
        f"{other}. Its countries would be shown as those of {own}. Next: start a web UI for that "
        f"root, `segment1b ui --root {other} --port 3001`; it keeps a history of its own. Checks "
        "that this run would have evaluated show Skipped until their next verdict, which the job "
        "`verify_everything` gives."
    )
