"""S9: one bundle and one flag over all countries that have outlets (contract §4, S9)."""

import dagster as dg

from segment1b_assets.assets.asset_factory import OWNERS
from segment1b_assets.assets.unpartitioned import made_result, state_failure
from segment1b_assets.assets.world_summary import observe_sites, world_metadata
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.resources import Segment1B
from segment1b_assets.storage.io_faults import with_retries
from segment1b_assets.validation.bundle_1b import publish_bundle, summary
from segment1b_assets.validation.world_findings import judge_world


@dg.asset(
    name="validation_bundle_1B",
    group_name="s9_bundle",
    owners=OWNERS,
    kinds={"json"},
    tags={"segment1b/state": "S9"},
    code_version="1",
    deps=[
        "s0_gate_receipt_1B",
        "outlet_catalogue",
        "s5_site_tile_assignment",
        "s6_site_jitter",
        "s7_site_synthesis",
        "site_locations",
    ],
    description="The bundle and, only if every country with outlets is valid, its PASS flag. Names "
    "the countries that are missing or stale. Consumers of site_locations verify this flag.",
)
def validation_bundle(
    context: dg.AssetExecutionContext, segment1b: Segment1B
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    inputs = segment1b.open()
    inputs.root.sweep_staging()
    try:
        findings = with_retries("what S9 judges", lambda: judge_world(inputs, segment1b.threads))
        published = with_retries("the 1B bundle", lambda: publish_bundle(inputs, findings))
    except Segment1BError as err:
        raise state_failure(context, inputs, "S9", err) from err
    found = world_metadata(inputs, findings)
    observe_sites(context, found)
    if not findings.passed:
        faults = findings.faults
        against = Segment1BError(
            "E_NO_FLAG",
            f"{len(faults)} findings prevent the flag: " + "; ".join(faults[:20]),
            file=published.path,
        )
        raise state_failure(context, inputs, "S9", against)
    families = summary(inputs, findings)["rng"]["families"]
    return made_result(
        context,
        inputs,
        metadata={
            **found,
            "rng_events": {k: v["events_total"] for k, v in families.items()},
            "published": published.status,
            "receipt": published.receipt,
            "path": dg.MetadataValue.path(inputs.root.relative(published.path)),
        },
        data_version=published.receipt,
    )
