"""The tab "Look inside": words that are marked, and the sentences that excite a unit."""

import re
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, WIDE, Visit, bodies
from tests.browser.test_page import AXE, AXE_OPTIONS, needs_axe
from tests.conftest import Live

WORDS = "#inside-map thead button"
UNITS = "#inside-map tbody th button"
TEXT = "#inside?text=The+old+dog+%F0%9F%98%8D+saw+the+old+man."


def word(page: Page, name: str, index: int = 0) -> Any:
    return page.locator(WORDS).filter(has_text=re.compile(f"^{name}$")).nth(index)


def pressed(page: Page) -> list[str]:
    return page.locator(f"{WORDS}[aria-pressed=true]").all_inner_texts()


def named_units(live: Live, page: Page, find: str, spans: list[dict[str, int]]) -> list[re.Pattern[str]]:
    """What the page should call the units that separate the spans of its text."""
    body = {"text": page.input_value("#inside-text"), "find": find, "marked": spans}
    units = httpx.post(f"{live.url}/inspect", json=body).json()["units"]
    return [re.compile(rf"^unit {unit['unit']} \({int(unit['score'])}\.\d\d\)$") for unit in units]


def press_of(page: Page, by: str, index: int) -> None:
    """Press a word, with the mouse, or with keys from the field above the map."""
    if by == "mouse":
        page.locator(WORDS).nth(index).click()
        return
    page.locator("#inside-series").focus()
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('#inside-map thead') !== null"):
            break
    page.keyboard.press("ArrowLeft")  # of the first word: stays there
    at = page.locator(WORDS).evaluate_all("words => words.indexOf(document.activeElement)")
    for _ in range(abs(index - at)):
        page.keyboard.press("ArrowRight" if index > at else "ArrowLeft")
    page.keyboard.press("Space")


@pytest.mark.parametrize("by", ["mouse", "keyboard"])
def test_marked_words_choose_the_units(visit: Visit, live: Live, by: str) -> None:
    page = visit(TEXT + "&series=hidden")
    page.locator(WORDS).first.wait_for()
    words = page.locator(WORDS).all_inner_texts()
    for index in [index for index, name in enumerate(words) if name == "old"]:
        press_of(page, by, index)
        expect(page.locator(WORDS).nth(index)).to_have_attribute("aria-pressed", "true")
        expect(page.locator(WORDS).nth(index)).to_be_focused()
    spans = [{"start": 4, "end": 7}, {"start": 22, "end": 25}]  # in code points
    assert bodies(page, "/inspect")[-1]["marked"] == spans
    names = named_units(live, page, "hidden", spans)
    expect(page.locator(UNITS)).to_have_text(names)
    expect(page.locator("#inside-mark-hint")).to_contain_text("hidden state is high at the marked tokens")
    expect(page.locator("#inside-units")).to_be_disabled()
    expect(page.locator("#inside-find")).to_be_disabled()

    page.select_option("#inside-series", "cell")  # the units follow the state that is shown
    expect(page.locator("#inside-mark-hint")).to_contain_text("cell state is high at the marked tokens")
    names = named_units(live, page, "cell", spans)
    expect(page.locator(UNITS)).to_have_text(names)

    expect(page).to_have_url(re.compile("series=cell.*marked=4-7%2C22-25"))
    again = visit(page.url.split("/")[-1])
    expect(again.locator(UNITS)).to_have_text(names)
    assert pressed(again) == ["old", "old"]
    word(again, "old").click()
    expect(word(again, "old")).to_have_attribute("aria-pressed", "false")
    again.click("#inside-unmark")
    expect(again.locator(f"{WORDS}[aria-pressed=true]")).to_have_count(0)
    expect(again.locator("#inside-units")).to_be_enabled()
    expect(again.locator("#inside-find")).to_be_enabled()
    expect(again).not_to_have_url(re.compile("marked"))


