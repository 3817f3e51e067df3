"""What holds for every test: hypothesis' profile, signal handlers as they were; an instance."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import dagster as dg
import pytest

from segment1b_assets.automation.signal_handlers import preserved_signal_handlers
from segment1b_assets_tests import hypothesis_profiles  # noqa: F401


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Generator[None, object, object]:
    """Dagster's own `execute_in_process` leaves SIGTERM as SIGINT is (`signal_handlers`).

    A wrapper and no fixture: it is around fixtures of a module, too.
    """
    with preserved_signal_handlers():
        return (yield)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """A history of the test's own, in memory."""
    with dg.DagsterInstance.ephemeral() as made:
        yield made
