"""Judges s3_requirements against the outlet catalogue, recounted another way (contract S3)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from segment1b_assets.contracts.schemas import TABLES
from segment1b_assets.validation.columns import Columns
from segment1b_assets.validation.hygiene import judge_form
from segment1b_assets.validation.verdict import Verdict


def judge_requirements(
    country: str,
    files: Sequence[Path],
    catalogue_files: Sequence[Path],
    denied: bool,
    tokens: dict[str, str],
) -> list[Verdict]:
    """Judge one country's requirements.

    The catalogue is counted again by a streaming group-by over its files, where the state counts
    the breaks in its sorted merchants.

    Returns:
        Verdicts for E305_SCHEMA_INVALID, E306_TOKEN_MISMATCH, E307_PK_DUPLICATE,
        E308_COUNTS_MISMATCH and E310_UNSORTED.
    """
    table = TABLES["s3_requirements"]
    form = judge_form(country, files, table, tokens, schema="E305_SCHEMA_INVALID",
                      lineage="E306_TOKEN_MISMATCH")  # fmt: skip
    if not form[0].passed:
        return form
    # Not by Polars' own reader, which panics over some damaged pages.
    read = Columns(files, ["merchant_id", "n_sites"]).take(1 << 62)
    rows = pl.DataFrame(
        {
            "merchant_id": read["merchant_id"].astype(np.uint64),
            "n_sites": read["n_sites"].astype(np.int64),
        }
    )
    merchants = rows["merchant_id"].to_numpy()
    repeated = len(merchants) - len(np.unique(merchants))
    descending = int(np.count_nonzero(merchants[1:] < merchants[:-1]))
    # File by file: they may differ in columns that 1B ignores and in how their text is encoded.
    counted = (
        pl.concat(
            pl.scan_parquet(path, hive_partitioning=False).select(
                "merchant_id", pl.col("legal_country_iso").cast(pl.String)
            )
            for path in catalogue_files
        )
        .filter((pl.col("legal_country_iso") == country) & (not denied))
        .group_by("merchant_id")
        .agg(pl.len().cast(pl.Int64).alias("expected"))
        .collect(engine="streaming")
    )
    both = rows.join(counted, on="merchant_id", how="full", coalesce=True)
    wrong = both.filter(
        pl.col("n_sites").is_null()
        | pl.col("expected").is_null()
        | (pl.col("n_sites") != pl.col("expected"))
    ).sort("merchant_id")
    first = wrong.row(0) if len(wrong) else None
    return [
        *form,
        Verdict(
            "E307_PK_DUPLICATE", repeated == 0, f"{repeated} merchants repeat" if repeated else ""
        ),
        Verdict(
            "E308_COUNTS_MISMATCH",
            first is None,
            ""
            if first is None
            else f"{len(wrong)} merchants are off; merchant {first[0]} has n_sites {first[1]}, "
            f"the catalogue {first[2]}",
            {"pairs": len(rows), "sites": int(rows["n_sites"].sum() or 0)},
        ),
        Verdict(
            "E310_UNSORTED",
            descending == 0,
            f"{descending} rows stand before a smaller merchant" if descending else "",
        ),
    ]
