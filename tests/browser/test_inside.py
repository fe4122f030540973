"""The tabs "Look inside" and "Models"."""

import re
from typing import Any

import httpx
import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import Visit, bodies
from tests.conftest import Live


@pytest.mark.parametrize("language", ["en", "tr"])
def test_the_heat_map_shows_gates_and_states(visit: Visit, live: Live, language: str) -> None:
    page = visit("#inside", language=language)
    rows = page.locator("#inside-map tbody tr")
    expect(rows).to_have_count(13)  # twelve units, and the change over all units
    text = page.input_value("#inside-text")
    reply = httpx.post(f"{live.url}/inspect", json={"text": text, "find": "hidden"}).json()
    assert page.locator("#inside-map thead th").all_inner_texts() == [
        token["text"].strip() for token in reply["tokens"]
    ]
    assert reply["model"] == f"language-{language}"
    names = page.locator("#inside-map tbody th button").all_inner_texts()
    assert [name.split()[-1] for name in names] == [str(unit["unit"]) for unit in reply["units"]]

    for series in ("forget", "input", "output", "candidate", "hidden", "cell"):
        page.select_option("#inside-series", series)
        cells = [
            float(cell.get_attribute("aria-label").replace(",", ".").replace("−", "-"))
            for cell in rows.nth(1).locator("td").all()
        ]
        assert cells == pytest.approx(reply["units"][0][series], abs=0.006)
    page.locator("#inside-map tbody th button").nth(2).click()
    expect(page.locator("#inside-unit tbody tr")).to_have_count(6)
    expect(page.locator("#inside-formula")).to_be_visible()
    rows.nth(1).locator("td").nth(3).hover()
    expect(page.locator("#inside-readout")).to_contain_text(str(reply["units"][0]["unit"]))


def test_layers_directions_and_selected_units(visit: Visit) -> None:
    page = visit("#inside")
    expect(page.locator("#inside-map tbody tr")).to_have_count(13)
    page.select_option("#inside-model", "sentiment-en")
    expect(page.locator("#inside-direction option")).to_have_count(2)
    page.select_option("#inside-direction", "backward")
    page.fill("#inside-units", "7, 3")
    expect(page.locator("#inside-map tbody tr")).to_have_count(3)
    assert [name.split()[-1] for name in page.locator("#inside-map tbody th button").all_inner_texts()] == ["7", "3"]
    last = bodies(page, "/inspect")[-1]
    assert (last["model"], last["direction"], last["units"]) == ("sentiment-en", "backward", [7, 3])


def test_a_plain_rnn_has_a_hidden_state_only(visit: Visit) -> None:
    page = visit("#inside?model=rung-en-rnn&series=cell&text=the+man+saw+the+dog&marked=4-7")
    units = page.locator("#inside-map tbody th button")
    units.first.click()
    expect(page.locator("#inside-unit tbody th")).to_have_text(["hidden state"])
    expect(page.locator("#inside-formula")).to_be_hidden()
    expect(page.locator("#inside-about")).to_contain_text("no cell state")
    expect(page.locator("#inside-mark-hint")).to_contain_text("hidden state is high")
    expect(page).to_have_url(re.compile("series=hidden"))
    series = page.locator("#inside-series")
    assert series.locator("option:not(:disabled)").all_inner_texts() == ["hidden state"]
    page.select_option("#inside-model", "language-en")
    expect(page.locator("#inside-series option:disabled")).to_have_count(0)
    units.first.click()
    expect(page.locator("#inside-unit tbody tr")).to_have_count(6)


@pytest.mark.parametrize(
    ("link", "path", "asked"),
    [
        ("inside?model=rung-en-rnn&series=cell&text=the+man&marked=4-7", "/inspect", {"model": "rung-en-rnn"}),
        ("inside?model=language-en&layer=0&text=the+man", "/inspect", {"model": "language-en", "layer": 0}),
        ("write?model=rung-en-rnn&text=the+man", "/next-word-probs", {"model": "rung-en-rnn"}),
        ("feel?model=sentiment-en&text=a+good+film", "/classify", {"model": "sentiment-en"}),
    ],
)
def test_a_links_model_is_asked_however_late_models_are_listed(
    visit: Visit, link: str, path: str, asked: dict[str, Any]
) -> None:
    """The model that would answer by default has other layers and units: what it answered became a part of the link."""
    page = visit("#models")
    listed: list[Route] = []
    page.route("**/models", lambda route: listed.append(route))  # noqa: PLW0108 (Playwright sets attributes of it)
    page.evaluate("address => history.replaceState(null, '', address)", f"#{link}")
    with page.expect_request("**/models"):
        page.reload()
    page.wait_for_timeout(300)
    assert bodies(page, path) == []
    for route in listed:
        route.continue_()
    tab = link.partition("?")[0]
    expect(page.locator(f"#{tab}-by")).to_contain_text(asked["model"])
    assert [body | asked for body in bodies(page, path)] == bodies(page, path) != []


def test_invalid_units_are_reported(visit: Visit) -> None:
    page = visit("#inside", refused=(404,))
    page.fill("#inside-units", "seven")
    expect(page.locator("#inside > .say")).to_contain_text("numbers")
    page.fill("#inside-units", "100000")
    expect(page.locator("#inside > .say")).to_have_text(re.compile(r"^The units of this layer are 0 to \d+\.$"))
    page.fill("#inside-units", "")
    expect(page.locator("#inside > .say")).to_be_empty()


@pytest.mark.parametrize("language", ["en", "tr"])
def test_model_cards_and_server_metrics(visit: Visit, live: Live, language: str) -> None:
    page = visit("#models", language=language)
    cards = page.locator("#models-cards article")
    models = httpx.get(f"{live.url}/models").json()["models"]
    expect(cards).to_have_count(len(models))
    for index, model in enumerate(models):
        expect(cards.nth(index)).to_contain_text(model["name"])
        expect(cards.nth(index).locator("h2")).not_to_contain_text(model["name"])  # a title, not a folder's name
        has_curve = model["kind"] not in ("ngram", "bag")
        assert cards.nth(index).locator("svg path.valid").count() == has_curve
        names = cards.nth(index).locator("svg text").all_text_contents()
        steps, loss = {"en": ("steps of training", "training loss"), "tr": ("eğitim adımı", "eğitim kaybı")}[language]
        assert (steps in names) == (loss in names) == has_curve  # the axes have names
    expect(page.locator("#models")).not_to_contain_text("000000")
    expect(cards.filter(has_text="rung-en-n2")).to_contain_text("∞")
    expect(page.locator('[data-metric="running"]')).to_have_text("0")
    httpx.post(f"{live.url}/generate", json={"prompt": "The man", "max_new_tokens": 300, "temperature": 2})
    expect(page.locator('[data-metric="written"]')).not_to_have_text("0")
