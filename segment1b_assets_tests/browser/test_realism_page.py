"""The scorecard page in a headless browser: asks for nothing, pans, zooms, names a site."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("playwright", reason="the browser tests need the package playwright")

from playwright.sync_api import Page, sync_playwright

from segment1b_assets.cli import group
from segment1b_assets.storage.run_inputs import RunInputs, RunOptions
from segment1b_assets.storage.upstream import batches
from segment1b_assets_tests.browser.screen import CHROMIUM, QUIET
from segment1b_assets_tests.realism_world import arc_law, placed_world

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's package chromium"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def test_the_page_names_the_site_under_the_pointer(tmp_path: Path) -> None:
    placed_world(tmp_path, arc_law, shops=[1] * 20 + [2] * 10)
    ended = CliRunner().invoke(group, ["realism", "--root", str(tmp_path)], catch_exceptions=False)
    assert ended.exit_code == 0
    (path,) = (tmp_path / "reports").rglob("site_realism.html")
    lon, lat, merchant = _sites(tmp_path)
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, headless=True, args=list(QUIET))
        page = browser.new_page(viewport={"width": 1300, "height": 1100})
        asked: list[str] = []
        faults: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(path.as_uri())
        box = page.locator("#map-0").bounding_box()
        assert box is not None
        # The first view is around the points: 1.3 times their extent.
        wide = 1.3 * max(np.ptp(lon), np.ptp(lat) * 2.2)
        scale = box["width"] / wide
        middle = ((lon.min() + lon.max()) / 2, (lat.min() + lat.max()) / 2)
        x = box["x"] + box["width"] / 2 + (lon - middle[0]) * scale
        y = box["y"] + box["height"] / 2 - (lat - middle[1]) * scale * 1.25
        # The site that is farthest from all others.
        apart = np.hypot(x[:, None] - x, y[:, None] - y) + 1e9 * np.eye(x.size)
        lonely = int(np.argmax(apart.min(axis=1)))
        page.mouse.move(x[lonely], y[lonely])
        assert str(merchant[lonely]) in _tip(page)

        # Zooming keeps what is under the pointer there; panning does not.
        page.mouse.wheel(0, -600)
        page.mouse.move(x[lonely] + 1, y[lonely])
        assert str(merchant[lonely]) in _tip(page)
        page.mouse.down()
        page.mouse.move(x[lonely] + 121, y[lonely] + 40)
        page.mouse.up()
        page.mouse.move(x[lonely] + 120, y[lonely] + 40)
        assert str(merchant[lonely]) in _tip(page)
        browser.close()
    assert faults == []
    assert [url for url in asked if not url.startswith(("data:", "file:"))] == []


def _tip(page: Page) -> str:
    page.locator("#tip").wait_for(state="visible")
    return page.locator("#tip").inner_text()


def _sites(root: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    inputs = RunInputs(RunOptions(root))
    found = [
        [b.column(n).to_numpy() for n in ("lon_deg", "lat_deg", "merchant_id")]
        for country in ("FR", "IT")
        for b in batches(inputs, "site_locations", country, "E_INPUT_MISSING")
    ]
    lon, lat, merchant = (np.concatenate(part) for part in zip(*found, strict=True))
    return lon, lat, merchant
