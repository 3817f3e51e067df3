"""Judges s3_requirements against the outlet catalogue, recounted another way (contract S3)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from segment1b_assets.contracts.schemas import TABLES
from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.storage.upstream import row_count
from segment1b_assets.validation.columns import Columns
from segment1b_assets.validation.findings import Findings
from segment1b_assets.validation.form import judge_form
from segment1b_assets.validation.judges.input_rules import judge_input
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
    found = Findings(_OF_ROWS)
    form = judge_form(
        country, files, TABLES["s3_requirements"], tokens, schema="E305_SCHEMA_INVALID",
        lineage="E306_TOKEN_MISMATCH",
    )  # fmt: skip
    if found.stopped_by(form[:1], _OF_ROWS):
        return found.verdicts({})
    found.stopped_by(form[1:], ())
    # Not by Polars' own reader, which panics over some damaged pages.
    read = Columns(files, ["merchant_id", "n_sites"]).take(1 << 62)
    merchants = read["merchant_id"].astype(np.uint64)
    if repeated := merchants.size - np.unique(merchants).size:
        found.add("E307_PK_DUPLICATE", f"{repeated} merchants repeat", repeated)
    falls = np.append(False, merchants[1:] < merchants[:-1])
    found.add_rows("E310_UNSORTED", falls, read, ["merchant_id"], "follows a larger merchant")
    rows = pl.DataFrame({"merchant_id": merchants, "n_sites": read["n_sites"].astype(np.int64)})
    counted = _counted_again(country, catalogue_files, denied)
    wrong = (
        rows.join(counted, on="merchant_id", how="full", coalesce=True)
        .filter(pl.col("n_sites").ne_missing(pl.col("expected")))
        .sort("merchant_id")
    )
    if len(wrong):
        merchant, n_sites, expected = wrong.row(0)
        detail = f"merchant {merchant} has n_sites {n_sites}, the catalogue {expected}"
        where = f"merchant_id {merchant}"
        found.add("E308_COUNTS_MISMATCH", detail, len(wrong), where=where, value=n_sites)
    return found.verdicts({"pairs": len(rows), "sites": int(read["n_sites"].sum())})


def _counted_again(country: str, catalogue_files: Sequence[Path], denied: bool) -> pl.DataFrame:
    """merchant_id and the number of its outlets in the country, by a streaming group-by."""
    # File by file: they may differ in columns that 1B ignores and in how their text is encoded.
    return (
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


RULES: Final = (
    "E301_NO_PASS_FLAG", "E302_FK_COUNTRY", "E303_MISSING_WEIGHTS", "E305_SCHEMA_INVALID",
    "E306_TOKEN_MISMATCH", "E307_PK_DUPLICATE", "E308_COUNTS_MISMATCH", "E310_UNSORTED",
    "E314_SITE_ORDER_INTEGRITY",
)  # fmt: skip
_OF_ROWS: Final = (
    "E305_SCHEMA_INVALID", "E306_TOKEN_MISMATCH", "E307_PK_DUPLICATE", "E308_COUNTS_MISMATCH",
    "E310_UNSORTED",
)  # fmt: skip
_OF_CATALOGUE: Final = (
    "E306_TOKEN_MISMATCH", "E307_PK_DUPLICATE", "E310_UNSORTED", "E314_SITE_ORDER_INTEGRITY"
)  # fmt: skip


def judge(inputs: RunInputs, country: str) -> list[Verdict]:
    """Judge s3_requirements and the catalogue's rows that it is counted from."""
    return [
        *judge_input(("E301_NO_PASS_FLAG",), lambda: inputs.receipt),
        *judge_requirements(
            country,
            inputs.files("s3_requirements", country),
            inputs.files_of_input("outlet_catalogue"),
            country in inputs.policies["policy.s3.requirements"].denied,
            inputs.lineage("s3_requirements", country),
        ),
        *judge_input(_OF_CATALOGUE, lambda: inputs.outlets(country)),
        _on_the_list(inputs, country),
        _weighed(inputs, country),
    ]


def _on_the_list(inputs: RunInputs, country: str) -> Verdict:
    """Outlets under a code in the wrong case would be missing from their country."""
    misspelt = [c for c in inputs.catalogue.unknown_codes if c.upper() == country]
    return Verdict(
        "E302_FK_COUNTRY",
        not misspelt and country in inputs.iso_names,
        f"outlets of this country are filed under {', '.join(misspelt)}" if misspelt else "",
        value=misspelt[0] if misspelt else None,
    )


def _weighed(inputs: RunInputs, country: str) -> Verdict:
    needed = row_count(inputs, "s3_requirements", country) > 0
    weights = row_count(inputs, "tile_weights", country)
    return Verdict(
        "E303_MISSING_WEIGHTS",
        not needed or weights > 0,
        "" if not needed or weights else "sites are required and there is no weight",
        {"weights": weights},
    )
