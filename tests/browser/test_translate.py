"""The tab "Translate"."""

import re

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import PHONE, WIDE, Visit
from tests.browser.test_page import AXE, AXE_OPTIONS, needs_axe
from tests.conftest import Live


@pytest.mark.parametrize(
    ("language", "text", "detected"),
    [
        ("en", "Where is the station?", "English"), ("tr", "Where is the station?", "İngilizce"),
        ("en", "İstasyon nerede?", "Turkish"), ("tr", "İstasyon nerede?", "Türkçe"),
    ],
)  # fmt: skip
def test_both_directions(visit: Visit, live: Live, language: str, text: str, detected: str) -> None:
    page = visit("#translate", language=language)
    page.fill("#translate-text", "")
    page.type("#translate-text", text)
    body = {"text": text, "alternatives": 2, "attention": True}
    (result,) = httpx.post(f"{live.url}/translate", json=body).json()["results"]
    expect(page.locator("#translate-result")).to_have_text(result["text"])
    expect(page.locator("#translate-found")).to_contain_text(detected)
    assert page.locator("#translate-alternatives li").all_inner_texts() == result["alternatives"]
    attention = result["attention"]
    expect(page.locator("#translate-map tbody tr")).to_have_count(len(attention["target_tokens"]))
    expect(page.locator("#translate-map thead th")).to_have_count(len(attention["source_tokens"]))

    words = page.locator("#translate-source .tint")
    words.nth(1).hover()
    expect(words.nth(1)).to_have_class("tint lit")
    shades = page.evaluate(
        "[...document.querySelectorAll('#translate-written .tint')].map(word => +word.style.getPropertyValue('--much'))"
    )
    column = [row[1] for row in attention["weights"]]
    assert shades.index(max(shades)) == column.index(max(column))
    page.locator("#translate-map tbody tr").nth(0).locator("td").nth(2).hover()
    expect(page.locator("#translate-written .tint").nth(0)).to_have_class("tint lit")
    expect(words.nth(2)).to_have_class("tint lit")


def test_swap_and_target(visit: Visit) -> None:
    page = visit("#translate?text=The+dog+is+good.")
    expect(page.locator("#translate-result")).not_to_be_empty()
    translation = page.inner_text("#translate-result")
    page.click("#translate-swap")
    expect(page.locator("#translate-text")).to_have_value(translation)
    expect(page.locator("#translate-result")).not_to_have_text(translation)


def test_a_text_that_is_in_the_target_language_already(visit: Visit) -> None:
    page = visit("#translate?text=The+dog+is+good.&target=en")
    expect(page.locator("#translate-doubt")).to_contain_text("target language already")
    expect(page.locator("#translate-result")).to_have_text("The dog is good.")
    page.select_option("#translate-target", "tr")
    expect(page.locator("#translate-doubt")).not_to_contain_text("already")
    expect(page.locator("#translate-result")).not_to_be_empty()


@pytest.mark.parametrize(("quality", "visible"), [(0.39, True), (0.41, False), (None, False)])
def test_a_low_quality_is_said(visit: Visit, quality: float | None, visible: bool) -> None:
    page = visit("#translate?text=The+dog+is+good.")

    def answer(route: Route) -> None:
        reply = route.fetch().json()
        reply["results"][0]["quality"] = quality
        route.fulfill(json=reply)

    page.route("**/translate", answer)
    page.fill("#translate-text", "The film is good.")
    doubt = page.locator("#translate-doubt")
    expect(page.locator("#translate-result")).not_to_be_empty()
    if visible:
        expect(doubt).to_contain_text("39")
    else:
        expect(doubt).to_be_hidden()
    page.unroute_all(behavior="wait")  # a translation that is still under way would fail with the page


WORDS = "#translate-result .pick"


def open_a_menu(page: Page, by: str) -> int:
    """Open the menu of the first word that has others in its place, which some have not; return the word's index."""
    for index in range(page.locator(WORDS).count()):
        word = page.locator(WORDS).nth(index)
        if by == "mouse":
            word.click()
        else:
            word.focus()
            page.keyboard.press("Enter")
        expect(page.locator(".wordmenu")).to_be_visible()
        expect(word).to_have_attribute("aria-expanded", "true")
        expect(page.locator(".wordmenu [role=menuitem], .wordmenu .say:not(:empty)").first).to_be_visible()
        if page.locator(".wordmenu [role=menuitem]").count():
            return index
        page.keyboard.press("Escape")
        expect(page.locator(".wordmenu")).to_be_hidden()
        expect(word).to_have_attribute("aria-expanded", "false")
    raise AssertionError("no word has another in its place")


