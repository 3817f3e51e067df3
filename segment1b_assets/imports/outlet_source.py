"""A table of merchants of any make, in batches: CSV, Parquet, Arrow or NDJSON."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.input_files import require_file
from segment1b_assets.imports.place_input import CHECK_PATH

ROWS_AT_ONCE: Final = 1 << 18
_CSV: Final = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz", ".csv.zst")
_NDJSON: Final = (".ndjson", ".jsonl")
_PARQUET: Final = (".parquet", ".parq", ".pq")
_ARROW: Final = (".arrow", ".feather", ".ipc")
_SEPARATORS: Final = ",;\t|"


@dataclass(frozen=True)
class OutletTable:
    """A table that has been looked at.

    Attributes:
        path: the file.
        frame: its columns, read lazily; text of CSV and NDJSON stays text.
        columns: their names.
    """

    path: Path
    frame: pl.LazyFrame
    columns: tuple[str, ...]

    def batches(self, chosen: Sequence[str]) -> Iterator[pl.DataFrame]:
        """The chosen columns in the order of the file, a bounded number of rows at once.

        Raises:
            Segment1BError: E_INPUT_SCHEMA where the file is damaged.
        """
        try:
            yield from self.frame.select(chosen).collect_batches(
                chunk_size=ROWS_AT_ONCE, maintain_order=True
            )
        except (pl.exceptions.PolarsError, OSError) as err:
            raise _unreadable(self.path, err) from err


def open_table(path: Path) -> OutletTable:
    """Look at a table's columns; the ending of its name says what it is.

    Raises:
        Segment1BError: E_INPUT_MISSING; E_INPUT_SCHEMA where it cannot be read.
    """
    require_file(
        path, missing="E_INPUT_MISSING", unreadable="E_INPUT_SCHEMA", what="the table",
        next_step=CHECK_PATH,
    )  # fmt: skip
    name = path.name.lower()
    try:
        if name.endswith(_PARQUET):
            frame = pl.scan_parquet(path, glob=False, hive_partitioning=False)
        elif name.endswith(_ARROW):
            frame = pl.scan_ipc(path, hive_partitioning=False)
        elif name.endswith(_NDJSON):
            names = pl.scan_ndjson(path).collect_schema().names()
            # As text: a number beyond 2^53 keeps its digits.
            frame = pl.scan_ndjson(path, schema_overrides=dict.fromkeys(names, pl.String))
        elif name.endswith(_CSV):
            frame = pl.scan_csv(
                path, separator=_separator(path), infer_schema=False, glob=False,
            )  # fmt: skip
        else:
            raise Segment1BError(
                "E_INPUT_SCHEMA", "its name does not say what it is", file=path, value=path.suffix,
                next_step="save the table as .csv, .tsv, .parquet, .arrow, .feather or .ndjson",
            )  # fmt: skip
        columns = tuple(frame.collect_schema().names())
    except (pl.exceptions.PolarsError, OSError) as err:
        raise _unreadable(path, err) from err
    return OutletTable(path, frame, columns)


def _separator(path: Path) -> str:
    if ".tsv" in path.name.lower():
        return "\t"
    if path.suffix.lower() in (".gz", ".zst"):
        return ","
    with path.open(encoding="utf-8-sig", newline="") as handle:
        try:
            header = handle.readline(1 << 16)
        except UnicodeDecodeError as err:
            raise _unreadable(path, err) from err
    if "\0" in header:
        raise _unreadable(path, ValueError("its header holds zero bytes"))
    try:
        return csv.Sniffer().sniff(header, _SEPARATORS).delimiter
    except csv.Error:
        return ","


def _unreadable(path: Path, err: Exception) -> Segment1BError:
    said = " ".join(str(err).split()).partition(" Consider setting")[0][:300]
    if any(sign in said for sign in ("utf-8", "zero bytes")):
        return Segment1BError(
            "E_INPUT_SCHEMA", f"is not in UTF-8: {said}", file=path,
            next_step="convert it (iconv -f WINDOWS-1252 -t UTF-8 in.csv > out.csv; of a table "
            "with zero bytes -f UTF-16), and import that",
        )  # fmt: skip
    return Segment1BError(
        "E_INPUT_SCHEMA", f"cannot be read as a table: {said}",
        file=path, next_step="replace it by a whole file (CSV with a header line, in UTF-8)",
    )  # fmt: skip
