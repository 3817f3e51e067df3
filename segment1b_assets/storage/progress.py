"""A state's progress, country by country, for the process's watcher."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol


class Watcher(Protocol):
    """Receives, on the main thread, the progress of countries."""

    def started(self, state: str, dataset: str, countries: int) -> None: ...
    def done(self, state: str, dataset: str, country: str, output: Mapping[str, Any]) -> None: ...
    def failed(self, state: str, dataset: str, country: str, code: str) -> None: ...
    def ended(self, state: str, dataset: str) -> None: ...


@dataclass(frozen=True)
class Meter:
    """Passes the progress of one dataset's countries to the watcher."""

    state: str
    dataset: str
    watcher: Watcher | None

    def done(self, country: str, output: Mapping[str, Any]) -> None:
        if self.watcher is not None:
            self.watcher.done(self.state, self.dataset, country, output)

    def failed(self, country: str, code: str) -> None:
        if self.watcher is not None:
            self.watcher.failed(self.state, self.dataset, country, code)


class Progress:
    """Holds at most one watcher: the command line's live display.

    Attributes:
        published: partitions that this process has published; those found identical do not count.
    """

    def __init__(self) -> None:
        self.watcher: Watcher | None = None
        self.published = 0
        self._lock = threading.Lock()

    def count_published(self) -> None:
        """Count one partition; called by the worker that published it."""
        with self._lock:
            self.published += 1

    @contextlib.contextmanager
    def state(self, state: str, dataset: str, countries: int) -> Iterator[Meter]:
        watcher = self.watcher
        if watcher is not None:
            watcher.started(state, dataset, countries)
        yield Meter(state, dataset, watcher)
        if watcher is not None:
            watcher.ended(state, dataset)


progress = Progress()
