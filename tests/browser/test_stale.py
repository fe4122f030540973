"""Results of an older text never look like those of the text in the box, whether the server is slow, busy or gone."""

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Visit

TEXTS = {
    "write": ("next-word-probs", "The old man ", "The young girl ", "#write .next"),
    "feel": ("classify", "A good film.", "A film without hope.", "#feel"),
    "translate": ("translate", "Where is the station?", "Where is the harbour?", "#translate"),
    "inside": ("inspect", "The man sleeps.", "The dog sleeps.", "#inside"),
    "ladder": ("next-word-probs", "the old man ", "the young girl ", "#ladder"),
}
BARS = {
    "write": "#write-bars .bar", "feel": "#feel-bars .bar", "translate": "#translate-map td",
    "inside": "#inside-map td", "ladder": "#ladder-columns .bar",
}  # fmt: skip
tabs = pytest.mark.parametrize("tab", TEXTS)


def opened(visit: Visit, tab: str, refused: tuple[int | str, ...] = ()) -> Page:
    """A page with the results of the tab's first text."""
    page = visit(f"#{tab}", refused=refused)
    page.fill(f"#{tab}-text", TEXTS[tab][1])
    page.locator(BARS[tab]).first.wait_for()
    area = page.locator(TEXTS[tab][3])
    expect(area).to_have_attribute("aria-busy", "false")
    assert area.get_attribute("data-stale") is None
    return page


@tabs
def test_results_are_stale_while_the_server_does_not_answer(visit: Visit, tab: str) -> None:
    page = opened(visit, tab)
    _, _, text, area = TEXTS[tab]
    page.evaluate(
        "() => { const send = window.fetch; const gate = new Promise((open) => { window.release = open; });"
        " window.fetch = async (...options) => { await gate; return send(...options); }; }"
    )
    page.fill(f"#{tab}-text", text)
    expect(page.locator(area)).to_have_attribute("data-stale", "")
    expect(page.locator(area)).to_have_attribute("aria-busy", "true")
    expect(page.locator(area).locator(".say").first).to_have_text("Waiting for the server…")
    page.evaluate("window.release()")
    expect(page.locator(area)).not_to_have_attribute("data-stale", "", timeout=20_000)
    expect(page.locator(area).locator(".say").first).to_have_text("")


@tabs
@pytest.mark.parametrize("failure", ["lost", "busy"])
def test_results_are_stale_while_requests_fail(visit: Visit, tab: str, failure: str) -> None:
    page = opened(visit, tab, refused=(429, "net::ERR_FAILED"))
    path, _, text, area = TEXTS[tab]

    def fail(route: Route) -> None:
        if failure == "lost":
            route.abort()
        else:
            route.fulfill(status=429, headers={"retry-after": "1"}, content_type="application/problem+json", body="{}")

    page.route(f"**/{path}", fail)
    page.fill(f"#{tab}-text", text)
    expect(page.locator(area)).to_have_attribute("data-stale", "")
    message = "can’t be reached" if failure == "lost" else "Too many requests"
    expect(page.locator(area).locator(".say").first).to_contain_text(message)
    page.unroute(f"**/{path}")
    expect(page.locator(area)).not_to_have_attribute("data-stale", "", timeout=20_000)


def test_a_refused_text_leaves_no_results_and_its_error_ends_with_it(visit: Visit) -> None:
    page = opened(visit, "feel", refused=(422,))
    page.fill("#feel-text", "a" * 20_001)
    expect(page.locator("#feel .say")).to_contain_text("Line 1: the text has 20,001 characters; at most 20,000 are")
    expect(page.locator("#feel-bars .bar")).to_have_count(0)
    page.fill("#feel-text", "")
    expect(page.locator("#feel .say")).to_have_text("")


def test_a_limit_is_named_in_the_language_of_the_page(visit: Visit) -> None:
    page = visit("#feel", language="tr", refused=(422,))
    page.fill("#feel-text", "a" * 20_001)
    expect(page.locator("#feel .say")).to_contain_text("1. satır: metin 20.001 karakter; en çok 20.000 karakter")
