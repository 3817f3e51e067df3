"""S5: which site goes to which of its merchant's tiles (contract section 4, S5)."""

from __future__ import annotations

from segment1b_assets.assets.seam import CountryState, country_assets
from segment1b_assets.checks import s5_assignment as checks
from segment1b_assets.core.assignment import site_tile_assignment
from segment1b_assets.core.site_batches import SITE_BATCH
from segment1b_assets.core.stream import PartitionStream
from segment1b_assets.storage.audit_log import write_audit_log
from segment1b_assets.storage.input_versions import RUN_IDENTITY
from segment1b_assets.storage.segment import Segment
from segment1b_assets.storage.untouched import require_untouched
from segment1b_assets.storage.upstream import batches


def _assignment(segment: Segment, country: str) -> PartitionStream:
    require_untouched(segment, country, "s4_alloc_plan")
    plan = batches(
        segment,
        "s4_alloc_plan",
        country,
        "E_INPUT_MISSING",
        ["merchant_id", "tile_id", "n_sites_tile"],
    )
    return site_tile_assignment(
        country,
        segment.identity,
        segment.receipt.verified_at_utc,
        plan,
        min(SITE_BATCH, segment.options.batch_rows),
    )


S5 = CountryState(
    id="S5",
    group="s5_s8_sites",
    outputs={"s5_site_tile_assignment": _assignment},
    about={
        "s5_site_tile_assignment": "The tile of every site: one uniform a site decides the order "
        "in which a merchant's tiles are filled. Evidence: one RNG event a site."
    },
    deps=["s4_alloc_plan", RUN_IDENTITY],
    follows=("S4",),
    rules=checks.RULES,
    judge=checks.judge,
    warm=("iso_names", "policies", "identity", "receipt"),
    cost=lambda segment, country: float(segment.demand(country)),
    prepare=write_audit_log,
)

s5_assets = country_assets(S5)
