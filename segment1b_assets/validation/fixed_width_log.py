"""Reads JSON-lines logs whose lines are all alike, as columns (contract §5).

The first line is parsed by its keys, which tells the columns of each value; every other line must
have the same length and, outside the values that vary, the same bytes. So an unknown key, a
changed constant, a line cut short or a byte too many is found without parsing JSON again, and
the varying values are columns of a matrix of bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

#: Stands for a value that differs from line to line.
VARIES: Final = object()

#: LogBlock of a block: 5 MB, which the processor's caches hold while the columns are picked out.
BLOCK_LINES: Final = 8192

_JSON_NUMBER: Final = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$"


class LogFormError(Exception):
    """A log is not what its form demands; the message names the file and the line."""


@dataclass(frozen=True)
class LogBlock:
    """Some consecutive lines. Valid until the next ones are read.

    Attributes:
        first: number of the first line, from 1.
        matrix: the bytes, uint8 (lines, length).
        columns: key -> columns of its value.
    """

    name: str
    first: int
    matrix: NDArray[np.uint8]
    columns: Mapping[str, slice]

    def __len__(self) -> int:
        return len(self.matrix)

    def text(self, key: str) -> NDArray[np.uint8]:
        """The bytes of a value, uint8 (lines, width)."""
        return self.matrix[:, self.columns[key]]

    def uints(self, key: str) -> NDArray[np.uint64]:
        words = self._words(key)
        # Arrow reads 07 and 0x7 too, which are not JSON.
        zero = pc.starts_with(words, "0")
        if pc.any(zero).as_py():
            self._require(key, words, pc.or_(pc.invert(zero), pc.equal(words, "0")))
        return self._numbers(key, words, pa.uint64())

    def uints_like(self, key: str, other: str, numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """The same as `uints(key)`, for less where all is written like `other`, the `numbers`."""
        if np.array_equal(self.text(key), self.text(other)):
            return numbers
        return self.uints(key)

    def floats(self, key: str) -> NDArray[np.float64]:
        words = self._words(key)
        self._require(key, words, pc.match_substring_regex(words, _JSON_NUMBER))
        return self._numbers(key, words, pa.float64())

    def _words(self, key: str) -> pa.StringArray:
        """The values' text without the blanks before it."""
        text = np.ascontiguousarray(self.text(key))
        fixed = pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(text.shape[1]), len(self), [None, pa.py_buffer(text)]
        )
        try:
            return pc.ascii_ltrim(pc.cast(fixed, pa.string()), characters=" ")
        except pa.ArrowInvalid:  # bytes that are no text
            good = pa.array([bytes(row).isascii() for row in text])
            self._require(key, pa.array([ascii(bytes(row)) for row in text]), good)
            raise

    def _numbers(self, key: str, words: pa.StringArray, kind: pa.DataType) -> NDArray[Any]:
        try:
            numbers: NDArray[Any] = pc.cast(words, kind).to_numpy()
        except pa.ArrowInvalid:
            self._require(key, words, pa.array([_is_number(w, kind) for w in words.to_pylist()]))
            raise
        return numbers

    def _require(self, key: str, words: pa.StringArray, good: pa.BooleanArray) -> None:
        if not pc.all(good).as_py():
            at = pc.index(good, False).as_py()
            raise LogFormError(
                f"{self.name} line {self.first + at}: {key} is {words[at].as_py()!r}"
            )


def _is_number(word: str, kind: pa.DataType) -> bool:
    try:
        pc.cast(pa.array([word]), kind)
    except pa.ArrowInvalid:
        return False
    return True


def read_lines(path: Path, keys: Mapping[str, Any]) -> Iterator[LogBlock]:
    """Stream a log.

    Args:
        path: the file.
        keys: every key in order; its constant value, or VARIES.

    Raises:
        LogFormError: while reading, at the first line that is not of the form.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise LogFormError(f"{path.name} is not there") from None
    with file:
        model = np.frombuffer(file.readline(), np.uint8)
        columns = _columns_of(path.name, model.tobytes(), keys)
        varies = np.zeros(model.size, bool)
        for place in columns.values():
            varies[place] = True
        file.seek(0)
        first = 1
        buffer = np.empty((BLOCK_LINES, model.size), np.uint8)
        while got := _fill(file, buffer):
            whole, rest = divmod(got, model.size)
            matrix = buffer[:whole]
            same = matrix == model
            same |= varies
            if not same.all():
                line = int(np.argmin(same.all(axis=1)))
                raise LogFormError(f"{path.name} line {first + line} {_shown(matrix[line])}")
            if rest:
                cut = buffer[whole][:rest]
                raise LogFormError(f"{path.name} line {first + whole} {_shown(cut)}")
            yield LogBlock(path.name, first, matrix, columns)
            first += whole


def _fill(file: Any, buffer: NDArray[np.uint8]) -> int:
    view = buffer.data.cast("B")
    got = 0
    while got < view.nbytes and (n := file.readinto(view[got:])):
        got += n
    return got


def _columns_of(name: str, line: bytes, keys: Mapping[str, Any]) -> dict[str, slice]:
    """The columns of the varying values in the first line."""
    columns: dict[str, slice] = {}
    at = 0
    for key, value in keys.items():
        lead = (b"," if at else b"{") + json.dumps(key).encode() + b":"
        if value is not VARIES:
            lead += json.dumps(value).encode()
        if not line.startswith(lead, at):
            found = line[at : at + len(lead)].decode("utf-8", "replace")
            raise LogFormError(f"{name} line 1: {found!r} is found where {lead.decode()!r} belongs")
        at += len(lead)
        if value is VARIES:
            end = at
            while end < len(line) and line[end : end + 1] not in (b",", b"}"):
                end += 1
            columns[key] = slice(at, end)
            at = end
    if line[at:] != b"}\n":
        found = line[at:].decode("utf-8", "replace")
        raise LogFormError(f"{name} line 1: ends in {found!r}")
    return columns


def _shown(line: NDArray[np.uint8]) -> str:
    text = bytes(line).decode("utf-8", "replace")
    return f"is not formed like line 1: {text[:400]!r}"
