"""The run coordinator of our dagster.yaml: a queue that marks runs as telling events per country.

Dagster would call every partition of a successful step materialised. Under the tag that is set
here only what the IO manager emits counts, so a country's failure is the truth in the web UI and
the others go on (docs/architecture.md). The tag is Dagster's own; its version is pinned and
``test_truth_per_country.py`` tests what we rely on.
"""

from __future__ import annotations

from dagster import QueuedRunCoordinator
from dagster._core.run_coordinator import SubmitRunContext
from dagster._core.storage.dagster_run import DagsterRun
from dagster._core.storage.tags import EXTERNALLY_MANAGED_ASSETS_TAG, RETRY_STRATEGY_TAG

EVENTS_PER_COUNTRY = {EXTERNALLY_MANAGED_ASSETS_TAG: "true"}
#: Where run retries are on. What has failed is noted by run, and a retry is another run: one that
#: began in the middle would not know whom to leave out. What is published is quickly found so.
RETRIED_FROM_THE_START = {RETRY_STRATEGY_TAG: "ALL_STEPS"}


class PerCountryRunCoordinator(QueuedRunCoordinator):
    """Dagster's queue, with the tags on every run that comes through it."""

    def submit_run(self, context: SubmitRunContext) -> DagsterRun:
        self._instance.add_run_tags(
            context.dagster_run.run_id, {**EVENTS_PER_COUNTRY, **RETRIED_FROM_THE_START}
        )
        return super().submit_run(context)
