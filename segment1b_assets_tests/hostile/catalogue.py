"""The outlet catalogue of segment 1A, spoiled."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from segment1b_assets_tests.hostile import files
from segment1b_assets_tests.hostile.cases import EVERYBODY, Case, Oddity
from segment1b_assets_tests.hostile.laboratory import BAD, Lab, with_column

Spoil = Callable[[Lab], object]
Rows = list[dict[str, Any]]
OTHER = "ab" * 32


def whole(lab: Lab) -> pa.Table:
    """The catalogue in one table of plain types."""
    table = pa.concat_tables(
        [pq.ParquetFile(p).read() for p in sorted(lab.catalogue.glob("*.parquet"))]
    )
    return with_column(
        with_column(table, "legal_country_iso", table["legal_country_iso"].cast(pa.string())),
        "site_order",
        table["site_order"].cast(pa.int64()),
    )


def put(lab: Lab, *tables: pa.Table) -> None:
    """Replace the catalogue by these files."""
    for path in lab.catalogue.glob("*.parquet"):
        path.unlink()
    for number, table in enumerate(tables):
        pq.write_table(table, lab.catalogue / f"part-{number:05d}.parquet")


def edited(change: Callable[[pa.Table], pa.Table]) -> Spoil:
    return lambda lab: put(lab, change(whole(lab)))


def rows(change: Callable[[Rows], Rows | None]) -> Spoil:
    """Change the catalogue's rows as a list of records; in place if nothing is returned."""

    def edit(table: pa.Table) -> pa.Table:
        records = table.to_pylist()
        return pa.Table.from_pylist(change(records) or records, table.schema)

    return edited(edit)


def of_bad(records: Rows) -> list[int]:
    """Positions of the bad country's rows, of its merchant that has most of them."""
    mine = [i for i, r in enumerate(records) if r["legal_country_iso"] == BAD]
    ids = [records[i]["merchant_id"] for i in mine]
    most = max(sorted(set(ids)), key=ids.count)
    return [i for i in mine if records[i]["merchant_id"] == most]


def damaged(damage: Callable[[Path], object]) -> Spoil:
    def spoil(lab: Lab) -> None:
        put(lab, whole(lab))
        damage(lab.catalogue / "part-00000.parquet")

    return spoil


def scrambled_fingerprints(path: Path) -> None:
    """The footer stays sound: only reading the column shows the damage."""
    group = pq.read_metadata(path).row_group(0)
    columns = [group.column(i) for i in range(group.num_columns)]
    (column,) = [c for c in columns if c.path_in_schema == "manifest_fingerprint"]
    start = column.dictionary_page_offset or column.data_page_offset
    raw = bytearray(path.read_bytes())
    for at in range(start, start + column.total_compressed_size):
        raw[at] ^= 0x5A
    path.write_bytes(raw)


def set_field(name: str, value: Any, at: int = -1) -> Spoil:
    def change(records: Rows) -> None:
        records[of_bad(records)[at]][name] = value

    return rows(change)


def every_row(name: str, value: Any) -> Spoil:
    """A field of every row of the bad country."""

    def change(records: Rows) -> None:
        for record in records:
            if record["legal_country_iso"] == BAD:
                record[name] = value

    return rows(change)


def column(name: str, kind: pa.DataType, values: Callable[[pa.Table], Any]) -> Spoil:
    return edited(lambda t: with_column(t, name, values(t), kind))


def gap(records: Rows) -> None:
    mine = of_bad(records)
    for i in mine[1:]:
        records[i]["site_order"] += 1


def without_first(records: Rows) -> Rows:
    first = of_bad(records)[0]
    return [r for i, r in enumerate(records) if i != first]


def duplicate(records: Rows) -> Rows:
    last = of_bad(records)[-1]
    return [*records[: last + 1], dict(records[last]), *records[last + 1 :]]


def swapped(records: Rows) -> None:
    mine = of_bad(records)
    records[mine[0]], records[mine[1]] = records[mine[1]], records[mine[0]]


def second_catalogue(lab: Lab) -> None:
    shutil.copytree(lab.catalogue, lab.catalogue.parent.with_name("seed=7") / lab.catalogue.name)


def other_fingerprint(lab: Lab) -> None:
    lab.catalogue.rename(lab.catalogue.with_name(f"manifest_fingerprint={OTHER}"))


def malformed_place(lab: Lab) -> None:
    lab.catalogue.rename(lab.catalogue.with_name("manifest_fingerprint=XYZ"))


