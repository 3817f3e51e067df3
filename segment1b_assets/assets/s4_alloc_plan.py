"""S4: which tiles a merchant's sites go to, in integers only (contract §4, S4)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from segment1b_assets.assets.asset_factory import PartitionedState
from segment1b_assets.contracts.dictionary import asset_name
from segment1b_assets.core.allocation import alloc_plan
from segment1b_assets.core.arc_draw import reach_steps
from segment1b_assets.core.arc_plan import arc_plan
from segment1b_assets.core.site_batches import SITE_BATCH
from segment1b_assets.core.stream import PartitionStream
from segment1b_assets.storage.audit_log import write_audit_log
from segment1b_assets.storage.input_versions import RUN_IDENTITY
from segment1b_assets.storage.receipt_check import require_receipt_match
from segment1b_assets.storage.run_inputs import RunInputs
from segment1b_assets.storage.upstream import batches


def _plan(inputs: RunInputs, country: str) -> PartitionStream:
    require_receipt_match(inputs, country, "s3_requirements")
    require_receipt_match(inputs, country, "tile_weights", "E414_WEIGHT_TAMPER")
    merchants, counts = [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)]
    for batch in batches(
        inputs, "s3_requirements", country, "E401_NO_S3_REQUIREMENTS", ["merchant_id", "n_sites"]
    ):
        merchants.append(batch.column("merchant_id").to_numpy())
        counts.append(batch.column("n_sites").to_numpy())
    merchant_id, n_sites = np.concatenate(merchants), np.concatenate(counts)
    dp = inputs.policies["policy.s2.tile_weights"].dp
    policy = inputs.policies["policy.s4.alloc_plan"]
    if policy.enabled:
        return arc_plan(
            country,
            inputs.identity,
            inputs.receipt.verified_at_utc,
            merchant_id,
            n_sites,
            lambda: _weights(inputs, country),
            dp,
            (inputs.grid.nrows, inputs.grid.ncols),
            reach_steps(policy),
            batch_rows=min(SITE_BATCH, inputs.options.batch_rows),
        )
    weights = _weights(inputs, country) if merchant_id.size else iter(())
    return alloc_plan(country, merchant_id, n_sites, weights, dp, inputs.options.batch_rows)


def _weights(
    inputs: RunInputs, country: str
) -> Iterator[tuple[NDArray[np.uint64], NDArray[np.int64]]]:
    for batch in batches(
        inputs, "tile_weights", country, "E402_MISSING_TILE_WEIGHTS", ["tile_id", "weight_fp"]
    ):
        yield batch.column("tile_id").to_numpy(), batch.column("weight_fp").to_numpy()


def _prepare(inputs: RunInputs) -> None:
    if inputs.policies["policy.s4.alloc_plan"].enabled:
        write_audit_log(inputs)


S4 = PartitionedState(
    id="S4",
    group="s3_s4_plan",
    streams={"s4_alloc_plan": _plan},
    about={
        "s4_alloc_plan": "How many of a merchant's sites go to which tile: the exact largest "
        "remainder of sites x weight, or as the policy says sites at equal distances on an arc of "
        "the population, with one RNG event per merchant. Tiles that get none have no row."
    },
    deps=["s3_requirements", "tile_weights", asset_name("policy.s4.alloc_plan"), RUN_IDENTITY],
    preload=("iso_names", "policies", "identity", "receipt", "grid"),
    cost=lambda inputs, country: float(inputs.demand(country)),
    prepare=_prepare,
)
