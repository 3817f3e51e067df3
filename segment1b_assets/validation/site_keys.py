"""What every site table must keep: its key's order, its tiles, the sites of other tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from segment1b_assets.core.cell_runs import CellRuns
from segment1b_assets.storage.catalogue import Outlets
from segment1b_assets.validation.columns import Arrays, Columns, first_difference, row_text
from segment1b_assets.validation.findings import Findings

KEY: Final = ("merchant_id", "site_order")


class KeyOrder:
    """Judges that (merchant_id, site_order) strictly ascends from block to block."""

    def __init__(self, found: Findings, *, duplicate: str, unsorted: str) -> None:
        self._found, self._duplicate, self._unsorted = found, duplicate, unsorted
        self._last: Arrays | None = None

    def judge(self, block: Arrays) -> None:
        keys = {name: block[name] for name in KEY}
        if self._last is not None:
            keys = {name: np.append(self._last[name], keys[name]) for name in KEY}
        merchant, order = keys["merchant_id"], keys["site_order"]
        same = merchant[1:] == merchant[:-1]
        # Compared, never subtracted: a difference of unsigned numbers is never negative.
        repeats = same & (order[1:] == order[:-1])
        falls = (merchant[1:] < merchant[:-1]) | (same & (order[1:] < order[:-1]))
        for wrong, code, what in (
            (repeats, self._duplicate, "repeats"),
            (falls, self._unsorted, "follows a larger key"),
        ):
            self._found.add_rows(code, np.append(False, wrong), keys, KEY, what)
        self._last = {name: keys[name][-1:] for name in KEY}


def judge_tiles(found: Findings, code: str, block: Arrays, tiles: CellRuns) -> None:
    """Every site's tile is one of `tiles`."""
    # Ids of 2^63 and more are no cell's; as signed numbers they would be negative.
    unknown = ~tiles.contains(block["tile_id"]) | (block["tile_id"] >> np.uint64(63) != 0)
    names = (*KEY, "tile_id")
    found.add_rows(
        code, unknown, block, names, "is in a tile that the country lacks", block["tile_id"]
    )


class Parity:
    """Judges that a table has the rows of another one, in step, up to the first that differs."""

    def __init__(
        self, found: Findings, code: str, other: str, columns: Columns, names: Sequence[str]
    ) -> None:
        self._found, self._code, self._other = found, code, other
        self._columns, self._names = columns, names
        self._in_step = True

    def judge(self, block: Arrays) -> None:
        if not self._in_step:
            return
        wanted = self._columns.take(block[self._names[0]].size)
        at = first_difference(block, wanted, self._names)
        if at is not None:
            self._differs(row_text(block, self._names, at), row_text(wanted, self._names, at))

    def close(self) -> None:
        """Call after the last block: the other table may have nothing left."""
        if self._in_step and (left := self._columns.take(1))[self._names[0]].size:
            self._differs("the end", row_text(left, self._names, 0))

    def _differs(self, have: str, want: str) -> None:
        self._found.add(self._code, f"{have} is found where {self._other} has {want}", where=have)
        self._in_step = False


class Coverage:
    """Judges that a table's sites are exactly the country's rows of the outlet catalogue."""

    def __init__(self, found: Findings, code: str, outlets: Outlets | None) -> None:
        self._found, self._code, self._outlets = found, code, outlets
        self._seen = 0
        self._in_step = True

    def judge(self, block: Arrays) -> None:
        n = block["merchant_id"].size
        if self._in_step:
            self._compare({name: block[name] for name in KEY}, self._next(n))
        self._seen += n

    def close(self) -> None:
        """Call after the last block: the catalogue may have nothing left."""
        if self._in_step:
            self._compare(dict.fromkeys(KEY, np.empty(0)), self._next(1))

    def _next(self, n: int) -> Arrays:
        if self._outlets is None:
            return dict.fromkeys(KEY, np.empty(0))
        part = slice(self._seen, self._seen + n)
        return {
            "merchant_id": self._outlets.merchant_id[part],
            "site_order": self._outlets.site_order[part],
        }

    def _compare(self, have: Arrays, want: Arrays) -> None:
        at = first_difference(have, want, KEY)
        if at is not None:
            self._found.add(
                self._code,
                f"{row_text(have, KEY, at)} is found where the catalogue has "
                f"{row_text(want, KEY, at)}",
            )
            self._in_step = False
