"""S3: how many sites each merchant needs in a country (contract §4, S3)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from segment1b_assets.core.site_batches import site_rows
from segment1b_assets.core.stream import BATCH_ROWS, Chunk, PartitionStream


def site_requirements(
    country: str, merchant_id: NDArray[np.uint64], batch_rows: int = BATCH_ROWS
) -> PartitionStream:
    """Count a country's outlets by merchant.

    Args:
        merchant_id: the country's outlets' merchants, ascending, uint64, shape (outlets,).

    Returns:
        Chunks of s3_requirements; facts: pairs, sites, n_sites_max.
    """
    merchants, counts = np.unique(merchant_id, return_counts=True)

    def chunks() -> Iterator[Chunk]:
        for first in range(0, len(merchants), batch_rows):
            part = slice(first, first + batch_rows)
            yield Chunk(
                site_rows(
                    "s3_requirements",
                    country,
                    merchant_id=pa.array(merchants[part]),
                    n_sites=pa.array(counts[part].astype(np.int64)),
                )
            )

    facts = {
        "pairs": len(merchants),
        "sites": len(merchant_id),
        "n_sites_max": int(counts.max(initial=0)),
    }
    return PartitionStream(chunks(), facts)
