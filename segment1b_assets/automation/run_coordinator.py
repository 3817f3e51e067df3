"""The run coordinator of our dagster.yaml: a queue that has every run record events per country.

Dagster would call every partition of a successful step materialised. Under the tag that is set
here only what the IO manager emits counts, so a country's failure is the truth in the web UI and
the others go on (docs/architecture.md). The public interface has no other place to tag a run that
somebody starts with *Materialize*.
"""

from __future__ import annotations

from dagster import DagsterRun, QueuedRunCoordinator, SubmitRunContext

from segment1b_assets.run_tags import EVENTS_PER_COUNTRY, RETRY_FROM_START


class PerCountryRunCoordinator(QueuedRunCoordinator):
    """Dagster's queue, with the tags on every run that comes through it."""

    def submit_run(self, context: SubmitRunContext) -> DagsterRun:
        self._instance.add_run_tags(
            context.dagster_run.run_id, {**EVENTS_PER_COUNTRY, **RETRY_FROM_START}
        )
        return super().submit_run(context)
