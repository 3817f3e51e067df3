"""Published partitions as a table, for assets and scripts that build on them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.schemas import TABLES
from segment1b_assets.storage.run_inputs import RunInputs

#: The types that a table can be returned as.
TABLE_TYPES: tuple[type, ...] = (pl.LazyFrame, pl.DataFrame, pa.Table, ds.Dataset)


def published_table(
    inputs: RunInputs, dataset: str, countries: Sequence[str], kind: Any = pl.LazyFrame
) -> Any:
    """The rows of some countries, country by country in the order given.

    Args:
        dataset: a dataset of S1 to S8.
        kind: one of `TABLE_TYPES`; anything else gives a `pl.LazyFrame`.

    Raises:
        Segment1BError: E_INPUT_MISSING for a country that is missing or stale, by name.
    """
    files: list[Path] = []
    for country in countries:
        found = inputs.files(dataset, country)
        if not found:
            raise Segment1BError(
                "E_INPUT_MISSING",
                inputs.absence(dataset, country),
                country=country,
                file=inputs.path(dataset, country),
                next_step=f"materialise {dataset} for {country}, then run this again",
            )
        files += found
    # Files by name: Arrow would read `country=FR` in their paths as a column of its own.
    table = ds.dataset([str(f) for f in files], schema=TABLES[dataset].arrow, format="parquet")
    if kind is ds.Dataset:
        return table
    if kind is pa.Table:
        return table.to_table()
    frame = pl.scan_parquet(files, hive_partitioning=False)
    return frame.collect() if kind is pl.DataFrame else frame
