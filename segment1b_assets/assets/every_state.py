"""The states' assets and checks, in order."""

from __future__ import annotations

from segment1b_assets.assets.s1_tiles import S1, s1_assets
from segment1b_assets.assets.s2_tile_weights import S2, s2_assets
from segment1b_assets.assets.s3_requirements import S3, s3_assets
from segment1b_assets.assets.s4_alloc_plan import S4, s4_assets
from segment1b_assets.assets.s5_assignment import S5, s5_assets
from segment1b_assets.assets.s6_jitter import S6, s6_assets
from segment1b_assets.assets.s7_synthesis import S7, s7_assets
from segment1b_assets.assets.s8_site_locations import S8, s8_assets
from segment1b_assets.checks.dataset_checks import dataset_checks

PARTITIONED_STATES = (S1, S2, S3, S4, S5, S6, S7, S8)

country_assets = [
    s1_assets, s2_assets, s3_assets, s4_assets, s5_assets, s6_assets, s7_assets, s8_assets,
]  # fmt: skip
country_checks = [dataset_checks(s.state) for s in PARTITIONED_STATES]
