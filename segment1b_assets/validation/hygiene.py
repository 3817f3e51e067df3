"""Judges a partition's form: schema, nulls, constants, lineage (contract sections 2 and 4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import pandera.polars as pa_pl
import polars as pl
from pandera.config import ValidationDepth, config_context
from pandera.errors import SchemaError, SchemaErrors

from segment1b_assets.contracts import CONTRACT_VERSION
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.schemas import Column, TableSchema
from segment1b_assets.storage.parquet import lineage_of, open_parquet, reading
from segment1b_assets.validation.verdict import Verdict

_POLARS: Mapping[str, type[pl.DataType]] = {
    "uint64": pl.UInt64,
    "int64": pl.Int64,
    "int32": pl.Int32,
    "float64": pl.Float64,
    "text": pl.String,
}


@cache
def pandera_model(table: TableSchema) -> pa_pl.DataFrameSchema:
    """The pandera model of a table: column order, types, bounds; no nulls, NaN or infinities.

    What values may be is one check of the whole frame: pandera makes a pass for each check of each
    column, which for a small country costs more than everything else that judges it.
    """
    bounds = [_bound(c) for c in table.columns if c.low is not None or c.high is not None]
    return pa_pl.DataFrameSchema(
        {c.name: pa_pl.Column(_kind(c), nullable=True) for c in table.columns},
        checks=pa_pl.Check(
            lambda data: data.lazyframe.select(_good(table)),
            name="values",
            error="; ".join(["no null, NaN or infinity", *bounds]),
        ),
        strict=True,
        ordered=True,
    )


def _kind(column: Column) -> type[pl.DataType]:
    # The codes of a dictionary column are of no interest: the label is judged as text.
    return pl.Categorical if column.kind == "iso" else _POLARS[column.kind]


def _bound(column: Column) -> str:
    low = "" if column.low is None else f"{column.low} <= "
    return f"{low}{column.name}" + ("" if column.high is None else f" <= {column.high}")


def _good(table: TableSchema) -> pl.Expr:
    """Whether each row's values are there, finite and within their columns' bounds."""
    good = [pl.col(c.name).is_not_null() for c in table.columns]
    good += [pl.col(c.name).is_finite() for c in table.columns if c.kind == "float64"]
    good += [pl.col(c.name) >= c.low for c in table.columns if c.low is not None]
    good += [pl.col(c.name) <= c.high for c in table.columns if c.high is not None]
    return pl.all_horizontal(good)


def judge_form(
    country: str,
    files: Sequence[Path],
    table: TableSchema,
    tokens: Mapping[str, str],
    *,
    schema: str,
    lineage: str,
) -> list[Verdict]:
    """Judge form and lineage of a partition, in bounded memory.

    Args:
        tokens: the path's tokens that the files' metadata must repeat.
        schema, lineage: the codes of the two verdicts, in that order in the result.
    """
    return [_form(country, files, table, schema), judge_lineage(country, files, tokens, lineage)]


def _form(country: str, files: Sequence[Path], table: TableSchema, code: str) -> Verdict:
    if not files:
        return Verdict(code, False, "the partition has no file")
    model = pandera_model(table)
    iso = next(c.name for c in table.columns if c.kind == "iso")
    rows = 0
    for path in files:
        try:
            with open_parquet(path) as reader, reading(path):
                if not reader.schema_arrow.equals(table.arrow, check_metadata=False):
                    return Verdict(code, False, f"{path.name} has the schema {reader.schema_arrow}")
                for batch in reader.iter_batches(batch_size=1 << 20):
                    # Labels that are no UTF-8, and codes without a label.
                    batch.validate(full=True)
                    rows += batch.num_rows
                    labels = batch.column(iso)
                    if labels.null_count or set(labels.unique().to_pylist()) - {country}:
                        return Verdict(code, False, f"{path.name}: {iso} is not always {country}")
                    # Polars panics over metadata that is no text; lineage is judged by itself.
                    frame = pl.DataFrame(pl.from_arrow(batch.replace_schema_metadata(None)))
                    with config_context(validation_depth=ValidationDepth.SCHEMA_AND_DATA):
                        model.validate(frame)
        except (SchemaError, SchemaErrors) as err:
            return Verdict(code, False, f"{path.name}: {' '.join(str(err).split())[:300]}")
        except Segment1BError as err:
            return Verdict(code, False, f"{path.name} {err.detail}")
    return Verdict(code, True, facts={"rows": rows, "files": len(files)})


def judge_lineage(
    country: str, files: Sequence[Path], tokens: Mapping[str, str], code: str
) -> Verdict:
    """Whether every file's metadata names the contract, the country and the path's tokens."""
    wanted = {"contract_version": CONTRACT_VERSION, **tokens, "country": country}
    for path in files:
        try:
            found = lineage_of(path)
        except Segment1BError as err:
            return Verdict(code, False, err.detail)
        for name, value in wanted.items():
            if found.get(name) != value:
                return Verdict(
                    code, False, f"{path.name} says {name}={found.get(name)!r}, not {value!r}"
                )
    return Verdict(code, bool(files), "" if files else "the partition has no file")
