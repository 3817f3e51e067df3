"""What a partition read of its inputs, against their size on disk, for its run report (section 7).

Tables that a run reads once and shares among its countries count whole for each. The digests that
name the addresses are made once a run and count for none.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

Reads = dict[str, dict[str, int]]


class _Tally(threading.local):
    """Counts what its own thread reads while somebody counts: a country is one thread's work."""

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
