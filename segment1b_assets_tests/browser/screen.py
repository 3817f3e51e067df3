"""A headless Chromium on the web UI, and the pictures taken of it."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Locator, Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
#: Without these the browser looks for its maker's servers at every start.
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
)  # fmt: skip
PATIENCE_MS = 90_000
MOST_BYTES = 150_000
IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"


@dataclass(frozen=True)
class Screen:
    """One page of the browser.

    Attributes:
        url: where the web UI is.
        images: the folder that pictures go to.
    """

    page: Page
    url: str
    images: Path

    def open(self, path: str) -> None:
        self.page.goto(f"{self.url}{path}", wait_until="domcontentloaded")

    def text(self, text: str, exact: bool = False) -> Locator:
        """The first visible element with a text; waits until there is one."""
        found = self.page.get_by_text(text, exact=exact).locator("visible=true").first
        found.wait_for()
        return found

    def button(self, label: str) -> Locator:
        """The last visible button with a label: the one on top, where a dialog is open."""
        found = self.page.locator("button:visible", has_text=label).last
        found.wait_for()
        return found

    def settle(self) -> None:
        """Wait until pictures are decoded and nothing moves any more."""
        self.page.wait_for_load_state("networkidle")
        self.page.evaluate(
            """async () => {
                await document.fonts.ready;
                await Promise.all([...document.images].map(i => i.decode().catch(() => null)));
                await Promise.all(document.getAnimations()
                    .filter(a => a.effect?.getTiming().iterations !== Infinity)
                    .map(a => a.finished.catch(() => null)));
            }"""
        )

    def picture(self, name: str) -> Path:
        """Save what is on the screen as `name`.png, under 150 kB."""
        self.settle()
        shot = Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")
        target = self.images / f"{name}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        shot.save(target, optimize=True)
        if target.stat().st_size >= MOST_BYTES:
            shot.quantize(256, dither=Image.Dither.NONE).save(target, optimize=True)
        size = target.stat().st_size
        assert size < MOST_BYTES, f"{target.name} has {size:,} bytes"
        return target


@contextmanager
def screen(url: str, folder: Path) -> Iterator[Screen]:
    """Open a browser; pictures go to docs/images where SEGMENT1B_SCREENSHOTS=1."""
    kept = os.environ.get("SEGMENT1B_SCREENSHOTS") == "1"
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, headless=True, args=list(QUIET))
        page = browser.new_page(viewport={"width": 1440, "height": 900}, timezone_id="UTC")
        page.set_default_timeout(PATIENCE_MS)
        try:
            yield Screen(page, url, IMAGES if kept else folder)
        finally:
            browser.close()