def test_the_words_are_one_tab_stop(visit: Visit) -> None:
    page = visit(TEXT)
    page.locator(WORDS).first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.locator(WORDS).nth(2)).to_be_focused()
    assert page.locator(f"{WORDS}[tabindex='0']").count() == 1
    page.keyboard.press("ArrowDown")  # into the map
    expect(page.locator("#inside-map tbody tr").first.locator("td").nth(2)).to_be_focused()
    expect(page.locator("#inside-readout")).to_contain_text("all units: change")
    page.keyboard.press("ArrowUp")
    expect(page.locator(WORDS).nth(2)).to_be_focused()
    expect(page.locator("#inside-readout")).to_be_empty()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('tbody') !== null")


def test_marks_that_choose_nothing_are_said(visit: Visit) -> None:
    """An edit that leaves only marked words; the page's text in the page's language, and a way out."""
    page = visit("#inside?text=Eski+ev&marked=0-4", language="tr", refused=(422,))
    expect(page.locator(f"{WORDS}[aria-pressed=true]").first).to_be_visible()
    page.fill("#inside-text", "Eski")
    expect(page.locator("#inside > .say")).to_contain_text("Bazı parçalar işaretli, bazıları işaretsiz olmalı")
    page.click("#inside-unmark")
    expect(page.locator("#inside > .say")).to_be_empty()
    expect(page.locator(WORDS).first).to_be_visible()


def test_an_edit_keeps_the_marks_of_words_that_stay(visit: Visit) -> None:
    page = visit(TEXT + "&marked=4-7,22-25,26-29")
    expect(page.locator(f"{WORDS}[aria-pressed=true]")).to_have_text(["old", "old", "man"])
    page.fill("#inside-text", "The old cat and dog 😍 saw the old man.")
    expect(page).to_have_url(re.compile("marked=4-7%2C30-33%2C34-37"))
    expect(page.locator(f"{WORDS}[aria-pressed=true]")).to_have_text(["old", "old", "man"])
    page.fill("#inside-text", "The old cat and dog 😍 saw the girl.")
    expect(page.locator(f"{WORDS}[aria-pressed=true]")).to_have_text(["old"])
    page.fill("#inside-text", "A girl.")
    expect(page.locator(f"{WORDS}[aria-pressed=true]")).to_have_count(0)
    expect(page.locator("#inside-unmark")).to_be_hidden()


def test_spans_of_a_link_that_do_not_fit_are_left_out(visit: Visit) -> None:
    page = visit(TEXT + "&marked=4-7,7-4,90-95,dog")
    expect(page.locator(f"{WORDS}[aria-pressed=true]")).to_have_text(["old"])
    assert bodies(page, "/inspect")[-1]["marked"] == [{"start": 4, "end": 7}]


def test_one_word_stays_unmarked(visit: Visit) -> None:
    page = visit("#inside?text=The+dog.")
    words = page.locator(WORDS)
    expect(words).to_have_count(3)
    for index in (0, 1):
        words.nth(index).click()
        expect(words.nth(index)).to_have_attribute("aria-pressed", "true")
    words.nth(2).click()
    expect(page.locator("#inside > .say")).to_contain_text("at least one token unmarked")
    assert pressed(page) == ["The", "dog"]


def readings(page: Page) -> list[Any]:
    """The requests of searches for sentences."""
    return [body for body in bodies(page, "/inspect") if "units" in body]


def search(page: Page) -> None:
    """Search for sentences to the end."""
    page.click("#inside-excite-go")
    while len(readings(page)) < 40:
        page.wait_for_timeout(20)
    expect(page.locator("#inside-excite-go")).to_have_text(re.compile("^(Find sentences|Cümle bul)$"))
    expect(page.locator("#inside-excite-list li")).to_have_count(5)


