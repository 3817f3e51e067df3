"""S0: verifies 1A's flag and seals the inputs (contract §4, S0)."""

import dagster as dg

from segment1b_assets.assets.references import REFERENCE_KEYS
from segment1b_assets.assets.unpartitioned import made_result, state_failure
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.resources import Segment1B
from segment1b_assets.storage.digests import sha256_of
from segment1b_assets.storage.io_faults import with_retries
from segment1b_assets.storage.seal import pass_gate


@dg.asset(
    name="s0_gate_receipt_1B",
    group_name="s0_gate",
    owners=["team:segment-1b"],
    kinds={"json"},
    tags={"segment1b/state": "S0"},
    code_version="1",
    deps=[dg.AssetKey(k) for k in REFERENCE_KEYS],
    description="The gate: 1A's PASS flag recomputed, every input sealed with its hash. S3 to S9 "
    "do not run without it. Written once; a later run checks it and leaves it as it is.",
)
def s0_gate_receipt(
    context: dg.AssetExecutionContext, segment1b: Segment1B
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    inputs = segment1b.open()
    inputs.root.sweep_staging()
    try:
        receipt = with_retries("the gate's inputs", lambda: pass_gate(inputs))
    except Segment1BError as err:
        raise state_failure(context, inputs, "S0", err) from err
    path = inputs.ensure_local("s0_gate_receipt_1B")
    return made_result(
        context,
        inputs,
        metadata={
            "manifest_fingerprint": receipt.manifest_fingerprint,
            "flag_sha256_hex": receipt.flag_sha256_hex,
            "verified_at_utc": receipt.verified_at_utc,
            "path": dg.MetadataValue.path(inputs.root.relative(path)),
        },
        data_version=sha256_of(path).hex(),
    )
