"""The scorecard of all published sites: are they distributed like people and chains?"""

import base64

import dagster as dg

from segment1b_assets.assets.asset_factory import OWNERS
from segment1b_assets.assets.unpartitioned import made_result, mark_failed
from segment1b_assets.checks.failure import country_failure
from segment1b_assets.contracts.errors import Segment1BError
from segment1b_assets.contracts.realism import realism_rules
from segment1b_assets.resources import Segment1B
from segment1b_assets.storage.digests import receipt
from segment1b_assets.storage.io_faults import with_retries


@dg.asset(
    name="site_realism",
    group_name="site_realism",
    owners=OWNERS,
    kinds={"json", "html"},
    code_version="1",
    deps=["site_locations", "tile_weights"],
    description="Measures the published sites of all countries against population-weighted draws "
    "and published chains. Writes scorecard.json and a page that opens without a network. The "
    "check `believable` warns and never blocks.",
)
def site_realism(context: dg.AssetExecutionContext, segment1b: Segment1B) -> dg.MaterializeResult:  # type: ignore[type-arg]
    # Imported when it runs: scipy and matplotlib take a second and read the environment.
    from segment1b_assets.realism.measure import measure_root
    from segment1b_assets.realism.publish import write_scorecard

    inputs = segment1b.open()
    try:
        found = with_retries("published sites", lambda: measure_root(inputs, realism_rules()))
        written = with_retries("the scorecard", lambda: write_scorecard(found))
    except Segment1BError as err:
        mark_failed(context)
        raise country_failure("site_realism", {err.country or "all": err}) from err
    pictures = {
        picture.name: dg.MetadataValue.md(
            f"![{picture.caption}](data:image/png;base64,"
            f"{base64.b64encode(picture.png).decode('ascii')})"
        )
        for picture in written.pictures
    }
    return made_result(
        context,
        inputs,
        metadata={
            "believable": found.believable,
            "countries": len(found.countries),
            "sites": found.sites,
            "missing": ", ".join(found.missing) or "none",
            "scorecard": dg.MetadataValue.path(inputs.root.relative(written.json_path)),
            "page": dg.MetadataValue.path(inputs.root.relative(written.page_path)),
            **pictures,
        },
        data_version=receipt(written.json_path),
    )
