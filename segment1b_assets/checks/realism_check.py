"""The check of the scorecard: a world that is not believable is a warning, never a block."""

from __future__ import annotations

import dagster as dg

from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.resources import Segment1B


@dg.asset_check(
    asset="site_realism",
    name="believable",
    blocking=False,
    description="Warns where a measure of the last scorecard is beyond what "
    "contracts/realism.yaml calls believable.",
)
def sites_believable(segment1b: Segment1B) -> dg.AssetCheckResult:
    # Imported when it is run: scipy and matplotlib take a second, and read the environment.
    from segment1b_assets.realism.publish import read_scorecard

    try:
        found = read_scorecard(segment1b.open())
    except Segment1BError as err:
        return _warning(str(err), {})
    if found is None:
        return _warning("there is no scorecard of all countries: materialise site_realism", {})
    bad = {
        f"{m['title']}": f"{m['reason']} ({m['detail']})"
        for m in found["metrics"]
        if m["verdict"] == "not believable"
    }
    if bad:
        return _warning(f"{len(bad)} measures are not believable", bad)
    return dg.AssetCheckResult(passed=True, metadata={"measures": len(found["metrics"])})


def _warning(reason: str, bad: dict[str, str]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=False,
        severity=dg.AssetCheckSeverity.WARN,
        description=reason,
        metadata={"reason": reason, **bad},
    )
