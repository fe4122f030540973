"""Screenshots of every tab in both themes and of every step of the lecture in both languages, on a desktop and a phone:
`make screenshots`.

python -m tests.browser.screenshots FOLDER
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from app.main import create_app
from app.settings import Settings
from tests.browser.conftest import CHROMIUM, PHONE, QUIET, ROOT, WIDE
from tests.helpers import serving

TABS = {
    "write": "?seed=11&temperature=0.7&text=Once+upon+a+time%2C+there+was+a+little+",
    "feel": "?text=A+wonderful+film%2C+quiet+and+moving.%0AToo+long%2C+and+the+jokes+are+not+funny.",
    "translate": "?text=The+old+man+bought+a+book+for+his+daughter.",
    "senses": "?digit=3&seed=1",
    "inside": "?series=hidden&marked=11-15%2C29-32",  # girl, dog
    "ladder": "",
    "models": "",
}

SCREENS = {"wide": (1600, 900), "phone": PHONE}
LOCALES = {"en": "en-GB", "tr": "tr-TR"}
BORROWED = {"translate": "#translate-map td", "senses-draw": "#draw-images [aria-label*=nat]"}
"""Of a tab that a step of the lecture shows: what is there when it has its answer."""


def main(folder: Path) -> None:
    """Save all screenshots in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = Settings(port=0, checkpoints=ROOT / "checkpoints", shutdown_timeout_s=1)
    with serving(create_app(settings), settings) as url, started_chromium() as chromium:
        _show_tabs(chromium, url, folder)
        for (language, locale), (name, size) in product(LOCALES.items(), SCREENS.items()):
            context = chromium.new_context(viewport={"width": size[0], "height": size[1]}, locale=locale)
            _walk_lecture(context.new_page(), url, folder, f"{language}-{name}")
            context.close()


def _show_tabs(chromium: Browser, url: str, folder: Path) -> None:
    for theme, (name, (width, height)) in product(("light", "dark"), {"wide": WIDE, "phone": PHONE}.items()):
        size = {"width": width, "height": height}
        context = chromium.new_context(viewport=size, color_scheme=theme, locale="en-GB")  # type: ignore[arg-type]
        for tab, query in TABS.items():
            page = context.new_page()
            page.goto(f"{url}/#{tab}{query}")
            _fill(page, tab)
            page.screenshot(path=folder / f"{tab}-{theme}-{name}.png", full_page=True)
            page.close()
        context.close()


def _walk_lecture(page: Page, url: str, folder: Path, name: str) -> None:
    """Go through all steps of the lecture by the arrow key."""
    page.goto(f"{url}/#lecture/1")
    steps = page.locator(".steps option")
    steps.first.wait_for(state="attached")
    for step in range(1, steps.count() + 1):
        expect(page.locator(".steps select")).to_have_value(str(step - 1))
        shown = [answer for part, answer in BORROWED.items()
                 if page.locator(f".figure #{part}, .figure #{part}-text").count()]  # fmt: skip
        if page.locator(".figure > .part > :not(.borrowed, .say)").count():
            page.locator(f".figure[data-measured='{step}']").wait_for(timeout=60_000)
        for answer in shown:
            page.locator(answer).first.wait_for(timeout=60_000)
        page.wait_for_timeout(300)  # the bars are animated
        page.screenshot(path=folder / f"lecture-{step:02}-{name}.png", full_page=True)
        page.keyboard.press("ArrowRight")


@contextmanager
def started_chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield chromium
        chromium.close()


def _fill(page: Page, tab: str) -> None:
    """Operate a tab so that all its parts are visible, and wait for them."""
    if tab == "write":
        page.locator("#write-bars .bar").first.wait_for()
        page.click("#write-on")
        page.locator("#write-story-say.calm").wait_for()
    if tab == "translate":
        page.locator("#translate-map td").first.wait_for()
        page.locator("#translate-written .tint").nth(2).hover()
    if tab == "inside":
        page.locator("#inside-map tbody th button").first.click()
        page.click("#inside-excite-go")
        page.locator("#inside-excite-list li").nth(4).wait_for()
        page.locator("#inside-excite-go", has_text="Find").wait_for()
    page.wait_for_timeout(3000 if tab == "models" else 600)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