def seed_too_large(lab: Lab) -> None:
    lab.catalogue.parent.rename(lab.catalogue.parent.with_name(f"seed={2**64}"))


def mixed_schemas(lab: Lab) -> None:
    table = whole(lab)
    put(lab, table, with_column(table.slice(0, 0), "merchant_id", [], pa.int64()))


def many_codes(lab: Lab) -> None:
    """Seventy thousand country codes: more than a small integer tells apart."""
    table = whole(lab)
    strange = [f"{i:06d}" for i in range(70_000)]
    more = pa.table(
        {
            "manifest_fingerprint": pa.array([lab.world.manifest_fingerprint] * len(strange)),
            "merchant_id": pa.array([1] * len(strange), pa.uint64()),
            "site_id": pa.array(["000001"] * len(strange)),
            "home_country_iso": pa.array(["US"] * len(strange)),
            "legal_country_iso": pa.array(strange),
            "site_order": pa.array([1] * len(strange), pa.int64()),
        }
    )
    put(lab, more, table)


def not_utf8(table: pa.Table) -> pa.Table:
    raw = [b"\xff\xfe" if c == BAD else c.encode() for c in table["legal_country_iso"].to_pylist()]
    text = pa.StringArray.from_buffers(len(raw), *pa.array(raw, pa.binary()).buffers()[1:])
    return with_column(table, "legal_country_iso", text)


def folder_among_files(lab: Lab) -> None:
    (lab.catalogue / "part-99999.parquet").mkdir()


def foreign_files(lab: Lab) -> None:
    (lab.catalogue / "_SUCCESS").write_bytes(b"")
    (lab.catalogue / ".part-00000.parquet.crc").write_bytes(b"crc")


def three_files(lab: Lab) -> None:
    table = whole(lab)
    third = table.num_rows // 3
    put(lab, table.slice(2 * third), table.slice(0, third), table.slice(third, third))


def _s3(
    name: str,
    spoil: Spoil,
    code: str,
    *says: str,
    country: str = EVERYBODY,
    also: tuple[str, ...] = (),
) -> Case:
    return Case(f"catalogue: {name}", spoil, ("S3",), code, country, also, says, "weighed")


def _bad(name: str, spoil: Spoil, code: str, *says: str) -> Case:
    return _s3(name, spoil, code, "part-0", *says, country=BAD)


_E305, _SCHEMA, _E302 = "E305_SCHEMA_INVALID", "E_INPUT_SCHEMA", "E302_FK_COUNTRY"

