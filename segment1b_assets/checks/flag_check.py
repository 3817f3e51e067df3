"""The check of S9's flag: does it still vouch for what lies there?"""

from __future__ import annotations

import dagster as dg

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.resources import Segment1B
from segment1b_assets.storage.pass_flag import pass_flag


@dg.asset_check(
    asset="validation_bundle_1B",
    name="valid",
    description="Recomputes the flag and compares every site_locations file with the bundle. "
    "Dagster never calls an asset over 249 partitions stale; this check does.",
)
def flag_holds(segment1b: Segment1B) -> dg.AssetCheckResult:
    inputs = segment1b.open()
    try:
        seed, fingerprint = inputs.outlet_run
        passed = pass_flag(inputs.root.uri, seed, fingerprint)
    except Segment1BError as err:
        return dg.AssetCheckResult(passed=False, metadata={"reason": str(err)})
    return dg.AssetCheckResult(
        passed=True,
        metadata={"files": len(passed.files), "flag_sha256_hex": passed.flag_sha256_hex},
    )
