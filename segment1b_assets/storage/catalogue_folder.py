"""The catalogue's folder: parquet files, and nothing that changes their meaning.

A table format's folder holds files that its log has removed: read as plain parquet, removed rows
would come back. A file skipped because of its name or subfolder would be a silent loss.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from segment1b_assets.contracts.errors import Segment1BError

_KEYS: Final = '["merchant_id", "legal_country_iso", "site_order"]'
#: A table format's log folder -> the format, and how to read its rows.
_FORMATS: Final = {
    "_delta_log": ("a Delta table", "polars.read_delta(FOLDER)"),
    "metadata": ("an Iceberg table", "polars.scan_iceberg(TABLE).collect()"),
    ".hoodie": ("a Hudi table", 'spark.read.format("hudi").load(FOLDER).toPandas()'),
}
_PARQUET: Final = (".parquet", ".parq", ".pq")


def require_plain_folder(folder: Path, files: Sequence[Path]) -> None:
    """Refuse a table format's folder, and parquet files in it that are not among `files`.

    Raises:
        Segment1BError: E305_SCHEMA_INVALID, naming the format or the file, and what to do.
    """
    for name, (kind, read) in _FORMATS.items():
        log = folder / name
        if log.is_dir() and (name != "metadata" or any(log.glob("*.metadata.json"))):
            raise Segment1BError(
                "E305_SCHEMA_INVALID",
                f"the catalogue's folder is {kind}: its {name} decides which files are current",
                file=log,
                next_step=f"write its current rows as plain parquet into an empty folder, sorted "
                f"by {_KEYS} (read them with {read}), and put that in its place",
            )
    known = set(files)
    for path in _parquet_below(folder):
        if path not in known:
            raise Segment1BError(
                "E305_SCHEMA_INVALID",
                "is not read: the catalogue is the *.parquet files directly in its folder",
                file=path,
                next_step="move it up and name it *.parquet where its rows belong to the "
                "catalogue; otherwise remove it",
            )


def _parquet_below(folder: Path) -> Iterator[Path]:
    for where, _, names in sorted(os.walk(folder)):
        for name in sorted(names):
            if name.lower().endswith(_PARQUET):
                yield Path(where, name)
