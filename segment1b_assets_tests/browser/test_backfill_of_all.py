"""The whole world by a few clicks: S1 to S9 for 249 countries, watched in the web UI.

    SEGMENT1B_SCREENSHOTS=1 pytest -m browser -s -k of_all segment1b_assets_tests/browser

prints the figures of docs/backfills.md and makes its pictures. A deployment of its own: nothing is
made before.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

pytest.importorskip("playwright", reason="the browser tests need the package playwright")

from segment1b_assets.automation.jobs import ALL_ASSETS
from segment1b_assets.contracts.countries import COUNTRY_CODES
from segment1b_assets.contracts.schemas import TABLES
from segment1b_assets.storage.pass_flag import pass_flag
from segment1b_assets_tests.browser.deployment import Deployment, deployed
from segment1b_assets_tests.browser.graphql_client import GraphQL
from segment1b_assets_tests.browser.screen import CHROMIUM, Screen, screen
from segment1b_assets_tests.browser.waiting import until

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(1800),
    pytest.mark.xdist_group("backfill_of_all"),
    pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's package chromium"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
PATIENCE = 1500.0
WORLD = len(COUNTRY_CODES)
ASSETS = [*(a for a in ALL_ASSETS if a != "s0_gate_receipt_1B"), "site_realism"]


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    with deployed(tmp_path) as running:
        yield running


@pytest.fixture
def ui(deployment: Deployment, tmp_path: Path) -> Iterator[Screen]:
    with screen(deployment.url, tmp_path) as opened:
        yield opened


def test_a_backfill_of_all_countries(ui: Screen, deployment: Deployment) -> None:
    graphql = deployment.graphql
    assert graphql.wait_for_run(graphql.launch(["s0_gate_receipt_1B"], None)) == "SUCCESS"
    # S0 is not among them: S3 would wait for it, and be launched in bits as countries come.
    ui.open("/asset-groups~" + quote('group:"s1_tiles"+') + "/")
    ui.text("s9_bundle")
    ui.button("Materialize all").click()
    ui.text("All", exact=True).click()
    ui.text(f"{WORLD} partitions", exact=True)
    ui.picture("backfill-all-dialog")
    began = time.monotonic()
    ui.button("Launch backfill").click()
    (backfill,) = until("it is launched", graphql.backfills, lambda found: len(found) == 1)

    # Green country by country while the runs are going, not at their end.
    until(
        "some countries are done, and not all",
        lambda: progress(graphql, backfill),
        lambda made: any(0 < n < WORLD for n in made.values()),
        PATIENCE,
    )
    ui.open(f"/runs/b/{backfill}")
    ui.text("tile_index")
    ui.text("In progress", exact=True)
    ui.picture("backfill-all-running")

    assert graphql.wait_for_backfill(backfill, PATIENCE) == "COMPLETED_SUCCESS"
    wall = time.monotonic() - began
    made = progress(graphql, backfill)
    assert made == {asset: WORLD if asset in TABLES else 1 for asset in ASSETS}
    flag = pass_flag(deployment.root)
    assert len(flag.files) == WORLD

    # S1 to S8, then S9; each run is one process.
    runs = graphql.runs_of_backfill(backfill)
    processes = {pid for run in runs for pid in graphql.processes(run["id"])}
    assert len(runs) == len(processes) == 2
    inside = sum(run["endTime"] - run["startTime"] for run in runs)
    print(
        f"\n{len(ASSETS)} assets x {WORLD} countries: {wall:.0f} s from the click to the end, "
        f"{inside:.0f} s of them in {len(runs)} runs of {len(processes)} processes; "
        f"{wall / WORLD:.2f} s a country, {(wall - inside) / len(runs):.0f} s a run besides work; "
        f"load {os.getloadavg()[1]:.0f} on {len(os.sched_getaffinity(0))} cores"
    )

    ui.open(f"/runs/b/{backfill}")
    ui.text("Succeeded")
    assert ui.page.get_by_text("100% completed").count() == len(ASSETS)
    ui.picture("backfill-all-done")
    ui.open("/assets/site_locations?view=partitions&partition=FR")
    ui.text(f"Materialized ({WORLD})")
    ui.picture("backfill-all-partitions")


def progress(graphql: GraphQL, backfill: str) -> dict[str, int]:
    """Asset -> countries done, or 1 for an asset without countries that is made."""
    data: dict[str, Any] | None = graphql.ask(
        """query($id: String!) { partitionBackfillOrError(backfillId: $id) {
        ... on PartitionBackfill { assetBackfillData { assetBackfillStatuses {
        ... on AssetPartitionsStatusCounts { assetKey { path } numPartitionsMaterialized }
        ... on UnpartitionedAssetStatus { assetKey { path } materialized } } } } } }""",
        {"id": backfill},
    )["partitionBackfillOrError"]["assetBackfillData"]
    return {
        found["assetKey"]["path"][-1]: int(
            found.get("numPartitionsMaterialized", found.get("materialized"))
        )
        for found in (data or {}).get("assetBackfillStatuses", [])
    }
