"""The run coordinator of our dagster.yaml: a queue that makes every run record events per country.

Dagster would mark every partition of a successful step as materialised. Under this tag only the IO
manager's events count, so the web UI shows a country's failure and the others continue
(docs/architecture.md). The public interface has no other place to tag a run that a user starts with
*Materialize*.
"""

from __future__ import annotations

from dagster import DagsterRun, QueuedRunCoordinator, SubmitRunContext

from segment1b_assets.run_tags import EVENTS_PER_COUNTRY, RETRY_FROM_START


class PerCountryRunCoordinator(QueuedRunCoordinator):
    """Dagster's queue, which adds the tags to every run."""

    def submit_run(self, context: SubmitRunContext) -> DagsterRun:
        self._instance.add_run_tags(
            context.dagster_run.run_id, {**EVENTS_PER_COUNTRY, **RETRY_FROM_START}
        )
        return super().submit_run(context)