@pytest.mark.parametrize(
    "fragment", ["#translate?text=Where+is+the+old+station%3F&lang=en", "#translate?lang=tr&text=The+dog+is+good."]
)
@pytest.mark.parametrize("by", ["mouse", "keyboard"])
def test_a_word_is_chosen_and_the_rest_follows(visit: Visit, live: Live, fragment: str, by: str) -> None:
    page = visit(fragment)
    expect(page.locator(WORDS).first).to_be_visible()
    before = page.inner_text("#translate-result")
    items = page.locator(".wordmenu [role=menuitem]")
    index = open_a_menu(page, by)
    expect(items.first).to_be_focused()
    start = int(page.locator(WORDS).nth(index).get_attribute("data-start") or 0)
    chosen = items.first.locator("span").first.inner_text()
    if by == "mouse":
        items.first.click()
    else:
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Home")
        expect(items.first).to_be_focused()
        page.keyboard.press("Enter")
    expect(page.locator("#translate-chosen")).to_be_visible()
    expect(page.locator("#translate-result")).to_contain_text(before[:start] + chosen)
    expect(page.locator(f'{WORDS}[data-start="{start}"]')).to_be_focused()
    expect(page.locator(".wordmenu")).to_be_hidden()
    body = {"text": page.input_value("#translate-text"), "prefix": before[:start] + chosen}
    (result,) = httpx.post(f"{live.url}/translate", json=body).json()["results"]
    expect(page.locator("#translate-result")).to_have_text(result["text"])

    expect(page).to_have_url(re.compile("prefix="))
    again = visit(page.url.split("/")[-1])
    expect(again.locator("#translate-result")).to_have_text(result["text"])
    again.click("#translate-free")
    expect(again.locator("#translate-result")).to_have_text(before)
    expect(again.locator("#translate-chosen")).to_be_hidden()


@needs_axe
@pytest.mark.parametrize(("size", "language", "theme"), [(WIDE, "en", "light"), (PHONE, "tr", "dark")])
def test_the_menu_of_a_word_is_accessible(visit: Visit, size: tuple[int, int], language: str, theme: str) -> None:
    page = visit("#translate?text=The+dog+is+good.", language=language, size=size, theme=theme)
    page.locator(WORDS).first.click()
    expect(page.locator(".wordmenu [role=menuitem], .wordmenu .say:not(:empty)").first).to_be_visible()
    page.evaluate(AXE.read_text(encoding="utf-8"))
    violations = page.evaluate("options => axe.run(document, options)", AXE_OPTIONS)["violations"]
    serious = [rule for rule in violations if rule["impact"] in ("serious", "critical")]
    assert [(rule["id"], [node["html"] for node in rule["nodes"]][:3]) for rule in serious] == []


def test_another_text_is_translated_freely(visit: Visit) -> None:
    page = visit("#translate?text=The+dog+is+good.&prefix=Eski")
    expect(page.locator("#translate-result")).to_contain_text("Eski")
    expect(page.locator("#translate-chosen")).to_be_visible()
    page.fill("#translate-text", "The film is good.")
    expect(page.locator("#translate-chosen")).to_be_hidden()
    expect(page.locator("#translate-result")).not_to_contain_text("Eski")


def test_a_word_is_chosen_in_the_lecture(visit: Visit) -> None:
    page = visit("#lecture/1")
    page.locator(".said h2").wait_for()
    step = page.locator(".steps option").count()
    while not page.locator(".figure #translate-result").count():
        step -= 1
        page.evaluate("step => { location.hash = `lecture/${step}`; }", step)
        expect(page.locator(".steps select")).to_have_value(str(step - 1))
    expect(page.locator(WORDS).first).to_be_visible()
    open_a_menu(page, "keyboard")
    page.keyboard.press("Enter")
    expect(page.locator(".figure #translate-chosen")).to_be_visible()
    expect(page).to_have_url(re.compile(rf"lecture/{step}.*prefix="))
