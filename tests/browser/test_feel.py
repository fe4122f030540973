"""The tab "Feel"."""

import csv
import io
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.conftest import Live


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
    (result,) = httpx.post(f"{live.url}/classify", json={"text": [lines[1]], "explain": True}).json()["results"]
    shown = page.locator("#feel-words .tint")
    assert shown.count() == len(result["explanation"])
    for index, part in enumerate(result["explanation"]):
        title = shown.nth(index).get_attribute("title").replace("−", "-").replace(",", ".")
        assert float(title) == pytest.approx(part["contribution"], abs=0.006)
        hue = shown.nth(index).evaluate("word => word.style.getPropertyValue('--hue')")
        assert hue == ("var(--for)" if part["contribution"] >= 0 else "var(--against)")
    assert page.locator("#feel-bars .bar").count() == 2
    page.locator("#feel-text").press("Control+Home")
    expect(page.locator("#feel-words")).to_have_text(lines[0])


def test_csv_contains_every_line(visit: Visit, tmp_path: Path) -> None:
    page = visit("#feel")
    page.fill("#feel-text", 'A "good" film, truly.\n=1+1 is bad\n')
    # wait for these lines: the example also has two
    expect(page.locator("#feel-table tbody tr").nth(1).locator("td").nth(0)).to_have_text("=1+1 is bad")
    with page.expect_download() as download:
        page.click("#feel-csv")
    download.value.save_as(tmp_path / "downloaded.csv")
    rows = list(csv.reader(io.StringIO((tmp_path / "downloaded.csv").read_text(encoding="utf-8-sig"))))
    assert rows[0] == ["text", "label", *sorted(["negative", "positive"])]
    assert [row[0] for row in rows[1:]] == ['A "good" film, truly.', "'=1+1 is bad"]
    assert all(abs(float(row[2]) + float(row[3]) - 1) < 1e-6 for row in rows[1:])


def test_an_empty_text_has_no_results(visit: Visit) -> None:
    page = visit("#feel")
    expect(page.locator("#feel-bars .bar")).to_have_count(2)
    page.fill("#feel-text", " \n ")
    expect(page.locator("#feel-bars .bar")).to_have_count(0)
    assert page.text_content("#feel-words") == ""
