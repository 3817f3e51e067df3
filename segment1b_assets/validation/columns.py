"""Reads columns of published files in exact amounts, and regroups streams of columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.schemas import TABLES
from segment1b_assets.storage.parquet import read_batches

Arrays = dict[str, NDArray[Any]]
#: A column has one type in all tables.
_DECLARED: Final = {f.name: f.type for table in TABLES.values() for f in table.arrow}

#: Rows that validators of sites hold at once.
ROWS: Final = 1 << 16


class Columns:
    """Numeric columns of a partition's files, handed out front to back.

    Raises:
        Segment1BError: E_INPUT_SCHEMA while reading, if a file or column cannot be read, or if a
            column holds nulls or is not of the type that the contract gives it.
    """

    def __init__(self, files: Sequence[Path], names: Sequence[str]) -> None:
        self._files = files
        self._names = names
        self._batches = read_batches(files, columns=names, batch_rows=ROWS)
        self._held: Arrays | None = None

    def take(self, rows: int) -> Arrays:
        """The next `rows` rows, fewer at the end; empty arrays after it."""
        pieces: list[Arrays] = []
        need = rows
        while need and (piece := self._next()) is not None:
            n = piece[self._names[0]].size
            if n > need:
                self._held = {k: v[need:] for k, v in piece.items()}
                piece = {k: v[:need] for k, v in piece.items()}
            pieces.append(piece)
            need -= min(n, need)
        if not pieces:
            return dict.fromkeys(self._names, np.empty(0))
        return joined(pieces)

    def blocks(self) -> Iterator[Arrays]:
        """Everything that is left, ROWS at a time."""
        while (block := self.take(ROWS))[self._names[0]].size:
            yield block

    def _next(self) -> Arrays | None:
        if self._held is not None:
            piece, self._held = self._held, None
            return piece
        batch = next(self._batches, None)
        if batch is None:
            return None
        return {name: self._values(name, batch.column(name)) for name in self._names}

    def _values(self, name: str, column: pa.Array) -> NDArray[Any]:
        """Without this, numpy would make floats of a column with nulls, and of others texts."""
        if column.type != _DECLARED[name] or column.null_count:
            said = "a null" if column.type == _DECLARED[name] else "another type than declared"
            raise Segment1BError(
                "E_INPUT_SCHEMA", f"column {name!r} holds {said}",
                file=self._files[0], value=str(column.type),
            )  # fmt: skip
        values: NDArray[Any] = column.to_numpy()
        return values


def joined(pieces: Sequence[Arrays]) -> Arrays:
    """The pieces one after the other; there is at least one."""
    if len(pieces) == 1:
        return pieces[0]
    return {name: np.concatenate([p[name] for p in pieces]) for name in pieces[0]}


def starts_of(block: Arrays, keys: Sequence[str]) -> NDArray[np.intp]:
    """Index of the first row of each run of equal keys; the block is not empty."""
    changed = np.zeros(block[keys[0]].size, bool)
    changed[0] = True
    for key in keys:
        changed[1:] |= block[key][1:] != block[key][:-1]
    return np.flatnonzero(changed)


def whole_runs(blocks: Iterable[Arrays], keys: Sequence[str]) -> Iterator[Arrays]:
    """Regroup a stream so that no run of equal keys is divided between two blocks."""
    held: list[Arrays] = []
    for block in blocks:
        if block[keys[0]].size == 0:
            continue
        if held and all(held[-1][k][-1] == block[k][0] for k in keys):
            starts = starts_of(block, keys)
            if starts.size == 1:
                held.append(block)
                continue
            # The held run ends here.
            head = {k: v[: starts[1]] for k, v in block.items()}
            yield joined([*held, head])
            block = {k: v[starts[1] :] for k, v in block.items()}
        elif held:
            yield joined(held)
        last = int(starts_of(block, keys)[-1])
        if last:
            yield {k: v[:last] for k, v in block.items()}
        held = [{k: v[last:] for k, v in block.items()}]
    if held:
        yield joined(held)


def first_difference(found: Arrays, wanted: Arrays, names: Sequence[str]) -> int | None:
    """First row at which the columns differ or one side ends; None if they are the same."""
    n, m = found[names[0]].size, wanted[names[0]].size
    k = min(n, m)
    unlike = np.zeros(k, bool)
    for name in names:
        unlike |= found[name][:k] != wanted[name][:k]
    if unlike.any():
        return int(np.argmax(unlike))
    return None if n == m else k


def row_text(block: Arrays, names: Sequence[str], at: int) -> str:
    """A row in words, for a finding; "the end" past the last row."""
    if at >= block[names[0]].size:
        return "the end"
    return " ".join(f"{name} {block[name][at]}" for name in names)
