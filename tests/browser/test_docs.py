"""The API page: it needs no other host, follows the system's theme, leads back, and folds the replies of errors."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import WIDE
from tests.conftest import Live


@pytest.fixture
def docs(browser: Browser, live: Live) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": WIDE[0], "height": WIDE[1]}, color_scheme="light")
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    own = (live.url, "data:", "blob:")
    page.on("request", lambda request: None if request.url.startswith(own) else faults.append(request.url))
    page.goto(f"{live.url}/docs")
    yield page
    assert faults == []
    context.close()


def test_errors_are_folded_until_they_are_opened(docs: Page) -> None:
    docs.locator("#operations-text-classify .opblock-summary-control").click()
    replies = docs.locator("#operations-text-classify .responses-table").last
    expect(replies.locator("tr.response")).to_have_count(1)
    error = replies.get_by_role("button", name="422")
    expect(error).to_have_attribute("aria-expanded", "false")
    error.click()
    expect(replies.locator("tr.response")).to_have_count(2)
    expect(replies.locator("tr.response").last).to_contain_text("application/problem+json")
    expect(replies.locator("tr.response").last).to_contain_text('"instance": "/classify"')
    error.click()
    expect(replies.locator("tr.response")).to_have_count(1)


def test_an_example_can_be_chosen_and_sent(docs: Page) -> None:
    operation = docs.locator("#operations-text-classify")
    operation.locator(".opblock-summary-control").click()
    operation.locator(".opblock-section-request-body .examples-select select").select_option("several")
    replies = operation.locator(".response-control-examples select")
    replies.select_option("several")
    expect(operation.locator(".response .model-example")).to_contain_text("sentiment-tr")
    operation.locator("button.execute").click()
    expect(operation.locator(".live-responses-table")).to_contain_text("sentiment-tr")


def brightness(page: Page) -> float:
    color = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    return sum(map(int, color.removeprefix("rgb(").removesuffix(")").split(","))) / 3


def test_the_page_is_dark_where_the_system_is(docs: Page) -> None:
    assert brightness(docs) > 200
    docs.emulate_media(color_scheme="dark")
    expect(docs.locator("html")).to_have_class("dark-mode")
    assert brightness(docs) < 60


def test_a_link_leads_back_to_the_playground(docs: Page) -> None:
    docs.get_by_role("link", name="playground").click()
    expect(docs.get_by_role("tablist")).to_be_visible()
