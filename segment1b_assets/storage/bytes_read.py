"""Bytes that a partition read of its inputs, and their size on disk, for its run report (§7).

Tables that a run reads once for all its countries count in full for each country. The digests in
the paths are computed once per run and count for none.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

Reads = dict[str, dict[str, int]]


class _Tally(threading.local):
    """Counts the reads of its own thread: one thread works on one country."""

    reads: Reads | None = None

    @contextlib.contextmanager
    def counting(self) -> Iterator[Reads]:
        """Yields a dict that fills with {dataset: {bytes_read, bytes_on_disk}}."""
        outer, self.reads = self.reads, {}
        try:
            yield self.reads
        finally:
            self.reads = outer

    def add(self, dataset: str, read: int, on_disk: int) -> None:
        """Count `read` bytes of an input that has `on_disk`."""
        if self.reads is not None:
            entry = self.reads.setdefault(dataset, {"bytes_read": 0, "bytes_on_disk": on_disk})
            entry["bytes_read"] += read

    def add_whole(self, dataset: str, files: Sequence[Path]) -> None:
        """Count files that are read from end to end."""
        if self.reads is not None:
            size = sum(path.stat().st_size for path in files)
            self.add(dataset, size, size)


tally = _Tally()
