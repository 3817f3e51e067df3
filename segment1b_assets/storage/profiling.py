"""Profiling: pyinstrument's profile of each dataset's workers, and a table by country."""

from __future__ import annotations

import contextlib
import csv
import functools
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from pyinstrument import Profiler
from pyinstrument.renderers import HTMLRenderer
from pyinstrument.session import Session

from segment1b_assets.storage.read_ahead import cpu_seconds

#: Seconds between two samples of a worker's stack. A profile holds every sample in memory.
INTERVAL = 0.005


class Profiling:
    """Profiles the threads that do the work, once it is switched on; costs nothing before."""

    def __init__(self) -> None:
        self.on = False
        # Appending to a list is atomic, so the threads need no lock.
        self._found: list[tuple[str, str, float, float, Session]] = []

    @contextlib.contextmanager
    def measure(self, activity: str, country: str) -> Iterator[None]:
        """Profile this thread while the block runs, as part of an activity ("tile_index" …)."""
        if not self.on:
            yield
            return
        # A profiler sees the thread that starts it and no other.
        profiler = Profiler(interval=INTERVAL, async_mode="disabled")
        wall, cpu = time.perf_counter(), cpu_seconds()
        profiler.start()
        try:
            yield
        finally:
            session = profiler.stop()
            wall, cpu = time.perf_counter() - wall, cpu_seconds() - cpu
            self._found.append((activity, country, wall, cpu, session))

    def write(self, folder: Path) -> None:
        """Write ``<activity>.html``, a tree of calls, and countries.csv; switch off.

        A page loads its font from the web, and is readable without it.
        """
        self.on = False
        folder.mkdir(parents=True, exist_ok=True)
        sessions = defaultdict(list)
        for activity, _, _, _, session in self._found:
            sessions[activity].append(session)
        for activity, some in sessions.items():
            page = HTMLRenderer().render(functools.reduce(Session.combine, some))
            (folder / f"{activity.replace(' ', '-')}.html").write_text(page, encoding="utf-8")
        with (folder / "countries.csv").open("w", newline="", encoding="utf-8") as handle:
            writer = csv.writer(handle)
            writer.writerow(["activity", "country", "wall_seconds", "cpu_seconds"])
            for activity, country, wall, cpu, _ in sorted(self._found, key=lambda r: -r[2]):
                writer.writerow([activity, country, f"{wall:.4f}", f"{cpu:.4f}"])
        self._found.clear()


profiling = Profiling()
