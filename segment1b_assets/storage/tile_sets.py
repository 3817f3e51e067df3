"""The tiles of published tile tables, each file read once per process.

S2 and the checks of tile_bounds, tile_weights, S5, S6 and S7 all compare with a country's tiles. As
runs they are a thousandth of the ids, so what one step has read is kept for the next ones.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from segment1b_assets.core.cell_runs import CellRuns
from segment1b_assets.storage.digest_memory import stamp_of

#: Bytes of runs that a process keeps; those used longest ago go first.
KEPT_BYTES: Final = 64 << 20
#: Of a run: its two ends, and what CellRuns derives from them.
_RUN_BYTES: Final = 32

Stamp = tuple[tuple[str, int, int, int, int], ...]


class TileSets:
    """Files of one table and country -> their cells, while the files stay the same."""

    def __init__(self, kept_bytes: int = KEPT_BYTES) -> None:
        self._kept_bytes = kept_bytes
        self._held: OrderedDict[Stamp, CellRuns] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def of(self, files: Sequence[Path], ncols: int, read: Callable[[], CellRuns]) -> CellRuns:
        """The cells that `read` gets from the files, for a grid of `ncols` columns.

        Whatever `read` raises is raised, and then nothing is kept.
        """
        stamp = self.stamp(files)
        with self._lock:
            held = self._held.get(stamp)
            if held is not None:
                self._held.move_to_end(stamp)
        if held is None:
            held = read()
            self.keep(stamp, held)
        return held if held.ncols == ncols else CellRuns.from_intervals(held.intervals, ncols)

    def stamp(self, files: Sequence[Path]) -> Stamp:
        """What tells files from other files at their paths; taken before they are read.

        Empty where one cannot be looked at: whoever reads it says why.
        """
        try:
            return tuple((str(path), *stamp_of(path)) for path in files)
        except OSError:
            return ()

    def keep(self, stamp: Stamp, cells: CellRuns) -> None:
        """Keep what was read from the files of this stamp."""
        if not stamp:
            return
        with self._lock:
            if stamp in self._held:
                return
            self._held[stamp] = cells
            self._bytes += _RUN_BYTES * cells.starts.size
            while self._bytes > self._kept_bytes:
                self._bytes -= _RUN_BYTES * self._held.popitem(last=False)[1].starts.size


tile_sets = TileSets()
