"""The form of a partition's files: columns, types, constants, values, lineage (sections 2 and 4).

The one check of form. Whatever it asks is derived from the table's declaration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pandera.polars as pa_pl
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from pandera.config import ValidationDepth, config_context
from pandera.errors import SchemaError, SchemaErrors

from segment1b_assets.contracts import CONTRACT_VERSION
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.schemas import Column, TableSchema
from segment1b_assets.storage.parquet import lineage_of, open_parquet, reading
from segment1b_assets.storage.read_ahead import LARGE_ROWS, read_ahead
from segment1b_assets.validation.verdict import Verdict

_POLARS: Mapping[str, type[pl.DataType]] = {
    # The codes of a dictionary column are of no interest: the label is judged as text.
    "iso": pl.Categorical,
    "text": pl.Categorical,
    "uint64": pl.UInt64,
    "int64": pl.Int64,
    "int32": pl.Int32,
    "float64": pl.Float64,
}
#: Takes a column whose constant differs, and says what is there.
OnConstant = Callable[[str, str], None]


def judge_form(
    country: str, files: Sequence[Path], table: TableSchema, tokens: Mapping[str, str], *,
    schema: str, lineage: str, constants: Mapping[str, str] | None = None, values: bool = True,
) -> list[Verdict]:  # fmt: skip
    """Judge form and lineage of a partition, in bounded memory.

    Args:
        tokens: what the files' metadata must say beside the contract version and the country.
        schema, lineage: the codes of the two verdicts, in that order in the result.
        constants: text columns of one value, beside the country's.
        values: judge numbers too: finite, and within the declared bounds. A table whose own rules
            settle every number can do without.
    """
    constants = {_iso(table): country, **(constants or {})}
    rows = 0
    try:
        columns = None if values else list(constants)
        for batch in checked_batches(files, table, constants, columns=columns):
            rows += batch.num_rows
    except Segment1BError as err:
        form = Verdict(schema, False, err.detail, where=err.file or "", value=err.value)
    else:
        form = Verdict(schema, True, facts={"rows": rows, "files": len(files)})
    return [form, judge_lineage(country, files, tokens, lineage)]


def checked_batches(
    files: Sequence[Path], table: TableSchema, constants: Mapping[str, str], *,
    columns: Sequence[str] | None = None, rows: int = 1 << 20,
    on_constant: OnConstant | None = None,
) -> Iterator[pa.RecordBatch]:  # fmt: skip
    """A partition's batches, each checked before it is handed out.

    A published column is declared without nulls, which parquet then has no way to hold: equal
    schemas settle that there is none.

    Args:
        constants: text columns of one value. They are read as dictionaries, in which a constant of
            any length is one string.
        columns: the columns to read, None for all. Only if all are read are numbers judged.
        rows: of a batch.
        on_constant: takes the faults of constants, and numbers are not judged; without it, all
            faults are raised.

    Raises:
        Segment1BError: E_INPUT_MISSING without a file; E_INPUT_SCHEMA for whatever is off.
    """
    if not files:
        raise Segment1BError("E_INPUT_MISSING", "the partition has no file")
    for path in files:
        _require_schema(path, table)
        with (
            reading(path),
            pq.ParquetFile(
                path, memory_map=False, pre_buffer=False, read_dictionary=list(constants)
            ) as reader,
        ):
            found = reader.iter_batches(batch_size=rows, columns=columns, use_threads=False)
            if reader.metadata.num_rows >= LARGE_ROWS:
                found = read_ahead(found)
            for batch in found:
                for name, wanted in constants.items():
                    _check_constant(batch.column(name), name, wanted, path, on_constant)
                if columns is None and on_constant is None:
                    _check_values(batch, table, path)
                yield batch


def _require_schema(path: Path, table: TableSchema) -> None:
    with open_parquet(path) as reader:
        if not reader.schema_arrow.equals(table.arrow, check_metadata=False):
            found = ", ".join(f"{f.name}: {f.type}" for f in reader.schema_arrow)
            raise Segment1BError(
                "E_INPUT_SCHEMA",
                f"{path.name}: its columns are ({found}), not those of {table.dataset}",
                file=path,
            )


def _check_constant(
    column: pa.DictionaryArray, name: str, wanted: str, path: Path, on_constant: OnConstant | None
) -> None:
    column.dictionary.validate(full=True)  # labels that are no UTF-8
    codes = column.indices.to_numpy().view(np.uint32)
    if codes.size and codes.max() >= len(column.dictionary):
        column.validate(full=True)  # says which code has no label; ten times as slow
    if column.dictionary.to_pylist() == [wanted]:
        return
    for other in column.unique().to_pylist():
        if other == wanted:
            continue
        detail = f"{name} is {other!r}, not {wanted!r}"
        if on_constant is None:
            raise Segment1BError("E_INPUT_SCHEMA", f"{path.name}: {detail}", file=path, value=other)
        on_constant(name, detail)


def _check_values(batch: pa.RecordBatch, table: TableSchema, path: Path) -> None:
    """Raise E_INPUT_SCHEMA for the first value that the table's declaration does not admit.

    The file's schema is the declared one. What is left of the model is the one expression of its
    values, a tenth of the model's own time; where that does not hold, the model names the fault.
    """
    # Polars panics over metadata that is no text; lineage is judged by itself.
    frame = pl.DataFrame(pl.from_arrow(batch.replace_schema_metadata(None)))
    if frame.select(_good(table).all()).item():
        return
    try:
        with config_context(validation_depth=ValidationDepth.SCHEMA_AND_DATA):
            pandera_model(table).validate(frame)
    except (SchemaError, SchemaErrors) as err:
        detail = f"{path.name}: {' '.join(str(err).split())[:300]}"
        raise Segment1BError("E_INPUT_SCHEMA", detail, file=path) from err


@cache
def pandera_model(table: TableSchema) -> pa_pl.DataFrameSchema:
    """The pandera model of a table: column order, types, bounds; no nulls, NaN or infinities."""
    bounds = [_bound(c) for c in table.columns if c.low is not None or c.high is not None]
    return pa_pl.DataFrameSchema(
        {c.name: pa_pl.Column(_POLARS[c.kind], nullable=True) for c in table.columns},
        checks=pa_pl.Check(
            lambda data: data.lazyframe.select(_good(table)),
            name="values",
            error="; ".join(["no null, NaN or infinity", *bounds]),
        ),
        strict=True,
        ordered=True,
    )


def _bound(column: Column) -> str:
    low = "" if column.low is None else f"{column.low} <= "
    return f"{low}{column.name}" + ("" if column.high is None else f" <= {column.high}")


@cache
def _good(table: TableSchema) -> pl.Expr:
    """Whether each row's values are there, finite and within their columns' bounds."""
    good = [pl.col(c.name).is_not_null() for c in table.columns]
    good += [pl.col(c.name).is_finite() for c in table.columns if c.kind == "float64"]
    good += [pl.col(c.name) >= c.low for c in table.columns if c.low is not None]
    good += [pl.col(c.name) <= c.high for c in table.columns if c.high is not None]
    return pl.all_horizontal(good)


def _iso(table: TableSchema) -> str:
    return next(c.name for c in table.columns if c.kind == "iso")


def judge_lineage(
    country: str, files: Sequence[Path], tokens: Mapping[str, str], code: str
) -> Verdict:
    """Whether every file's metadata names the contract, the country and `tokens`."""
    if not files:
        return Verdict(code, False, "the partition has no file")
    wanted = {"contract_version": CONTRACT_VERSION, **tokens, "country": country}
    for path in files:
        try:
            found = lineage_of(path)
        except Segment1BError as err:
            return Verdict(code, False, err.detail, where=str(path))
        for name, value in wanted.items():
            if found.get(name) != value:
                detail = f"{path.name} says {name}={found.get(name)!r}, not {value!r}"
                return Verdict(code, False, detail, {}, str(path), found.get(name))
    return Verdict(code, True)