CASES = [
    _s3(
        "missing",
        lambda lab: shutil.rmtree(lab.catalogue.parent),
        "E_INPUT_MISSING",
        "found: nothing",
    ),
    _s3("a folder without files", lambda lab: put(lab), "E_INPUT_MISSING", "outlet_catalogue"),
    _s3("two, and no choice", second_catalogue, "E_INPUT_MISSING", "seed=7", "--seed"),
    _s3("a malformed fingerprint in the path", malformed_place, "E_INPUT_MISSING"),
    _s3("a seed past 64 bits", seed_too_large, "E_INPUT_MISSING"),
    _s3("of a fingerprint that was never gated", other_fingerprint, "E301_NO_PASS_FLAG"),
    *(
        _s3(what, damaged(how), _SCHEMA, "part-00000.parquet")
        for what, how in files.UNREADABLE.items()
    ),
    _s3("a folder among the files", folder_among_files, _SCHEMA, "part-99999.parquet"),
    *(
        _s3(f"no column {name}", edited(lambda t, name=name: t.drop_columns([name])), _E305, name)
        for name in (
            "merchant_id",
            "legal_country_iso",
            "site_order",
            "manifest_fingerprint",
            "site_id",
        )
    ),
    _s3(
        "signed merchant ids",
        column("merchant_id", pa.int64(), lambda t: list(range(t.num_rows))),
        _E305,
        "int64",
    ),
    _s3(
        "merchant ids as floats",
        column("merchant_id", pa.float64(), lambda t: [float(i) for i in range(t.num_rows)]),
        _E305,
        "double",
    ),
    _s3(
        "merchant ids as text",
        column(
            "merchant_id", pa.string(), lambda t: [str(i) for i in t["merchant_id"].to_pylist()]
        ),
        _E305,
        "string",
    ),
    _s3(
        "site_order as float",
        column(
            "site_order", pa.float64(), lambda t: [float(i) for i in t["site_order"].to_pylist()]
        ),
        _E305,
        "double",
    ),
    _s3(
        "countries as numbers",
        column("legal_country_iso", pa.int32(), lambda t: [1] * t.num_rows),
        _E305,
        "int32",
    ),
    _s3(
        "site_id as number",
        column("site_id", pa.int64(), lambda t: [1] * t.num_rows),
        _E305,
        "site_id",
    ),
    _s3("files of two schemas", mixed_schemas, _E305, "int64"),
    _s3("a null merchant", set_field("merchant_id", None), _E305, "merchant_id"),
    _s3("a null country", set_field("legal_country_iso", None), _E305, "legal_country_iso"),
    _s3("a null site_order", set_field("site_order", None), _E305, "site_order"),
    _s3("a null fingerprint", set_field("manifest_fingerprint", None), _E305),
    _s3("countries that are no UTF-8", edited(not_utf8), _E305),
    _s3("seventy thousand countries", many_codes, _E305, "legal_country_iso"),
    _bad("a gap in site_order", rows(gap), "E314_SITE_ORDER_INTEGRITY", "merchant"),
    _bad("site_order from 2", rows(without_first), "E314_SITE_ORDER_INTEGRITY"),
    _bad("site_order 0", set_field("site_order", 0, 0), "E314_SITE_ORDER_INTEGRITY", "0"),
    _bad("site_order negative", set_field("site_order", -(2**63), 0), "E314_SITE_ORDER_INTEGRITY"),
    _bad("site_order 2^63 - 1", set_field("site_order", 2**63 - 1), "E314_SITE_ORDER_INTEGRITY"),
    _s3(
        "site_order past 63 bits",
        column("site_order", pa.uint64(), lambda t: [2**64 - 1] * t.num_rows),
        _E305,
        "site_order",
    ),
    _bad("a duplicate row", rows(duplicate), "E307_PK_DUPLICATE", "more than once"),
    _bad("two rows swapped", rows(swapped), "E310_UNSORTED", "order"),
    _bad(
        "a row of another fingerprint",
        set_field("manifest_fingerprint", OTHER),
        "E306_TOKEN_MISMATCH",
    ),
    _s3("an unknown country", every_row("legal_country_iso", "QQ"), _E302, "'QQ'", country="QQ"),
    _s3("an empty country", every_row("legal_country_iso", ""), _E302, country=""),
    _s3("a path as country", every_row("legal_country_iso", "../../x"), _E302, country="../../x"),
    _s3(
        "a country with markup",
        every_row("legal_country_iso", "[red]<b>"),
        _E302,
        country="[red]<b>",
    ),
    _s3("lower case", every_row("legal_country_iso", "fk"), _E302, "fk", country=BAD, also=("fk",)),
    Case(
        "catalogue: lies in another fingerprint's folder",
        column("manifest_fingerprint", pa.string(), lambda t: [OTHER] * t.num_rows),
        ("S0",),
        "E_PARTITION_MISPLACED",
        EVERYBODY,
        says=(OTHER,),
    ),
    Case(
        "catalogue: missing at the gate",
        lambda lab: shutil.rmtree(lab.catalogue.parent),
        ("S0",),
        "E_INPUT_MISSING",
        EVERYBODY,
    ),
    Case("catalogue: cut in half at the gate", damaged(files.half), ("S0",), _SCHEMA, EVERYBODY),
    Case(
        "catalogue: fingerprints on a damaged page at the gate",
        damaged(scrambled_fingerprints),
        ("S0",),
        _SCHEMA,
        EVERYBODY,
        says=("part-00000.parquet", "cannot be read as parquet"),
    ),
    Case("catalogue: a pipe at the gate", damaged(files.a_pipe), ("S0",), _SCHEMA, EVERYBODY),
]

ODDITIES = [
    Oddity(
        "catalogue: further columns",
        edited(lambda t: t.append_column("note", pa.array(["x"] * t.num_rows))),
        ("S3",),
        "weighed",
    ),
    Oddity("catalogue: three files in another order", three_files, ("S3",), "weighed"),
    Oddity("catalogue: files that are not parquet beside it", foreign_files, ("S3",), "weighed"),
    Oddity(
        "catalogue: large text, small integers",
        edited(
            lambda t: with_column(
                with_column(t, "legal_country_iso", t["legal_country_iso"].cast(pa.large_string())),
                "site_order",
                pc.cast(t["site_order"], pa.uint8()),
            )
        ),
        ("S3",),
        "weighed",
    ),
    Oddity("catalogue: no row", edited(lambda t: t.slice(0, 0)), ("S3",), "weighed", same=False),
]
