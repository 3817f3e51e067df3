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
from dagster._core.storage.tags import EXTERNALLY_MANAGED_ASSETS_TAG

EVENTS_PER_COUNTRY = {EXTERNALLY_MANAGED_ASSETS_TAG: "true"}


class PerCountryRunCoordinator(QueuedRunCoordinator):
    """Dagster's queue, with the tag on every run that comes through it."""

    def submit_run(self, context: SubmitRunContext) -> DagsterRun:
        self._instance.add_run_tags(context.dagster_run.run_id, EVENTS_PER_COUNTRY)
        return super().submit_run(context)
