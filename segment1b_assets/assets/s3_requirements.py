"""S3: how many sites each merchant needs in the country (contract section 4, S3)."""

from __future__ import annotations

import numpy as np

from segment1b_assets.assets.references import asset_name
from segment1b_assets.assets.seam import CountryState, country_assets
from segment1b_assets.checks import s3_requirements as checks
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.core.requirements import site_requirements
from segment1b_assets.core.stream import PartitionStream
from segment1b_assets.storage.segment import Segment
from segment1b_assets.storage.upstream import row_count


def _requirements(segment: Segment, country: str) -> PartitionStream:
    outlets = segment.outlets(country)
    if outlets is None:
        return site_requirements(country, np.zeros(0, np.uint64))
    for dataset in ("tile_index", "tile_weights"):
        if not segment.is_published(dataset, country) or not row_count(segment, dataset, country):
            raise Segment1BError(
                "E303_MISSING_WEIGHTS",
                f"{len(outlets.merchant_id)} outlets need sites, and {dataset} has no row",
                country=country,
                file=segment.path(dataset, country),
            )
    return site_requirements(country, outlets.merchant_id, segment.options.batch_rows)


S3 = CountryState(
    id="S3",
    group="s3_s4_plan",
    outputs={"s3_requirements": _requirements},
    about={
        "s3_requirements": "How many sites each merchant of the outlet catalogue needs in the "
        "country. The first state behind the gate: without S0's receipt it does not run."
    },
    deps=[
        "s0_gate_receipt_1B",
        "outlet_catalogue",
        "iso3166_canonical_2024",
        "tile_weights",
        asset_name("policy.s3.requirements"),
    ],
    follows=("S2",),
    rules=checks.RULES,
    judge=checks.judge,
    warm=("iso_names", "policies", "parameter_hash", "outlet_run", "receipt", "catalogue"),
    cost=lambda segment, country: float(segment.demand(country)),
    foreign=checks.foreign_codes,
)

s3_assets = country_assets(S3)
