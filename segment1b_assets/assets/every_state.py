"""The states' assets and checks, in order."""

from __future__ import annotations

from segment1b_assets.assets.asset_factory import country_assets
from segment1b_assets.assets.s1_tiles import S1
from segment1b_assets.assets.s2_tile_weights import S2
from segment1b_assets.assets.s3_requirements import S3
from segment1b_assets.assets.s4_alloc_plan import S4
from segment1b_assets.assets.s5_assignment import S5
from segment1b_assets.assets.s6_jitter import S6
from segment1b_assets.assets.s7_synthesis import S7
from segment1b_assets.assets.s8_site_locations import S8
from segment1b_assets.checks.dataset_checks import dataset_checks

PARTITIONED_STATES = (S1, S2, S3, S4, S5, S6, S7, S8)

state_assets = [country_assets(s) for s in PARTITIONED_STATES]
state_checks = [dataset_checks(s.state) for s in PARTITIONED_STATES]
