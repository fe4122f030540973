"""The tab "Feel"."""

import csv
import io
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.conftest import Live


def classify(live: Live, text: str) -> dict:
    """The reply's result for a text, with its explanation."""
    (result,) = httpx.post(f"{live.url}/classify", json={"text": [text], "explain": True}).json()["results"]
    return result


@pytest.mark.parametrize(
    ("language", "lines", "labels"),
    [
        ("en", ["A wonderful, moving film.", "Dull, and far too long."], ["positive", "negative"]),
        ("tr", ["Harika bir film, çok beğendim.", "Berbat, hiç beğenmedim."], ["olumlu", "olumsuz"]),
    ],
)
def test_words_are_tinted_by_their_contributions(
    visit: Visit, live: Live, language: str, lines: list[str], labels: list[str]
) -> None:
    page = visit("#feel", language=language)
    page.fill("#feel-text", "")
    page.type("#feel-text", "\n".join(lines))
    rows = page.locator("#feel-table tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(1).locator("td").nth(0)).to_have_text(lines[1])
    for row, label in enumerate(labels):
        expect(rows.nth(row).locator("td").nth(1)).to_have_text(label)
    # the words are those of the line with the cursor, here the last
    assert page.text_content("#feel-words") == lines[1]
    result = classify(live, lines[1])
    shown = page.locator("#feel-words .tint")
    assert shown.count() == len(result["explanation"])
    for index, part in enumerate(result["explanation"]):
        value = shown.nth(index).get_attribute("data-value").replace("−", "-").replace(",", ".")
        assert float(value) == pytest.approx(part["contribution"], abs=0.0101)  # rounded so that all add up
        hue = shown.nth(index).evaluate("word => word.style.getPropertyValue('--hue')")
        assert hue == ("var(--for)" if part["contribution"] >= 0 else "var(--against)")
    assert page.locator("#feel-bars .bar").count() == len(result["scores"])
    page.locator("#feel-text").press("Control+Home")
    expect(page.locator("#feel-words")).to_have_text(lines[0])


def test_tokens_of_one_emoji_are_one_word(visit: Visit, live: Live) -> None:
    text = "The film is here 😡"
    page = visit("#feel", language="en")
    page.fill("#feel-text", text)
    expect(page.locator("#feel-words")).to_have_text(text)
    explanation = classify(live, text)["explanation"]
    of_emoji = [part["contribution"] for part in explanation if part["end"] > text.index("😡")]
    assert len(of_emoji) > 1
    shown = page.locator("#feel-words .tint").last
    expect(shown).to_have_text("😡")
    value = shown.get_attribute("data-value").replace("−", "-")
    assert float(value) == pytest.approx(sum(of_emoji), abs=0.0101)


def test_csv_contains_every_line(visit: Visit, live: Live, tmp_path: Path) -> None:
    page = visit("#feel")
    page.fill("#feel-text", 'A "good" film, truly.\n=1+1 is bad\n')
    # wait for these lines: the example also has two
    expect(page.locator("#feel-table tbody tr").nth(1).locator("td").nth(0)).to_have_text("=1+1 is bad")
    with page.expect_download() as download:
        page.click("#feel-csv")
    download.value.save_as(tmp_path / "downloaded.csv")
    rows = list(csv.reader(io.StringIO((tmp_path / "downloaded.csv").read_text(encoding="utf-8-sig"))))
    labels = sorted(classify(live, "good")["scores"])
    assert rows[0] == ["text", "label", *labels]
    assert [row[0] for row in rows[1:]] == ['A "good" film, truly.', "'=1+1 is bad"]
    assert all(abs(sum(map(float, row[2:])) - 1) < 1e-6 for row in rows[1:])


def test_an_empty_text_has_no_results(visit: Visit) -> None:
    page = visit("#feel")
    expect(page.locator("#feel-bars .bar").first).to_be_visible()
    page.fill("#feel-text", " \n ")
    expect(page.locator("#feel-bars .bar")).to_have_count(0)
    assert page.text_content("#feel-words") == ""
