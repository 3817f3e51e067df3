"""The run coordinator of our dagster.yaml: a queue that makes every run record events per country.

Dagster would mark every partition of a successful step as materialised. Under this tag only the IO
manager's events count, so the web UI shows a country's failure and the others continue
(docs/architecture.md). The public interface has no other place to tag a run that a user starts with
*Materialize*.

It is also the only place before a run's first step that sees each run: here a run over another root
than the instance's own ends, as cancelled. As failed it would mark its countries as failed.
"""

from __future__ import annotations

from dagster import DagsterRun, QueuedRunCoordinator, SubmitRunContext

from segment1b_assets.automation.own_root import named_root, own_root, refusal
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.run_tags import EVENTS_PER_COUNTRY, RETRY_FROM_START, ROOT_TAG


class PerCountryRunCoordinator(QueuedRunCoordinator):
    """Dagster's queue, which tags every run, and refuses one over another root."""

    def submit_run(self, context: SubmitRunContext) -> DagsterRun:
        run = context.dagster_run
        own, reason = own_root(), None
        try:
            root = named_root(run.run_config) or own
        except Segment1BError as err:
            root, reason = None, str(err)
        if own is not None and root is not None and root != own:
            reason = refusal(own, root)
        about_root = {} if root is None else {ROOT_TAG: root}
        self._instance.add_run_tags(
            run.run_id, {**EVENTS_PER_COUNTRY, **RETRY_FROM_START, **about_root}
        )
        if reason is not None:
            self._instance.report_run_canceled(run, reason)
            return self._instance.get_run_by_id(run.run_id) or run
        return super().submit_run(context)
