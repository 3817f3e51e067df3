"""S4: which tiles a merchant's sites go to, in integers only (contract section 4, S4)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.assets.references import asset_name
from segment1b_assets.assets.seam import CountryState, country_assets
from segment1b_assets.checks import s4_alloc_plan as checks
from segment1b_assets.core.allocation import alloc_plan
from segment1b_assets.core.stream import PartitionStream
from segment1b_assets.storage.segment import Segment
from segment1b_assets.storage.untouched import require_untouched
from segment1b_assets.storage.upstream import batches


def _plan(segment: Segment, country: str) -> PartitionStream:
    require_untouched(segment, country, "s3_requirements")
    require_untouched(segment, country, "tile_weights", "E414_WEIGHT_TAMPER")
    merchants, counts = [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)]
    for batch in batches(
        segment, "s3_requirements", country, "E401_NO_S3_REQUIREMENTS", ["merchant_id", "n_sites"]
    ):
        merchants.append(batch.column("merchant_id").to_numpy())
        counts.append(batch.column("n_sites").to_numpy())
    merchant_id = np.concatenate(merchants)
    return alloc_plan(
        country,
        merchant_id,
        np.concatenate(counts),
        _weights(segment, country) if merchant_id.size else iter(()),
        segment.policies["policy.s2.tile_weights"].dp,
        segment.options.batch_rows,
    )


def _weights(
    segment: Segment, country: str
) -> Iterator[tuple[NDArray[np.uint64], NDArray[np.int64]]]:
    for batch in batches(
        segment, "tile_weights", country, "E402_MISSING_TILE_WEIGHTS", ["tile_id", "weight_fp"]
    ):
        yield batch.column("tile_id").to_numpy(), batch.column("weight_fp").to_numpy()


S4 = CountryState(
    id="S4",
    group="s3_s4_plan",
    outputs={"s4_alloc_plan": _plan},
    about={
        "s4_alloc_plan": "How many of a merchant's sites go to which tile: the exact largest "
        "remainder of sites x weight. Tiles that get none have no row."
    },
    deps=["s3_requirements", "tile_weights", asset_name("policy.s4.alloc_plan")],
    follows=("S3", "S2"),
    rules=checks.RULES,
    judge=checks.judge,
    warm=("iso_names", "policies", "parameter_hash", "outlet_run", "receipt"),
    cost=lambda segment, country: float(segment.demand(country)),
)

s4_assets = country_assets(S4)
