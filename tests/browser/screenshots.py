"""Pictures of every tab, light and dark, wide and on a phone: `make screenshots`.

python -m tests.browser.screenshots FOLDER
"""

import asyncio
import sys
import threading
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from app import server
from app.main import create_app
from app.settings import Settings
from tests.browser.conftest import CHROMIUM, PHONE, QUIET, ROOT, WIDE

TABS = {
    "write": "?seed=11&temperature=0.7&text=Once+upon+a+time%2C+there+was+a+little+",
    "feel": "?text=A+wonderful+film%2C+quiet+and+moving.%0AToo+long%2C+and+the+jokes+are+not+funny.",
    "translate": "?text=The+old+man+bought+a+book+for+his+daughter.",
    "inside": "?series=cell",
    "models": "",
}


def main(folder: Path) -> None:
    """Start a server of the shipped models, and take all pictures of it into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = Settings(port=0, checkpoints=ROOT / "checkpoints", shutdown_timeout_s=1)
    ready, urls = threading.Event(), []

    def on_ready(url: str) -> None:
        urls.append(url)
        ready.set()

    live = server.make(create_app(settings), settings, on_ready)
    thread = threading.Thread(target=lambda: asyncio.run(live.serve()))
    thread.start()
    ready.wait()
    try:
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
            for theme in ("light", "dark"):
                for name, (width, height) in (("wide", WIDE), ("phone", PHONE)):
                    context = chromium.new_context(
                        viewport={"width": width, "height": height}, color_scheme=theme, locale="en-GB"
                    )
                    for tab, query in TABS.items():
                        page = context.new_page()
                        page.goto(f"{urls[0]}#{tab}{query}")
                        _fill(page, tab)
                        page.screenshot(path=folder / f"{tab}-{theme}-{name}.png", full_page=True)
                        page.close()
            chromium.close()
    finally:
        live.should_exit = True
        thread.join()


def _fill(page: Page, tab: str) -> None:
    """Do what makes a tab worth looking at, and wait for it."""
    if tab == "write":
        page.locator("#write-bars .bar").first.wait_for()
        page.click("#write-on")
        page.locator("#write .say.calm").wait_for()
    if tab == "translate":
        page.locator("#translate-map td").first.wait_for()
        page.locator("#translate-written .tint").nth(2).hover()
    if tab == "inside":
        page.locator("#inside-map th button").nth(2).click()
    page.wait_for_timeout(3000 if tab == "models" else 600)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
