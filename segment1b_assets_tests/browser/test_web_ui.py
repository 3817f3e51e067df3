"""A day in the web UI: a real webserver and daemon, the embedded world, a headless browser.

    pytest -m browser segment1b_assets_tests/browser
    SEGMENT1B_SCREENSHOTS=1 ...            makes the pictures of the user guide

Clicks where a person would click; GraphQL where the page only waits. The tests share one
deployment; each makes what it needs and none relies on another having run.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

pytest.importorskip("playwright", reason="the browser tests need the package playwright")

from segment1b_assets_tests.browser.deployment import Deployment, deployed
from segment1b_assets_tests.browser.screen import CHROMIUM, Screen, screen
from segment1b_assets_tests.browser.waiting import until
from segment1b_assets_tests.dagster_support import cross_itself, set_shape

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(900),
    pytest.mark.xdist_group("web_ui"),
    pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's package chromium"),
    # Playwright drives its own event loop; what it leaves open at exit is not ours.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

#: Neighbours in the list of codes: one run.
FIVE = ["LR", "LS", "LT", "LU", "LV"]
TILES = ["tile_index", "tile_bounds"]
SITES = [
    "s3_requirements", "s4_alloc_plan", "s5_site_tile_assignment", "s6_site_jitter",
    "s7_site_synthesis", "site_locations",
]  # fmt: skip
GROUPS = ["segment_1a", "references", "policies", "s0_gate", "s1_tiles", "s2_weights", "s9_bundle"]


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with deployed(tmp_path_factory.mktemp("deployment")) as running:
        yield running


@pytest.fixture
def ui(deployment: Deployment, tmp_path: Path) -> Iterator[Screen]:
    with screen(deployment.url, tmp_path) as opened:
        yield opened


def make(deployment: Deployment, assets: list[str], country: str | None) -> None:
    """Materialise in one run, unless it is done."""
    if country is not None and all(
        country in deployment.graphql.materialised(asset) for asset in assets
    ):
        return
    run = deployment.graphql.launch(assets, country)
    assert deployment.graphql.wait_for_run(run) == "SUCCESS"


def test_the_graph_shows_the_contract_from_references_to_bundle(ui: Screen) -> None:
    ui.open("/asset-groups")
    for group in GROUPS:
        ui.text(group)
    ui.picture("graph-groups")
    ui.page.set_viewport_size({"width": 1920, "height": 1200})
    ui.page.keyboard.press("Alt+e")  # the UI's own shortcut: open every group
    ui.text("s3_requirements")
    ui.page.reload(wait_until="domcontentloaded")  # groups stay open, and the graph is fitted
    for asset in ("tile_weights", "s3_requirements"):  # the layout may leave others off the screen
        ui.text(asset)
    ui.picture("graph")


def test_one_country_is_materialised_by_hand(ui: Screen, deployment: Deployment) -> None:
    before = deployment.graphql.runs()
    ui.open("/assets/tile_index?view=partitions")
    ui.button("Materialize").first.click()
    ui.text("Select a partition").click()
    ui.page.keyboard.type("NZ")
    ui.text("Select all (1)")
    ui.page.locator("li:visible", has_text="NZ").last.click()
    ui.page.keyboard.press("Escape")
    ui.text("1 partition", exact=True)
    ui.picture("materialise-dialog")
    ui.button("Launch 1 run").click()

    runs = until("a run was launched", deployment.graphql.runs, lambda r: len(r) > len(before))
    assert deployment.graphql.wait_for_run(runs[0]) == "SUCCESS"
    assert "NZ" in deployment.graphql.materialised("tile_index")
    assert deployment.graphql.latest_check("tile_index", "valid", "NZ").status == "SUCCEEDED"


@pytest.mark.parametrize("asset", ["tile_index", "tile_weights", "site_locations"])
def test_a_partitions_page_shows_its_figures_and_its_map(
    ui: Screen, deployment: Deployment, asset: str
) -> None:
    make(deployment, [*TILES, "tile_weights"], "NZ")
    if asset == "site_locations":
        make(deployment, ["s0_gate_receipt_1B"], None)
        make(deployment, SITES, "NZ")
    told = deployment.graphql.metadata(asset, "NZ")
    folder = next((deployment.root / "layer1" / "1B" / asset).rglob("country=NZ"))
    rows = sum(pq.read_metadata(f).num_rows for f in folder.glob("*.parquet"))
    assert int(told["dagster/partition_row_count"]) == rows > 0
    assert int(told["bytes"]) == sum(f.stat().st_size for f in folder.iterdir())

    ui.open(f"/assets/{asset}?view=partitions&partition=NZ")
    ui.text(told["receipt"])
    shown = ui.page.locator(f"img[src*='/logs/segment1b-maps/{asset}/NZ/']").first
    shown.wait_for()
    ui.settle()
    ui.picture(f"partition-{asset}")
    width, height = shown.evaluate("i => [i.naturalWidth, i.naturalHeight]")
    assert min(width, height) > 150
    (kept,) = deployment.root.glob(f"reports/layer1/1B/maps/dataset={asset}/country=NZ/*.png")
    assert kept.stat().st_size < 100_000
    picture = Image.open(kept)
    assert picture.size == (width, height)
    picture.save(ui.images / f"map-{asset}.png")


def test_a_corrupted_partition_fails_its_checks_and_says_why(
    ui: Screen, deployment: Deployment
) -> None:
    make(deployment, [*TILES, "tile_weights"], "MT")
    graphql = deployment.graphql
    checks = [("tile_weights", "valid")]
    assert graphql.latest_check("tile_weights", "valid", "MT").status == "SUCCEEDED"
    (file,) = (deployment.root / "layer1" / "1B" / "tile_weights").rglob("country=MT/*.parquet")
    good = file.read_bytes()
    _add_to_first_weight(file, 1000)
    try:
        run = graphql.launch([], "MT", checks)
        assert graphql.wait_for_run(run) == "FAILURE"
        judged = graphql.latest_check("tile_weights", "valid", "MT")
        assert (judged.status, judged.run) == ("FAILED", run)
        assert "segment1b retire --dataset tile_weights --country MT" in judged.texts["next_step"]
        assert "MT" in graphql.countries_by_verdict("tile_weights", "valid")["failed"]

        ui.page.set_viewport_size({"width": 1800, "height": 900})
        ui.open("/assets/tile_weights?view=checks&checkDetail=valid")
        ui.text("E105_NORMALIZATION")
        ui.text("1000000001000")
        ui.text("Failed")
        ui.picture("check-failed")
    finally:
        file.write_bytes(good)
    again = graphql.launch([], "MT", checks)
    assert graphql.wait_for_run(again) == "SUCCESS"
    assert graphql.latest_check("tile_weights", "valid", "MT").status == "SUCCEEDED"
    assert "MT" in graphql.countries_by_verdict("tile_weights", "valid")["succeeded"]


def _add_to_first_weight(file: Path, amount: int) -> None:
    """Change one number; schema, rows and lineage stay."""
    table = pq.read_table(file)
    at = table.schema.get_field_index("weight_fp")
    weights = table.column(at).to_pylist()
    weights[0] += amount
    column = pa.array(weights, pa.int64())
    pq.write_table(table.set_column(at, table.schema.field(at), column), file)


def test_a_backfill_of_five_ends_with_five_green_partitions(
    ui: Screen, deployment: Deployment
) -> None:
    backfill = deployment.graphql.backfill(TILES, FIVE, "five countries")
    ui.open(f"/runs/b/{backfill}")
    ui.text("tile_bounds")
    assert deployment.graphql.wait_for_backfill(backfill) == "COMPLETED_SUCCESS"
    for asset in TILES:
        assert set(FIVE) <= set(deployment.graphql.materialised(asset))

    ui.open(f"/runs/b/{backfill}")
    ui.text("Succeeded")
    assert ui.page.get_by_text("100% completed").count() == len(TILES)
    assert set(FIVE) <= set(
        deployment.graphql.countries_by_verdict("tile_bounds", "valid")["succeeded"]
    )
    ui.open("/assets/tile_bounds?view=partitions&partition=LU")
    ui.text("Materialized", exact=True)
    ui.text("LV", exact=True)


def test_the_overview_shows_a_run_of_the_command_line(ui: Screen, deployment: Deployment) -> None:
    assert deployment.command("run", "--countries", "AD", "--states", "s1") == 0
    ui.page.set_viewport_size({"width": 1440, "height": 480})
    ui.open("/runs")
    ui.text("segment1b/by: command")
    ui.text("segment1b/countries: AD")
    ui.picture("runs-of-the-command-line")
    ui.open("/overview/activity/timeline")
    ui.text("everything")
    ui.picture("overview")


@pytest.mark.parametrize("made_before", [True, False])
def test_a_failed_country_s_page_says_why_and_what_to_do(
    ui: Screen, deployment: Deployment, made_before: bool
) -> None:
    country = "SM" if made_before else "LI"
    if made_before:
        make(deployment, TILES, country)
    good = cross_itself(deployment.root, country)
    try:
        assert deployment.command("run", "--countries", country, "--states", "s1") == 1
    finally:
        set_shape(deployment.root, country, good)
    # Dagster's page of a partition that was never made has no room for a reason; its events have.
    for view in ("partitions", "events") if made_before else ("events",):
        ui.open(f"/assets/tile_index?view={view}&partition={country}")
        ui.text("E001_GEO_INVALID")
        ui.text("segment1b import polygons")
        ui.text("docs/runbook.md#e001_geo_invalid")
    ui.picture("country-failed")


def test_a_retired_partition_is_in_the_asset_s_history(ui: Screen, deployment: Deployment) -> None:
    make(deployment, TILES, "VA")
    ui.open("/locations/segment1b/jobs/retire_partition/playground")
    ui.text("Launchpad")
    run = deployment.graphql.launch_job(
        "retire_partition",
        {"ops": {"retire_one": {"config": {
            "dataset": "tile_index", "country": "VA", "why": "the polygon was corrected"
        }}}},
    )  # fmt: skip
    assert deployment.graphql.wait_for_run(run) == "SUCCESS"
    ui.open("/assets/tile_index?view=events&partition=VA")
    ui.text("the polygon was corrected")
    ui.text("lies_under")
    ui.picture("partition-retired")
