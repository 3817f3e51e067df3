"""Where the time goes: a profile of the threads that do the work, and a table by country."""

from __future__ import annotations

import contextlib
import cProfile
import csv
import io
import pstats
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

#: Functions in the text beside each profile.
LINES = 40


@dataclass
class Profiler:
    """Collects what the workers do, by activity ("S1 tile_index", "judge S1" …)."""

    _profiles: dict[str, list[cProfile.Profile]] = field(default_factory=dict)
    _rows: list[tuple[str, str, float, float]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextlib.contextmanager
    def measure(self, activity: str, country: str) -> Iterator[None]:
        """Profile this thread while the block runs."""
        profile = cProfile.Profile()
        wall, cpu = time.perf_counter(), time.thread_time()
        profile.enable()
        try:
            yield
        finally:
            profile.disable()
            row = (activity, country, time.perf_counter() - wall, time.thread_time() - cpu)
            with self._lock:
                self._profiles.setdefault(activity, []).append(profile)
                self._rows.append(row)

    def write(self, folder: Path) -> None:
        """Write ``<activity>.pstats`` (for snakeviz and the like), ``.txt`` and countries.csv."""
        folder.mkdir(parents=True, exist_ok=True)
        for activity, profiles in self._profiles.items():
            text = io.StringIO()
            stats = pstats.Stats(*profiles, stream=text)
            stats.sort_stats("tottime").print_stats(LINES)
            name = activity.replace(" ", "-")
            stats.dump_stats(folder / f"{name}.pstats")
            (folder / f"{name}.txt").write_text(text.getvalue(), encoding="utf-8")
        with (folder / "countries.csv").open("w", newline="", encoding="utf-8") as handle:
            writer = csv.writer(handle)
            writer.writerow(["activity", "country", "wall_seconds", "cpu_seconds"])
            for activity, country, wall, cpu in sorted(self._rows, key=lambda r: -r[2]):
                writer.writerow([activity, country, f"{wall:.4f}", f"{cpu:.4f}"])


class _Hook:
    """Holds at most one profiler; without one, measuring costs nothing."""

    def __init__(self) -> None:
        self.profiler: Profiler | None = None

    @contextlib.contextmanager
    def measure(self, activity: str, country: str) -> Iterator[None]:
        if self.profiler is None:
            yield
        else:
            with self.profiler.measure(activity, country):
                yield


profiling = _Hook()
