"""The page fits its window: on a phone, at 200 % zoom and on a wide screen; and it begins in the reader's language."""

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.browser.conftest import PHONE, WIDE, Visit
from tests.conftest import Live

TABS = ["write", "feel", "translate", "senses", "inside", "ladder", "lecture", "models"]
ZOOMED = (WIDE[0] // 2, WIDE[1] // 2)
"""What is left of a window, in the page's pixels, at 200 % zoom."""
READY = {
    "write": "#write-bars .bar", "feel": "#feel-words .tint", "translate": "#translate .map td",
    "inside": "#inside .map td", "ladder": "#ladder .rung .bar", "models": "#models article",
}  # fmt: skip
"""What is there when a tab has its answer; the others have none at first."""


@pytest.mark.parametrize("language", ["en", "tr"])
@pytest.mark.parametrize("size", [PHONE, ZOOMED], ids=["phone", "zoomed"])
@pytest.mark.parametrize("tab", TABS)
def test_nothing_is_wider_than_the_window(visit: Visit, tab: str, size: tuple[int, int], language: str) -> None:
    page = visit(f"#{tab}", language=language, size=size)
    expect(page.locator(f"#{tab}")).to_be_visible()
    if tab in READY:
        page.locator(READY[tab]).first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


@pytest.mark.parametrize("tab", ["models", "senses"])
def test_the_tabs_stay_in_view_on_a_phone(visit: Visit, tab: str) -> None:
    page = visit(f"#{tab}", size=PHONE)
    if tab in READY:
        page.locator(READY[tab]).first.wait_for()
    # again and again, since the page grows while its results come in
    page.wait_for_function("() => { scrollTo(0, document.documentElement.scrollHeight); return scrollY > 400; }")
    for name in TABS:
        expect(page.locator(f"#tab-{name}")).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize("part", ["h2", ".hint:not(.none)", ".bars"])
def test_the_columns_of_the_ladder_are_on_one_line(visit: Visit, part: str) -> None:
    page = visit("#ladder")
    page.locator(READY["ladder"]).first.wait_for()
    tops: dict[float, set[float]] = {}
    for column in page.locator("#ladder .rung").all():
        row, box = column.bounding_box(), column.locator(part).bounding_box()
        assert row
        assert box
        tops.setdefault(row["y"], set()).add(round(box["y"]))
    assert all(len(values) == 1 for values in tops.values()), tops
    assert len(page.locator("#ladder .rung").all()) > len(tops)


def test_a_heat_map_is_legible_and_uses_the_width(visit: Visit) -> None:
    page = visit("#inside", size=(1600, 900))
    page.locator(READY["inside"]).first.wait_for()
    cell = page.locator("#inside .map td").first.bounding_box()
    table = page.locator("#inside .map").first.bounding_box()
    assert cell
    assert table
    assert cell["height"] >= 24
    assert table["width"] >= 800


@pytest.mark.parametrize("language", ["en", "tr"])
def test_the_right_half_of_translate_is_used(visit: Visit, language: str) -> None:
    """Beside text, translation, quality and alternatives is their attention, all in view, in a legible map."""
    width, height = 1600, 900
    page = visit("#translate", language=language, size=(width, height))
    page.locator(READY["translate"]).first.wait_for()
    for left in ("#translate-text", "#translate-result", "#translate-by", "#translate-alternatives li"):
        box = page.locator(left).last.bounding_box()
        assert box
        assert box["x"] + box["width"] <= width / 2, left
        assert box["y"] + box["height"] <= height, left
    for right in ("#translate-source", "#translate-written", "#translate-map .map"):
        box = page.locator(right).bounding_box()
        assert box
        assert box["x"] >= width / 2, right
        assert box["y"] + box["height"] <= height, right
    cell = page.locator("#translate-map td").last.bounding_box()
    assert cell
    assert cell["width"] >= 40
    assert cell["height"] >= 28
    assert page.evaluate("parseFloat(getComputedStyle(document.querySelector('#translate-map th')).fontSize)") >= 14


@pytest.mark.parametrize(("locale", "fragment", "language"), [
    ("tr-TR", "", "tr"), ("en-GB", "", "en"), ("de-DE", "", "en"), ("en-GB", "#write?lang=tr", "tr"),
])  # fmt: skip
def test_nothing_is_shown_before_the_language_is_known(
    browser: Browser, live: Live, locale: str, fragment: str, language: str
) -> None:
    """The script that translates is held back: language and theme are there, and no text of another language."""
    context = browser.new_context(locale=locale, color_scheme="dark")
    page = context.new_page()
    held: list[Route] = []
    page.route("**/playground/main.js", lambda route: held.append(route))  # noqa: PLW0108
    page.goto(f"{live.url}/{fragment}", wait_until="commit")
    page.wait_for_selector("#tab-write", state="attached")
    root = page.locator("html")
    expect(root).to_have_attribute("lang", language)
    expect(root).to_have_attribute("data-theme", "dark")
    assert page.evaluate("document.documentElement.hasAttribute('data-untranslated')") == (language != "en")
    while not held:
        page.wait_for_timeout(20)
    held[0].continue_()
    expect(page.locator("#tab-write")).to_have_text({"en": "Write", "tr": "Yazma"}[language])
    expect(page.locator("#tab-write")).to_be_visible()
    assert not page.evaluate("document.documentElement.hasAttribute('data-untranslated')")
    context.close()
