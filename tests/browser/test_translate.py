"""The tab "Translate"."""

import httpx
import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import Visit
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
