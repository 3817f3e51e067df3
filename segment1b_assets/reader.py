"""Reading site locations in Python, only behind a valid flag (contract §4, S9)."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.storage.pass_flag import pass_flag


def read_site_locations(
    root: Path | str | None = None, seed: int | None = None, manifest_fingerprint: str | None = None
) -> pl.LazyFrame:
    """Read the site locations of a run; refused without a valid flag.

    Returns:
        Columns merchant_id (u64), legal_country_iso (categorical), site_order (i32), lon_deg and
        lat_deg (f64, degrees, WGS84); countries in code order, each sorted by its key.

    Raises:
        Segment1BError: as `pass_flag`.
    """
    passed = pass_flag(root, seed, manifest_fingerprint)
    if not passed.files:
        raise Segment1BError("E_INPUT_MISSING", "the run has no site", file=str(root))
    return pl.scan_parquet(list(passed.files), hive_partitioning=False)
