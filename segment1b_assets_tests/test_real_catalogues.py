"""Outlet catalogues as people's tools write them: read right, or refused with a way out."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.storage.catalogue import OutletCatalogue, read_outlet_catalogue
from segment1b_assets_tests.test_real_polygons import KINDS

FP = "0b" * 32
ISO = frozenset({"FJ", "LV"})
#: An id with the top bit: no signed integer holds it.
HIGH = (1 << 64) - 1


def table(text: pa.DataType | None = None, order: pa.DataType | None = None) -> pa.Table:
    rows = [(7, "FJ", 1), (7, "LV", 1), (7, "LV", 2), (HIGH, "LV", 1)]
    merchant, country, number = zip(*rows, strict=True)
    kind = text or pa.string()
    return pa.table(
        {
            "merchant_id": pa.array(merchant, pa.uint64()),
            "legal_country_iso": pa.array(country, pa.string()).cast(kind),
            "site_order": pa.array(number, pa.int32()).cast(order or pa.int32()),
            "site_id": pa.array([f"{n:06d}" for n in number], pa.string()).cast(kind),
            "manifest_fingerprint": pa.array([FP] * len(rows), pa.string()).cast(kind),
            "chain": pa.array([None, 1.5, 2.5, None]),
        }
    )


def read(folder: Path) -> OutletCatalogue:
    return read_outlet_catalogue(folder, sorted(folder.glob("*.parquet")), FP, ISO)


def is_read_right(folder: Path) -> None:
    found = read(folder)
    assert not found.faults
    assert not found.unknown_codes
    assert found.outlets["LV"].merchant_id.tolist() == [7, 7, HIGH]
    assert found.outlets["LV"].site_order.tolist() == [1, 2, 1]
    assert found.outlets["FJ"].merchant_id.tolist() == [7]


def refused(folder: Path) -> Segment1BError:
    with pytest.raises(Segment1BError) as caught:
        read(folder)
    return caught.value


@pytest.mark.parametrize("text", [text for _, text in KINDS], ids=str)
def test_every_form_of_text_is_read(tmp_path: Path, text: pa.DataType) -> None:
    pq.write_table(table(text), tmp_path / "part-0.parquet")
    is_read_right(tmp_path)


def test_tables_of_polars_are_read(tmp_path: Path) -> None:
    for number, name in enumerate(("newest", "oldest")):
        frame = pl.from_arrow(table())
        assert isinstance(frame, pl.DataFrame)
        level = getattr(pl.CompatLevel, name)()
        pq.write_table(frame.to_arrow(compat_level=level), tmp_path / "part-0.parquet")
        is_read_right(tmp_path)
        if number:
            frame = frame.with_columns(pl.col("legal_country_iso").cast(pl.Categorical))
        frame.write_parquet(tmp_path / "part-0.parquet", use_pyarrow=False)
        is_read_right(tmp_path)


@pytest.mark.parametrize("order", [pa.int8(), pa.uint8(), pa.int16(), pa.uint32(), pa.int64(),
                                   pa.uint64()], ids=str)  # fmt: skip
@pytest.mark.parametrize("version", ["1.0", "2.4", "2.6"])
def test_every_integer_is_a_site_order(tmp_path: Path, order: pa.DataType, version: str) -> None:
    pq.write_table(table(order=order), tmp_path / "part-0.parquet", version=version,
                   data_page_version="2.0" if version == "2.6" else "1.0",
                   compression="gzip", row_group_size=2)  # fmt: skip
    is_read_right(tmp_path)


@pytest.mark.parametrize(
    ("name", "column", "says"),
    [
        ("merchant_id", pa.array([7, 7, 7, 8], pa.int64()), "uint64"),
        ("merchant_id", pa.array([Decimal(7)] * 4, pa.decimal128(20, 0)), "uint64"),
        ("merchant_id", pa.array([7.0] * 4), "uint64"),
        ("merchant_id", pa.array(["7"] * 4), "uint64"),
        ("site_order", pa.array([Decimal(1)] * 4, pa.decimal128(5, 0)), "integer"),
        ("site_order", pa.array([1.0] * 4), "integer"),
        ("legal_country_iso", pa.array([b"FJ", b"LV", b"LV", b"LV"]), "text"),
        ("legal_country_iso", pa.array(["FJ", None, "LV", "LV"]), "null"),
        ("legal_country_iso", pa.array(["FJ", None, "LV", "LV"]).dictionary_encode(), "null"),
        ("legal_country_iso", pa.array(["FJ", None, "LV", "LV"], pa.string_view()), "null"),
    ],
    ids=lambda v: str(getattr(v, "type", v)),
)
def test_columns_of_another_kind_are_refused(
    tmp_path: Path, name: str, column: pa.Array, says: str
) -> None:
    made = table()
    at = made.schema.get_field_index(name)
    pq.write_table(made.set_column(at, name, column), tmp_path / "part-0.parquet")
    error = refused(tmp_path)
    assert error.code == "E305_SCHEMA_INVALID"
    assert name in error.detail
    assert says in error.detail


def delta(folder: Path) -> Path:
    (folder / "_delta_log").mkdir()
    (folder / "_delta_log" / "00000000000000000000.json").write_text('{"remove":{"path":"x"}}\n')
    return folder / "_delta_log"


def iceberg(folder: Path) -> Path:
    (folder / "metadata").mkdir()
    (folder / "metadata" / "v1.metadata.json").write_text("{}")
    return folder / "metadata"


def hudi(folder: Path) -> Path:
    (folder / ".hoodie").mkdir()
    (folder / ".hoodie" / "hoodie.properties").write_text("hoodie.table.name=outlets\n")
    return folder / ".hoodie"


@pytest.mark.parametrize(("make", "says"), [(delta, "Delta"), (iceberg, "Iceberg"), (hudi, "Hudi")])
@pytest.mark.parametrize("inside", [False, True])
def test_a_table_formats_folder_is_refused(
    tmp_path: Path, make: Callable[[Path], Path], says: str, inside: bool
) -> None:
    data = tmp_path / "data" if inside else tmp_path
    data.mkdir(exist_ok=True)
    pq.write_table(table(), data / "part-00000-new.parquet")
    pq.write_table(table(), data / "part-00001-old.parquet")
    log = make(tmp_path)
    error = refused(tmp_path)
    assert (error.code, error.file) == ("E305_SCHEMA_INVALID", str(log))
    assert says in error.detail
    assert "plain parquet" in error.next_step


@pytest.mark.parametrize(
    "stray",
    ["part-1.PARQUET", "part-1.parq", "legal_country_iso=LV/part-1.parquet",
     "_temporary/0/part-1.snappy.parquet"],
)  # fmt: skip
def test_parquet_that_would_be_passed_over_is_refused(tmp_path: Path, stray: str) -> None:
    pq.write_table(table(), tmp_path / "part-0.parquet")
    (tmp_path / stray).parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table(), tmp_path / stray)
    error = refused(tmp_path)
    assert (error.code, error.file) == ("E305_SCHEMA_INVALID", str(tmp_path / stray))


def test_what_spark_and_finder_leave_beside_it_is_passed_over(tmp_path: Path) -> None:
    pq.write_table(table(), tmp_path / "part-00000-6c-c000.snappy.parquet", compression="snappy")
    for name in ("_SUCCESS", "._SUCCESS.crc", ".part-00000-6c-c000.snappy.parquet.crc",
                 "_metadata", "_common_metadata", ".DS_Store"):  # fmt: skip
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "metadata").mkdir()
    is_read_right(tmp_path)


def test_ids_beyond_signed_integers_survive_pandas_and_duckdb_forms(tmp_path: Path) -> None:
    """UINT64 without Arrow's own schema, as fastparquet, DuckDB and Impala write it."""
    pq.write_table(table(), tmp_path / "part-0.parquet", store_schema=False, use_dictionary=False)
    is_read_right(tmp_path)
    assert np.iinfo(np.uint64).max == HIGH


@pytest.mark.parametrize("encoding", ["DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY", "PLAIN"])
def test_encodings_of_parquets_second_version_are_read(tmp_path: Path, encoding: str) -> None:
    """As DuckDB (PARQUET_VERSION V2), Spark and arrow-rs write text without a dictionary."""
    texts = ("legal_country_iso", "manifest_fingerprint", "site_id")
    pq.write_table(
        table(), tmp_path / "part-0.parquet", use_dictionary=False, data_page_version="2.0",
        column_encoding={**dict.fromkeys(texts, encoding), "site_order": "DELTA_BINARY_PACKED"},
    )  # fmt: skip
    is_read_right(tmp_path)