@pytest.mark.parametrize(("language", "model"), [("en", ""), ("tr", ""), ("en", "sentiment-tr")])
def test_sentences_that_excite_a_unit(visit: Visit, live: Live, language: str, model: str) -> None:
    page = visit(f"#inside?model={model}&find=hidden", language=language)
    page.locator(UNITS).nth(1).click()
    search(page)
    sent = readings(page)
    assert len({body["text"] for body in sent}) == len(sent) == 40
    unit = int(page.locator(UNITS).nth(1).inner_text().split()[-1])
    assert all(body["units"] == [unit] and body["model"] == (model or f"language-{language}") for body in sent)
    peaks = []
    for body in sent:
        reply = httpx.post(f"{live.url}/inspect", json=body).json()
        hidden = reply["units"][0]["hidden"]
        token = reply["tokens"][hidden.index(max(hidden))]
        peaks.append((max(hidden), body["text"], token["text"].strip()))
    peaks.sort(key=lambda peak: -peak[0])
    items = page.locator("#inside-excite-list li")
    assert [item.locator("span").first.inner_text() for item in items.all()] == [text for _, text, _ in peaks[:5]]
    assert items.locator("mark").all_text_contents() == [token for _, _, token in peaks[:5]]
    values = [float(text.replace(",", ".")) for text in items.locator(".number").all_inner_texts()]
    assert values == pytest.approx([value for value, _, _ in peaks[:5]], abs=0.006)
    assert items.first.locator("span").first.get_attribute("lang") == ("tr" if model else language)

    page.locator(UNITS).nth(0).click()  # another unit: what was found is not its
    expect(items).to_have_count(0)


def hold_after(page: Page, answered: int) -> list[Any]:
    """Hold the requests of a search back after some; returns those that are held."""
    held: list[Any] = []

    def hold(route: Any) -> None:
        if len(readings(page)) <= answered:
            route.continue_()
        else:
            held.append(route)

    page.route("**/inspect", hold)
    return held


def test_the_search_stops_when_asked(visit: Visit) -> None:
    page = visit("#inside")
    page.locator(UNITS).first.click()
    hold_after(page, 4)
    button = page.locator("#inside-excite-go")
    button.click()
    expect(button).to_have_text("Stop (4 of 40)")
    button.click()
    expect(button).to_have_text("Find sentences")
    expect(page.locator("#inside-excite-list li")).to_have_count(4)  # what was found stays
    page.unroute("**/inspect")
    button.click()
    expect(page.locator("#inside-excite-list li")).to_have_count(5)


def test_a_search_that_fails_says_so(visit: Visit) -> None:
    page = visit("#inside", refused=(500,))
    page.locator(UNITS).first.click()
    held = hold_after(page, 4)
    button = page.locator("#inside-excite-go")
    button.click()
    expect(button).to_have_text("Stop (4 of 40)")
    held[0].fulfill(status=500, json={})
    expect(page.locator("#inside-excite .say")).to_contain_text("The server failed")
    expect(button).to_have_text("Find sentences")
    page.unroute("**/inspect")
    button.click()
    expect(page.locator("#inside-excite .say")).to_be_empty()
    expect(page.locator("#inside-excite-list li")).to_have_count(5)


@needs_axe
@pytest.mark.parametrize(("size", "language", "theme"), [(WIDE, "en", "light"), (PHONE, "tr", "dark")])
def test_marks_and_sentences_are_accessible(visit: Visit, size: tuple[int, int], language: str, theme: str) -> None:
    page = visit("#inside?marked=0-3", language=language, size=size, theme=theme)
    expect(page.locator(f"{WORDS}[aria-pressed=true]").first).to_be_visible()
    page.locator(UNITS).first.click()
    search(page)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    violations = page.evaluate("options => axe.run(document, options)", AXE_OPTIONS)["violations"]
    serious = [rule for rule in violations if rule["impact"] in ("serious", "critical")]
    assert [(rule["id"], [node["html"] for node in rule["nodes"]][:3]) for rule in serious] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page scrolls horizontally"
