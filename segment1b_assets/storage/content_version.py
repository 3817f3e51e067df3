"""The data version of a published partition: it depends on the rows, not on their path.

A partition's receipt covers its whole files, and every file carries its lineage, the
parameter_hash among it. So when one country's polygon changes, every country's receipt changes,
though only that country's rows do. The version that Dagster compares must distinguish the two: it
covers all bytes of the files except their footers. Row data, encodings and page indexes come
before the footer; lineage is only in it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from segment1b_assets.contracts.errors import Segment1BError

#: A parquet file ends with its footer, the footer's length (4 bytes, little-endian) and PAR1.
_TAIL = 8
_MAGIC = b"PAR1"
_BLOCK = 1 << 20


def content_version(dataset: str, files: Sequence[Path]) -> str:
    """SHA-256 (64 hex) over a dataset's id and its parquet files' bytes up to each footer.

    Two partitions of one dataset with the same rows have the same version, for any run,
    path or lineage; the writer's settings are fixed (`storage.parquet`).

    Args:
        files: the partition's files in ASCII order of name.

    Raises:
        Segment1BError: E_INPUT_SCHEMA where a file is not parquet.
    """
    whole = hashlib.sha256(dataset.encode())
    for path in files:
        left = _footer_start(path)
        whole.update(left.to_bytes(8, "little"))
        with path.open("rb") as handle:
            while left and (block := handle.read(min(left, _BLOCK))):
                whole.update(block)
                left -= len(block)
    return whole.hexdigest()


def _footer_start(path: Path) -> int:
    size = path.stat().st_size
    with path.open("rb") as handle:
        handle.seek(max(0, size - _TAIL))
        tail = handle.read(_TAIL)
    start = size - _TAIL - int.from_bytes(tail[:4], "little")
    if tail[4:] != _MAGIC or start < len(_MAGIC):
        raise Segment1BError("E_INPUT_SCHEMA", "is not a parquet file", file=path)
    return start
