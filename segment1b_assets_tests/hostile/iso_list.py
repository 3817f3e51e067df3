"""The ISO list, spoiled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from segment1b_assets_tests.hostile import files
from segment1b_assets_tests.hostile.cases import EVERYBODY, Case, Oddity
from segment1b_assets_tests.hostile.laboratory import BAD, Lab, edit_table, with_column


def damaged(damage: Callable[[Path], object]) -> Callable[[Lab], object]:
    return lambda lab: damage(lab.iso)


def edited(change: Callable[[pa.Table], pa.Table]) -> Callable[[Lab], object]:
    return lambda lab: edit_table(lab.iso, change)


def code_becomes(text: str | None) -> Callable[[Lab], object]:
    def change(table: pa.Table) -> pa.Table:
        codes = [text if c == BAD else c for c in table["country_iso"].to_pylist()]
        return with_column(table, "country_iso", codes, pa.string())

    return edited(change)


def _not_utf8(table: pa.Table) -> pa.Table:
    raw = [b"\xff\xfe" if c == BAD else c.encode() for c in table["country_iso"].to_pylist()]
    text = pa.StringArray.from_buffers(len(raw), *pa.array(raw, pa.binary()).buffers()[1:])
    return with_column(table, "country_iso", text)


def _as(name: str, kind: pa.DataType) -> Callable[[Lab], object]:
    def change(table: pa.Table) -> pa.Table:
        values = range(table.num_rows)
        return with_column(table, name, list(values), kind)

    return edited(change)


def _null(name: str) -> Callable[[Lab], object]:
    def change(table: pa.Table) -> pa.Table:
        values = [None, *table[name].to_pylist()[1:]]
        return with_column(table, name, values, table.schema.field(name).type)

    return edited(change)


def _case(name: str, spoil: Callable[[Lab], object], code: str, *says: str) -> Case:
    return Case(
        f"ISO list: {name}", spoil, ("S1",), code, EVERYBODY, says=("iso3166.parquet", *says)
    )


def _bomb(lab: Lab) -> None:
    """Names of a megabyte each, which compress to nothing."""

    def change(table: pa.Table) -> pa.Table:
        return with_column(table, "name", ["x" * ((300 << 20) // table.num_rows)] * table.num_rows)

    edit_table(lab.iso, change, use_dictionary=False, compression="zstd")
    assert lab.iso.stat().st_size < 1 << 20


CASES = [
    _case(
        "twenty thousand rows",
        edited(lambda t: pa.concat_tables([t, *[t.slice(0, 1)] * 20_000])),
        "E_INPUT_SCHEMA",
        "10,000",
    ),
    _case(
        "names that unpack to 300 MiB",
        _bomb,
        "E_INPUT_SCHEMA",
        "256 MiB",
    ),
    _case("missing", damaged(files.missing), "E_INPUT_MISSING"),
    _case("a dangling link", damaged(files.a_dangling_link), "E_INPUT_MISSING"),
    *(_case(what, damaged(how), "E_INPUT_SCHEMA") for what, how in files.UNREADABLE.items()),
    *(
        _case(f"no column {c}", edited(lambda t, c=c: t.drop_columns([c])), "E_INPUT_SCHEMA", c)
        for c in ("country_iso", "alpha3", "numeric_code", "name")
    ),
    _case("codes are numbers", _as("country_iso", pa.int64()), "E_INPUT_SCHEMA", "country_iso"),
    _case("numeric_code is int32", _as("numeric_code", pa.int32()), "E_INPUT_SCHEMA", "int32"),
    _case("names are numbers", _as("name", pa.int32()), "E_INPUT_SCHEMA", "name"),
    _case("alpha3 is a number", _as("alpha3", pa.int32()), "E_INPUT_SCHEMA", "alpha3"),
    _case("lower case", code_becomes("fk"), "E005_ISO_FK", "fk"),
    _case("three letters", code_becomes("FLK"), "E005_ISO_FK", "FLK"),
    _case("a trailing space", code_becomes("FK "), "E005_ISO_FK", "FK "),
    _case("a trailing line feed", code_becomes("FK\n"), "E005_ISO_FK"),
    _case("empty text", code_becomes(""), "E005_ISO_FK"),
    _case("a Cyrillic look-alike", code_becomes("FК"), "E005_ISO_FK"),
    _case("a path", code_becomes("../../FK"), "E005_ISO_FK", "../../FK"),
    _case("a duplicate", code_becomes("FI"), "E_INPUT_SCHEMA", "FI"),
    _case("a null code", code_becomes(None), "E_INPUT_SCHEMA", "country_iso"),
    _case("a null name", _null("name"), "E_INPUT_SCHEMA", "name"),
    _case("text that is no UTF-8", edited(_not_utf8), "E_INPUT_SCHEMA"),
    Case(
        "ISO list: the country is not on it",
        edited(lambda t: t.filter(pa.compute.not_equal(t["country_iso"], BAD))),
        ("S1",),
        "E005_ISO_FK",
        BAD,
        says=("FK",),
    ),
    Case(
        "ISO list: no row",
        edited(lambda t: t.slice(0, 0)),
        ("S1",),
        "E005_ISO_FK",
        EVERYBODY,
        also=("FM",),
    ),
]

ODDITIES = [
    Oddity(
        "ISO list: further columns",
        edited(lambda t: t.append_column("region", pa.array(["R"] * t.num_rows))),
        ("S1",),
    ),
    Oddity(
        "ISO list: dictionary-encoded codes",
        edited(lambda t: with_column(t, "country_iso", t["country_iso"].dictionary_encode())),
        ("S1",),
    ),
]
