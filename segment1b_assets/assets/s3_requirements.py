"""S3: how many sites each merchant needs in the country (contract §4, S3)."""

from __future__ import annotations

import numpy as np

from segment1b_assets.assets.asset_factory import PartitionedState
from segment1b_assets.contracts.dictionary import asset_name
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.core.requirements import site_requirements
from segment1b_assets.core.stream import PartitionStream
from segment1b_assets.storage import unknown_codes
from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.storage.upstream import row_count


def _requirements(inputs: RunInputs, country: str) -> PartitionStream:
    outlets = inputs.outlets(country)
    if outlets is None:
        return site_requirements(country, np.zeros(0, np.uint64))
    for dataset in ("tile_index", "tile_weights"):
        if not inputs.is_published(dataset, country) or not row_count(inputs, dataset, country):
            raise Segment1BError(
                "E303_MISSING_WEIGHTS",
                f"{len(outlets.merchant_id)} outlets need sites, and {dataset} has no row",
                country=country,
                file=inputs.path(dataset, country),
            )
    return site_requirements(country, outlets.merchant_id, inputs.options.batch_rows)


S3 = PartitionedState(
    id="S3",
    group="s3_s4_plan",
    streams={"s3_requirements": _requirements},
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
    preload=("iso_names", "policies", "parameter_hash", "outlet_run", "receipt", "catalogue"),
    cost=lambda inputs, country: float(inputs.demand(country)),
    unknown_codes=unknown_codes.of_catalogue,
)
