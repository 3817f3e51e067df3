"""The lineage of published files, read once per file.

A run tests several times whether each dataset of each country is stale. Opening a parquet footer
each time would cost more than a small country.
"""

from __future__ import annotations

from pathlib import Path

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.storage.digest_memory import Stamp, stamp_of
from segment1b_assets.storage.parquet import lineage_of


class LineageCache:
    """Path -> lineage, valid while size, inode and times stay the same."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[Stamp, dict[str, str]]] = {}

    def of(self, path: Path) -> dict[str, str]:
        """The file's lineage; empty where it cannot be read."""
        try:
            stamp = stamp_of(path)
        except OSError:
            return {}
        held = self._known.get(path)
        if held is not None and held[0] == stamp:
            return held[1]
        try:
            found = lineage_of(path)
        except Segment1BError:
            return {}
        self._known[path] = (stamp, found)
        return found
