"""The columns of a table of merchants as numbers and codes: exact, or refused (contract §3)."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import polars as pl

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.imports.country_codes import CountryCodes

#: Names that columns usually have, the better first; compared without case.
MERCHANT_NAMES: Final = ("merchant_id", "merchant", "merchantid", "id")
COUNTRY_NAMES: Final = (
    "legal_country_iso", "country_iso", "country", "country_code", "iso2", "iso3", "iso",
)  # fmt: skip
#: site_id has six digits.
MOST_SITES: Final = 999_999
_HEX: Final = r"^0[xX][0-9a-fA-F]{1,16}$"
_DECIMAL: Final = r"^[+-]?[0-9]{1,20}$"


@dataclass
class ReadAs:
    """What was made of the columns, for the report.

    Attributes:
        rows: rows read.
        hexadecimal: ids written in base 16.
        signed: ids below zero, taken as the same 64 bits without a sign.
        other_codes: country as written -> (code, rows), where they differ.
        unlisted: country that is not on the list -> rows.
    """

    rows: int = 0
    hexadecimal: int = 0
    signed: int = 0
    other_codes: dict[str, tuple[str, int]] = field(default_factory=dict)
    unlisted: dict[str, int] = field(default_factory=dict)


def usual_column(columns: tuple[str, ...], names: tuple[str, ...], option: str, file: Path) -> str:
    """The column that has one of the usual names.

    Raises:
        Segment1BError: E_INPUT_SCHEMA, listing the columns.
    """
    by_lower = {column.strip().lower(): column for column in reversed(columns)}
    for name in names:
        if name in by_lower:
            return by_lower[name]
    raise Segment1BError(
        "E_INPUT_SCHEMA", f"no column is called {' or '.join(names[:2])}", file=file,
        value=", ".join(columns)[:300], next_step=f"name the column with {option}",
    )  # fmt: skip


def merchant_ids(column: pl.Series, seen: ReadAs, file: Path) -> pl.Series:
    """Ids as uint64: unsigned, signed 64 bits reinterpreted, decimal or 0x text.

    Raises:
        Segment1BError: E_INPUT_SCHEMA for an id that is none, with its row; for a column of
            floating-point numbers, which beyond 2^53 do not hold every id.
    """
    if column.dtype == pl.String:
        text = column.str.strip_chars()
        hexadecimal = text.str.contains(_HEX)
        base16 = text.str.slice(2).str.to_integer(base=16, dtype=pl.UInt64, strict=False)
        unsigned = text.str.strip_prefix("+").cast(pl.UInt64, strict=False)
        signed = text.cast(pl.Int64, strict=False)
        frame = pl.DataFrame(
            {"hex": hexadecimal, "b": base16, "u": unsigned, "s": signed.reinterpret(signed=False),
             "n": text.str.contains(_DECIMAL)}
        )  # fmt: skip
        ids = frame.select(
            pl.when("hex").then("b").when(pl.col("n")).then(pl.coalesce("u", "s"))
        ).to_series()  # fmt: skip
        seen.hexadecimal += int(hexadecimal.sum())
        seen.signed += int((unsigned.is_null() & signed.is_not_null()).sum())
    elif column.dtype.is_unsigned_integer():
        ids = column.cast(pl.UInt64)
    elif column.dtype.is_signed_integer() and column.dtype != pl.Int128:
        whole = column.cast(pl.Int64)
        seen.signed += int((whole < 0).sum() or 0)
        ids = whole.reinterpret(signed=False)
    else:
        raise Segment1BError(
            "E_INPUT_SCHEMA", f"column {column.name!r} holds {column.dtype}, no 64-bit ids",
            file=file, value=str(column.dtype),
            next_step="write the ids as integers or as text: floating point beyond 2^53 has "
            "already lost some",
        )  # fmt: skip
    if ids.null_count():
        at = int(ids.is_null().arg_max() or 0)
        raise Segment1BError(
            "E_INPUT_SCHEMA", f"row {seen.rows + at + 1}: column {column.name!r} holds no id",
            file=file, value=column[at],
            next_step="give each merchant a whole number below 2^64, in decimal or as 0x…",
        )  # fmt: skip
    return ids


def country_codes(column: pl.Series, codes: CountryCodes, seen: ReadAs) -> pl.Series:
    """Alpha-2 codes; what is not on the list is null, and counted in `seen.unlisted`."""
    texts = column.cast(pl.String).fill_null("")
    counts = texts.value_counts()
    resolved = codes.resolve(counts[column.name].to_list())
    for text, rows in counts.iter_rows():
        code = resolved[text]
        if code is None:
            seen.unlisted[text] = seen.unlisted.get(text, 0) + rows
        elif code != text:
            seen.other_codes[text] = (code, seen.other_codes.get(text, (code, 0))[1] + rows)
    return texts.replace_strict(resolved, return_dtype=pl.String)


def whole_numbers(column: pl.Series, seen: ReadAs, file: Path) -> pl.Series:
    """Counts or orders as int64, each from 1 to 999,999.

    Raises:
        Segment1BError: E_INPUT_SCHEMA for anything else, with its row.
    """
    text = column.cast(pl.String).str.strip_chars().str.strip_suffix(".0")
    numbers = text.cast(pl.Int64, strict=False)
    wrong = (numbers.is_null() | ~numbers.is_between(1, MOST_SITES)).fill_null(True)
    if wrong.any():
        at = int(wrong.arg_max() or 0)
        raise Segment1BError(
            "E_INPUT_SCHEMA",
            f"row {seen.rows + at + 1}: column {column.name!r} is no whole number from 1 to "
            f"{MOST_SITES:,}",
            file=file, value=column[at], next_step="mend the row, or leave it out",
        )  # fmt: skip
    return numbers
