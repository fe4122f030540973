"""The tab "Lecture": its steps, links, keys, figures and exercises."""

import json
import math
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
import torch
from playwright.sync_api import Locator, Page, expect

from app.catalog.registry import Registry
from app.catalog.registry import serve as serve_model
from models import checkpoint
from models.networks.language_model import LanguageModel, LanguageModelConfig
from models.text.tokenizers import SubwordTokenizer
from tests.browser.conftest import PHONE, WIDE, Visit, bodies
from tests.browser.test_page import AXE, AXE_OPTIONS, needs_axe
from tests.conftest import Live, Serve, save_tiny

SENTENCE = "The man sees the man and the man sees the boy"
COUNT = 26
STEPS = range(1, COUNT + 1)
LOADED = "async () => (await import('./playground/lecture/{module}.js')).{name}"


def measured(page: Page, step: int) -> None:
    """Wait until the figure of a step has shown and reported its results."""
    page.locator(f".figure[data-measured='{step}']").wait_for(timeout=60_000)


def open_step(visit: Visit, step: int, language: str = "en", **fields: Any) -> Page:
    page = visit(f"#lecture/{step}{'?' + urlencode(fields) if fields else ''}", language=language)
    page.locator(".said h2").wait_for()
    return page


def solutions_of(page: Page) -> list[dict[str, Any] | None]:
    """Of each step, the solution of its exercise, or None."""
    script = LOADED.format(module="steps", name="STEPS.map(step => step.exercise?.solution ?? null)")
    return list(page.evaluate(script))


def test_all_steps_in_both_languages(visit: Visit) -> None:
    """Every step has its texts in both languages, a figure that exists, and a title of its own."""
    page = open_step(visit, 1)
    steps = page.evaluate(
        """async () => {
            const { STEPS } = await import('./playground/lecture/steps.js');
            const { FIGURES } = await import('./playground/lecture/figures.js');
            return STEPS.map(({ title, text, question, exercise, figure }) => ({
                texts: [title, text, question, exercise?.task].filter(Boolean),
                known: [figure].flat().every((name) => name in FIGURES),
            }));
        }"""
    )
    assert len(steps) == COUNT
    for step in steps:
        assert step["known"]
        for texts in step["texts"]:
            assert sorted(texts) == ["en", "tr"]
            assert all(text.strip() for text in texts.values())
    for language in ("en", "tr"):
        assert len({step["texts"][0][language] for step in steps}) == COUNT


def test_both_languages_have_the_same_texts(visit: Visit) -> None:
    page = open_step(visit, 1)
    texts = page.evaluate(LOADED.format(module="texts", name="TEXTS"))
    assert texts["en"].keys() == texts["tr"].keys()
    for name, text in texts["en"].items():
        placeholders = [
            sorted(part.split("}")[0] for part in some.split("{")[1:]) for some in (text, texts["tr"][name])
        ]
        assert set(placeholders[0]) == set(placeholders[1]), name


def test_by_keyboard_from_the_first_step_to_the_last(visit: Visit) -> None:
    page = open_step(visit, 1)
    titles = []
    for step in STEPS:
        expect(page.locator(".steps select")).to_have_value(str(step - 1))
        titles.append(page.locator(".said h2").inner_text())
        page.keyboard.press("ArrowRight")
    assert len(set(titles)) == COUNT
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".steps select")).to_have_value(str(COUNT - 2))
    page.locator("#tab-write").click()
    page.keyboard.press("ArrowRight")  # in the tab list, the key changes the tab
    expect(page.locator("#feel")).to_be_visible()
    expect(page.locator("#translate-text, #draw-top").first).to_be_attached()


def test_keys_belong_to_the_field_that_is_typed_in(visit: Visit) -> None:
    page = open_step(visit, 5)
    page.locator("[data-field=text]").focus()
    page.keyboard.press("ArrowLeft")
    page.locator("[data-field=n]").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".steps select")).to_have_value("4")
    expect(page.locator("[data-field=n]")).to_have_value("3")


def test_page_keys_turn_the_steps_from_a_text_field_and_esc_leaves_it(visit: Visit) -> None:
    """A presenter's clicker sends Page Down, also when the lecturer has just typed a sentence."""
    page = open_step(visit, 5)
    field = page.locator("[data-field=text]")
    field.focus()
    page.keyboard.press("Escape")
    expect(page.locator(".said h2")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".steps select")).to_have_value("3")
    field.fill("a cat and a cat")
    page.keyboard.press("PageDown")
    expect(page.locator(".steps select")).to_have_value("4")
    page.locator("[data-field=n]").focus()
    page.keyboard.press("PageUp")
    expect(page.locator(".steps select")).to_have_value("3")


def test_a_sentence_can_be_given_to_the_models_of_the_other_language(visit: Visit) -> None:
    page = open_step(visit, 13, "tr")
    measured(page, 13)
    languages = page.get_by_label("Modellerin dili")
    expect(languages).to_have_value("en")
    page.fill("[data-field=text]", "Bir gün küçük kız okula gitti")
    languages.select_option("tr")
    expect(languages).to_be_focused()
    measured(page, 13)
    expect(page.locator("[data-field=text]")).to_have_value("Bir gün küçük kız okula gitti")
    assert bodies(page, "/next-word-probs")[-1]["model"] == "rung-tr-rnn"
    page.wait_for_function("() => location.hash.includes('language=tr')")
    linked = visit(page.evaluate("location.hash"))
    measured(linked, 13)
    assert {body["model"] for body in bodies(linked, "/next-word-probs") if "state" in body} == {"rung-tr-rnn"}
    languages.select_option("en")
    measured(page, 13)
    page.wait_for_function("() => !location.hash.includes('language=')")
    assert bodies(page, "/next-word-probs")[-1]["model"] == "rung-en-rnn"


def test_every_line_of_a_chart_is_drawn_and_has_a_key(visit: Visit) -> None:
    page = open_step(visit, 19, "tr")  # seven models and chance
    measured(page, 19)
    strokes = "paths => paths.map(path => getComputedStyle(path).stroke)"
    for curves in (".chart > svg path.curve", ".chart .key path"):
        drawn = page.locator(curves).evaluate_all(strokes)
        assert len(drawn) == 8
        assert "none" not in drawn


@pytest.mark.parametrize("language", ["en", "tr"])
def test_on_a_projector_tables_fit_and_charts_are_legible(visit: Visit, language: str) -> None:
    for step in (6, 15, 16, 20):
        page = open_step(visit, step, language)
        page.set_viewport_size({"width": 1280, "height": 800})
        measured(page, step)
        wider = "parts => parts.filter(part => part.scrollWidth > part.clientWidth).map(part => part.textContent)"
        assert page.locator(".figure .scroll, .figure .stack").evaluate_all(wider) == []
        heights = page.locator(".chart text").evaluate_all(
            "texts => texts.map(text => parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().a || 99)"
        )
        assert all(height >= 12 for height in heights)


def test_large_text_leaves_the_height_to_the_lecture(visit: Visit) -> None:
    page = open_step(visit, 1, "tr", size=24)
    page.set_viewport_size({"width": 1280, "height": 800})
    box = page.locator(".said").bounding_box()
    assert box is not None
    assert box["y"] < 200
    assert page.locator(".said p").nth(1).evaluate("part => getComputedStyle(part).fontSize") == "24px"


def test_what_an_infinite_surprise_means_is_said(visit: Visit) -> None:
    for step in (1, 15):
        page = open_step(visit, step, "tr")
        measured(page, step)
        expect(page.get_by_text("∞: model bu sözcüğü")).to_be_visible()
    page.fill("[data-field=text]", "she was very happy")
    expect(page.get_by_text("∞: model bu sözcüğü")).to_be_hidden()


def test_negative_factors_of_a_cell_are_in_brackets(visit: Visit) -> None:
    page = open_step(visit, 21, "tr")
    measured(page, 21)
    for _ in range(10):
        formula = page.locator(".part .formula").inner_text()
        assert not re.search(r"[×+] -", formula), formula
        page.get_by_role("button", name="Bir sözcük ileri").click()


def test_forced_colours_keep_what_colours_say(visit: Visit) -> None:
    page = open_step(visit, 20)
    page.emulate_media(forced_colors="active")
    measured(page, 20)
    colours = "parts => new Set(parts.map(part => getComputedStyle(part).backgroundColor)).size"
    assert page.locator(".tinted .chip").evaluate_all(colours) > 5
    assert page.locator(".plain.grid td").evaluate_all(colours) > 5
    selected, other = (
        page.locator(f"#tab-{name}").evaluate("tab => getComputedStyle(tab).borderBottomColor")
        for name in ("lecture", "write")
    )
    assert selected != other


def test_the_link_carries_step_language_setting_and_text(visit: Visit) -> None:
    page = open_step(visit, 5)
    page.fill("[data-field=text]", "Güzel bir gün & güzel bir film")
    page.fill("[data-field=n]", "1")
    page.click("[data-option=size]")
    page.click("[data-language=tr]")
    expect(page.locator("html")).to_have_attribute("lang", "tr")
    page.wait_for_function("() => /text=.*n=1/.test(location.hash) && location.hash.includes('lang=tr')")
    linked = visit(page.evaluate("location.hash"), language="en")
    linked.locator(".said h2").wait_for()
    expect(linked.locator("html")).to_have_attribute("lang", "tr")
    expect(linked.locator("[data-field=text]")).to_have_value("Güzel bir gün & güzel bir film")
    expect(linked.locator("[data-field=n]")).to_have_value("1")
    assert linked.evaluate("getComputedStyle(document.documentElement).fontSize") == "24px"
    assert linked.locator(".count").all_inner_texts() == page.locator(".count").all_inner_texts()


def test_back_returns_to_the_step_before(visit: Visit) -> None:
    page = visit()
    page.click("#tab-lecture")
    page.locator(".said h2").wait_for()
    for step in (2, 3):
        page.keyboard.press("ArrowRight")  # turns the steps, not the tabs, after a click on the tab
        expect(page.locator(".steps select")).to_have_value(str(step - 1))
    page.fill("[data-field=text]", "a text of one's own")
    page.wait_for_function("() => location.hash.includes('own')")
    page.go_back()
    expect(page.locator(".steps select")).to_have_value("1")
    page.go_forward()
    expect(page.locator(".steps select")).to_have_value("2")
    expect(page.locator("[data-field=text]")).to_have_value("a text of one's own")
    for _ in range(3):
        page.go_back()
    expect(page.locator("#write")).to_be_visible()


@pytest.mark.parametrize("step", [1, 3, 7, 13, 15, 20, 21, 26])
def test_results_of_a_text_that_is_gone_are_stale(visit: Visit, step: int) -> None:
    page = open_step(visit, step)
    measured(page, step)
    page.locator("[data-field=text]").last.fill(" ")
    part = page.locator(".part[data-stale]").last
    expect(part.locator(".say")).to_have_text("A few more words, please.")
    results = part.locator(".bars, .plain, .cell-picture").first
    assert results.evaluate("element => getComputedStyle(element).opacity") == "0.45"
    page.locator("[data-field=text]").last.fill("the man sees the boy")
    expect(page.locator(".part[data-stale]")).to_have_count(0)


def test_a_refusal_of_another_api_says_why(visit: Visit) -> None:
    """The surprise at each word comes from /v1/completions, whose errors are OpenAI's."""
    page = visit("#lecture/15", refused=(400,))
    measured(page, 15)
    page.fill("[data-field=text]", "the man " * 3000)
    expect(page.locator(".part .say").first).to_contain_text(
        "The text has 23,999 characters; at most 20,000 are allowed"
    )


def test_an_address_that_is_opened_is_not_overwritten(visit: Visit) -> None:
    """The page writes its link a moment later, when the reader may have gone to another one already."""
    page = open_step(visit, 5)
    page.evaluate(
        """async () => {
            const { flushLink, writeLink } = await import("./playground/share.js");
            writeLink("lecture/5", { n: 3 });
            location.hash = "lecture/6";
            flushLink(); // the time has come, before the page has learned of the other address
        }"""
    )
    expect(page.locator(".steps select")).to_have_value("5")
    page.wait_for_function("() => location.hash.startsWith('#lecture/6')")


def test_controls_are_hidden_by_the_link(visit: Visit) -> None:
    page = open_step(visit, 4, controls=0)
    expect(page.locator("#tabs")).to_be_hidden()
    expect(page.locator(".steps")).to_be_hidden()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".said h2")).to_have_text("A word, given the n before it")
    page.click(".restore")
    expect(page.locator("#tabs")).to_be_visible()
    page.click("#tab-models")
    expect(page.locator("header")).to_be_visible()


def test_the_handout_has_all_steps(visit: Visit) -> None:
    page = open_step(visit, 3)
    page.emulate_media(media="print")
    expect(page.locator(".handout section")).to_have_count(COUNT)
    expect(page.locator(".handout")).to_be_visible()
    expect(page.locator(".stage")).to_be_hidden()
    expect(page.locator("header")).to_be_hidden()


@pytest.mark.parametrize("language", ["en", "tr"])
def test_exercises_are_solved_by_their_solutions_and_not_before(visit: Visit, language: str) -> None:
    page = open_step(visit, 4, language)
    solutions = solutions_of(page)
    assert sum(bool(solution) for solution in solutions) >= 8
    for step, solution in enumerate(solutions, 1):
        if not solution:
            continue
        fields = solution.get(language, solution)
        for setting, expected in (({}, False), (fields, True)):
            page.close()
            page = open_step(visit, step, language, **setting)
            measured(page, step)
            assert bool(page.locator(".solved").inner_text()) is expected, (step, setting)


def test_the_counts_of_the_lecture_s_sentence(visit: Visit) -> None:
    def rows(page: Page) -> dict[str, list[str]]:
        return {
            row.locator("td").first.inner_text(): [text.split()[0] for text in row.locator(".count").all_inner_texts()]
            for row in page.locator(".part tbody tr").all()
        }

    page = open_step(visit, 5)
    assert rows(page) == {
        "the man": ["sees", "and"],
        "man sees": ["the"],
        "sees the": ["man", "boy"],
        "man and": ["the"],
        "and the": ["man"],
    }
    page.fill("[data-field=n]", "3")
    three = rows(page)
    assert three["the man sees"] == ["the"]
    assert three["man sees the"] == ["man", "boy"]
    assert three["sees the man"] == ["and"]
    page.locator(".count").filter(has_text="boy").first.click()
    assert page.locator(".place.lit").all_inner_texts() == ["boy"]
    assert page.locator(".place.context").all_inner_texts() == ["man", "sees", "the"]
    page.fill("[data-field=n]", "0")
    expect(page.locator(".always b")).to_have_text(" ".join(["the"] * 8))


def test_indices_one_hot_vectors_and_their_sum(visit: Visit) -> None:
    page = open_step(visit, 9)
    table = page.locator(".part table tr")
    assert table.nth(0).locator("th[scope=col]").all_inner_texts() == ["the", "man", "sees", "and", "boy"]
    assert page.locator("td.index").all_inner_texts() == list("01201301204")
    page.select_option("[data-field=show]", "bag")
    columns = [[int(cell) for cell in row.locator("td").all_inner_texts()[1:]] for row in table.all()[2:-1]]
    assert all(sorted(row) == [0, 0, 0, 0, 1] for row in columns)
    assert [int(cell) for cell in table.last.locator("td").all_inner_texts()[1:]] == [
        sum(column) for column in zip(*columns, strict=True)
    ]


@pytest.mark.parametrize("language", ["en", "tr"])
def test_two_texts_of_one_bag_have_different_classes(visit: Visit, language: str) -> None:
    page = open_step(visit, 2, language)
    measured(page, 2)
    assert page.locator(".stamp.same").count() == page.locator(".stamp.different").count() == 1


def test_a_difference_far_back_is_no_difference_to_counts(visit: Visit) -> None:
    page = open_step(visit, 7)
    measured(page, 7)
    columns = page.locator(".part article")
    assert columns.nth(0).locator(".stamp.same").count() == 1
    bars = [columns.nth(0).locator("ol").nth(index).locator(".bar").all_inner_texts() for index in (0, 1)]
    assert bars[0] == bars[1]
    assert columns.filter(has_text="LSTM").locator(".stamp.different").count() == 1


def test_windows_and_their_targets(visit: Visit) -> None:
    page = open_step(visit, 14)
    measured(page, 14)
    assert page.locator(".part tbody b").all_inner_texts() == ["and", "the", "man", "sees", "the", "boy"]
    prompts = [body["prompt"] for body in bodies(page, "/v1/completions")]
    assert prompts == [" ".join(SENTENCE.split()[start : start + 6]) for start in range(6)]


def test_surprises_add_up_to_the_perplexity(visit: Visit, live: Live) -> None:
    page = open_step(visit, 15)
    measured(page, 15)
    row = page.locator(".part tbody tr").filter(has_text="RNN")
    mean, perplexity, *bits = row.locator("td").all_inner_texts()
    assert bits[0] == "–"
    known = [float(value) for value in bits[1:]]
    assert sum(known) / len(known) == pytest.approx(float(mean), abs=0.011)  # they add up as they are shown
    assert 2 ** float(mean) == pytest.approx(float(perplexity), rel=0.01)
    body = {"model": "rung-en-rnn", "prompt": SENTENCE, "max_tokens": 0, "echo": True, "logprobs": 0}
    scores = httpx.post(f"{live.url}/v1/completions", json=body).json()["choices"][0]["logprobs"]["token_logprobs"]
    assert known == pytest.approx([-score / 0.6931 for score in scores[1:]], abs=0.11)


def test_no_figure_shows_the_sign_of_unknown_words(visit: Visit) -> None:
    """The lecture's sentence works at every rung, and predictions list words only."""
    for step in (7, 13, 14, 15, 26):
        page = open_step(visit, step)
        measured(page, step)
        assert "<unk>" not in page.locator(".figure").inner_text()
        page.close()


def test_the_matrix_measures_what_the_lecture_says(visit: Visit) -> None:
    page = open_step(visit, 20)
    measured(page, 20)
    marks = [
        [cell.inner_text().split("\n")[0] for cell in row.locator("td").all()]
        for row in page.locator(".matrix tbody tr").all()
    ]
    by_approach = ["".join(column) for column in zip(*marks, strict=True)]
    assert by_approach == ["✓✓✗✓✗", "✗✓✗✗✗", "✗✓✗✗✓", "✓✓✓✓✗", "✓✓✓✓✓"]
    page.locator(".mark").last.click()
    assert page.locator(".detail li").count() == 8
    early = open_step(visit, 12)
    measured(early, 12)
    expect(early.locator(".mark")).to_have_count(15)
    early.get_by_role("button", name="Measure the others too").click()
    expect(early.locator(".mark")).to_have_count(25)


def test_the_state_is_handed_on_with_one_word_at_a_time(visit: Visit) -> None:
    page = open_step(visit, 13)
    measured(page, 13)
    sent = bodies(page, "/next-word-probs")
    assert [body["text"].strip() for body in sent] == SENTENCE.split()[:3]
    assert ["state" in body for body in sent] == [False, True, True]
    expect(page.locator(".readout").last).to_contain_text("= 100%")


def test_the_cell_has_the_numbers_of_the_api(visit: Visit, live: Live) -> None:
    page = visit("#lecture/21?step=4")
    measured(page, 21)
    body = bodies(page, "/inspect")[-1]
    unit = httpx.post(f"{live.url}/inspect", json=body).json()["units"][0]
    picture = page.locator(".cell-picture").get_attribute("aria-label") or ""
    for name in ("forget", "input", "candidate", "output", "cell", "hidden"):
        assert f"{unit[name][3]:.2f}" in picture
    assert unit["forget"][3] * unit["cell"][2] + unit["input"][3] * unit["candidate"][3] == pytest.approx(
        unit["cell"][3], abs=0.001
    )
    page.get_by_role("button", name="One word on").click()
    expect(page.locator(".chip.lit")).to_have_text("man")
    page.get_by_role("button", name="Play").click()
    expect(page.locator(".chip.lit")).to_have_text("boy", timeout=30_000)


def shown_sum(page: Page) -> list[float]:
    """The numbers of the cell's first formula as it is shown, the result last."""
    measured(page, 21)
    return [float(part) for part in re.findall(r"-?\d+\.\d+", page.locator(".part .formula span").first.inner_text())]


def inspected(page: Page, live: Live) -> dict[str, Any]:
    """What the API answers to the page's last request of it."""
    return dict(httpx.post(f"{live.url}/inspect", json=bodies(page, "/inspect")[-1]).json())


@pytest.mark.parametrize("step", [1, 4])
def test_the_cell_adds_up_as_it_is_shown(visit: Visit, live: Live, step: int) -> None:
    """At the first word too: the model has read an end token before it, so that its cell isn't empty."""
    page = visit(f"#lecture/21?step={step}")
    forget, before, enters, candidate, cell = shown_sum(page)
    assert before != 0
    assert forget * before + enters * candidate == pytest.approx(cell, abs=0.003)
    assert cell == pytest.approx(inspected(page, live)["units"][0]["cell"][step - 1], abs=0.0006)


def test_the_cell_of_a_plain_rnn(visit: Visit, live: Live) -> None:
    page = visit("#lecture/21?step=4")
    measured(page, 21)
    page.select_option("[data-field=rung]", "rung-en-rnn")
    expect(page.locator(".part h3")).to_contain_text("RNN")
    net, hidden = shown_sum(page)
    unit = inspected(page, live)["units"][0]
    assert hidden == pytest.approx(unit["hidden"][3], abs=0.0006)
    assert math.tanh(net) == pytest.approx(hidden, abs=0.001)
    assert page.locator(".part tbody tr").count() == 1  # it has no gates


def test_the_cell_of_a_gru_is_offered_where_one_is_served(
    visit: Visit, serve: Serve, shipped: Registry, tokenizer: SubwordTokenizer, tmp_path: Path
) -> None:
    options = open_step(visit, 21).locator("[data-field=rung] option")
    assert options.all_inner_texts() == ["RNN", "LSTM", "language-en"]
    torch.manual_seed(5)
    model = LanguageModel(LanguageModelConfig(tokenizer.size, embedding=12, hidden=16, cell="gru")).eval()
    save_tiny(tmp_path / "rung-en-gru", model, tokenizer, "en")
    served = serve_model(checkpoint.load(tmp_path / "rung-en-gru"), "int8")
    live = serve(Registry([*shipped.models.values(), served], shipped.device))
    page = visit("#lecture/21?step=1&rung=rung-en-gru", server=live)
    for step in (1, 2):
        update, before, again, candidate, hidden = shown_sum(page)
        assert again == update
        assert update * before + (1 - update) * candidate == pytest.approx(hidden, abs=0.002)
        unit = inspected(page, live)["units"][0]
        assert hidden == pytest.approx(unit["hidden"][step - 1], abs=0.0006)
        assert page.locator(".part tbody th").all_inner_texts() == [
            "reset gate", "update gate", "candidate", "hidden state"
        ]  # fmt: skip
        page.get_by_role("button", name="One word on").click()


def test_the_cell_follows_the_figure_above_it(visit: Visit, live: Live) -> None:
    page = open_step(visit, 13)
    measured(page, 13)
    page.get_by_role("button", name="One word on").click()
    picture = page.locator(".cell-picture")
    expect(picture).to_have_attribute("aria-label", re.compile("“the”"))
    assert f"{inspected(page, live)['units'][0]['hidden'][3]:.2f}" in (picture.get_attribute("aria-label") or "")
    expect(page.locator(".part .formula").first).to_contain_text("h(4) = tanh")
    # of a model whose tokens are parts of words, the last part of the word is shown
    page.select_option("[data-field=rung]", "language-en")
    expect(page.locator(".part h3").last).to_contain_text("LSTM")
    expect(page.locator(".part .formula").first).to_contain_text("state(4) = cell(")
    expect(picture).to_have_attribute("aria-label", re.compile("“the”"))


FAR = "tom was a boy who lived in a small house near the big tree and every day he"


@pytest.mark.parametrize(("word", "language"), [(18, "en"), (10, "tr")])
def test_what_a_word_depends_on(visit: Visit, live: Live, word: int, language: str) -> None:
    """The page's shares are the API's norms, those far back add up, and counts see three words only."""

    def shares(row: Locator) -> list[float]:
        return [float(text.strip("%").replace(",", ".")) / 100 for text in row.locator("td").all_inner_texts()]

    page = open_step(visit, 20, language)
    measured(page, 20)
    figure = page.locator(".part").last
    words = FAR.split()[:word]
    figure.locator(".chip").nth(word - 1).press("Enter")
    expect(figure.locator("caption")).to_contain_text(f"“{words[-1]}”")
    expect(figure.locator("thead th").last).to_have_text(words[-2])
    table = figure.locator("tbody tr")
    for name, row in (("rung-en-rnn", table.nth(1)), ("rung-en-lstm", table.nth(2))):
        body = {"model": name, "text": FAR, "top": 1, "connectivity": word - 1}
        norms = httpx.post(f"{live.url}/inspect", json=body).json()["connectivity"]["norms"]
        far, *each = shares(row)
        assert each == pytest.approx([norm / sum(norms) for norm in norms], abs=0.005)
        assert sum(each) == pytest.approx(1, abs=0.02)
        assert sum(each[:-3]) == pytest.approx(far, abs=0.02)
        assert row.locator("td").first.inner_text() in figure.locator(".readout").inner_text()
    counts = table.nth(0).locator("td").all_inner_texts()
    assert [text.strip("%") for text in counts] == ["0"] * (word - 3) + ["✓"] * 3
    if word == len(FAR.split()):
        # what the step says: the LSTM looks further back
        assert shares(table.nth(2))[0] > shares(table.nth(1))[0] + 0.1


def test_what_a_word_of_several_tokens_gives(visit: Visit, serve: Serve, shipped: Registry) -> None:
    """Where no rungs are served, a language model's tokens are put together to the words of the text."""
    live = serve(Registry([shipped.models["language-en"]], shipped.device))
    text = "The unforgettable  man, he said, sees"
    page = visit(f"#lecture/20?{urlencode({'text': text, 'word': 6})}", server=live)
    row = page.locator(".part").last.locator("tbody tr")
    row.wait_for()
    body: dict[str, Any] = {"model": "language-en", "text": text, "top": 1}
    tokens = httpx.post(f"{live.url}/inspect", json=body).json()["tokens"]
    starts = [match.start() for match in re.finditer(r"\S+", text)]
    words = [sum(start < token["end"] for start in starts) - 1 for token in tokens]
    assert len(words) > len(set(words)) == 6
    norms = httpx.post(f"{live.url}/inspect", json={**body, "connectivity": words.index(5)}).json()
    by_word = [0.0] * 5
    for word, norm in zip(words, norms["connectivity"]["norms"], strict=False):
        by_word[max(0, word)] += norm**2
    roots = [math.sqrt(value) for value in by_word]
    each = [float(text.strip("%")) / 100 for text in row.locator("td").all_inner_texts()[1:]]
    assert each == pytest.approx([root / sum(roots) for root in roots], abs=0.005)


GRADIENTS = Path(__file__).parents[2] / "app" / "playground" / "lecture" / "gradients.json"


def shown_number(text: str) -> float:
    """A number as the page writes it: 3.1, or 4.2 × 10⁻⁸."""
    if "×" not in text:
        return float(text.replace(",", ""))
    digits, power = text.split("\u00a0×\u00a010")
    return float(digits) * 10.0 ** int(power.translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")))


def shown_gradients(page: Page) -> list[list[float]]:
    rows = page.locator(".part table tbody tr").all()
    return [[shown_number(text) for text in row.locator("td").all_inner_texts()] for row in rows]


def test_measured_gradients_are_clipped_by_the_slider(visit: Visit) -> None:
    """One factor for a whole curve, as training clips: it does not change how the gradient falls."""
    measurements = json.loads(GRADIENTS.read_text(encoding="utf-8"))["conditions"]
    page = open_step(visit, 16, steps=20, clip=101)
    options = page.locator("[data-field=condition] option")
    expect(options).to_have_count(len(measurements))
    for option, (condition, cells) in zip(options.all(), measurements.items(), strict=True):
        title = option.inner_text()
        assert (option.get_attribute("value"), title != f"condition.{condition}") == (condition, True)
        page.select_option("[data-field=condition]", condition)
        expect(page.locator(".part table caption")).to_have_text(title)
        shares = [cell["norms"][20] / cell["norms"][0] for cell in cells.values()]
        weights = [cell["weights"] for cell in cells.values()]
        assert shown_gradients(page) == [pytest.approx(shares, rel=0.06), pytest.approx(weights, rel=0.06)]
    page.select_option("[data-field=condition]", "large untrained")
    cells = measurements["large untrained"]
    factors = [min(1, 10 / cell["weights"]) for cell in cells.values()]
    assert min(factors) < 0.1 < max(factors) == 1
    page.fill("[data-field=clip]", "100")
    expect(page.locator(".part table tbody tr")).to_have_count(4)
    shares, _, by, after = shown_gradients(page)
    assert by == pytest.approx(factors, rel=0.06)
    assert after == pytest.approx([share * factor for share, factor in zip(shares, factors, strict=True)], rel=0.15)
    chart = page.locator(".part .chart").last
    assert chart.locator("figcaption > span").count() == 3 + sum(factor < 1 for factor in factors)


TRAINED = "() => performance.getEntriesByType('resource').filter(({ name }) => name.endsWith('/train')).length >= 4"


def readout(page: Page) -> str:
    return page.locator(".part").last.locator(".readout").inner_text()


@pytest.mark.parametrize("language", ["en", "tr"])
def test_training_begins_pauses_steps_and_begins_again(
    visit: Visit, serve: Serve, shipped: Registry, language: str
) -> None:
    """By keyboard. The curve is the losses of all replies, and a pause is that nothing is asked for."""
    live = serve(shipped, lessons=True)
    page = visit("#lecture/15", language=language, server=live)
    part = page.locator(".part").last
    start, one, again = (part.locator(".row button").nth(index) for index in range(3))
    expect(start).to_be_enabled()
    expect(again).to_be_disabled()
    assert bodies(page, "/train") == []
    one.press("Enter")
    expect(part.locator(".readout")).to_contain_text("1")
    expect(part.locator(".chart figcaption > span")).to_have_count(3)
    (first,) = bodies(page, "/train")
    assert (first["steps"], "state" in first) == (1, False)
    assert first["text"] == page.locator("[data-field=corpus]").input_value()
    train, pause = start.inner_text(), {"en": "Pause", "tr": "Duraklat"}[language]
    start.press("Enter")
    expect(start).to_have_text(pause)
    page.wait_for_function(TRAINED)
    start.press("Enter")
    expect(start).to_have_text(train)
    sent = bodies(page, "/train")
    assert all("state" in body and body["steps"] == 10 for body in sent[1:])
    expect(part.locator(".readout")).to_contain_text(str(1 + 10 * (len(sent) - 1)))
    shown = readout(page)
    samples = part.locator(".sample").all_inner_texts()
    assert all(len(sample) > 20 and sample[0] == first["text"][0] for sample in samples)
    page.wait_for_timeout(500)
    assert (len(bodies(page, "/train")), readout(page)) == (len(sent), shown)
    again.press("Enter")
    expect(part.locator(".chart")).to_have_count(0)
    assert readout(page) == ""
    page.fill("[data-field=corpus]", "short")
    start.press("Enter")
    expect(part.locator("[role=status]")).to_contain_text("20")
    assert len(bodies(page, "/train")) == len(sent)


def test_training_of_a_text_that_is_changed_begins_anew(visit: Visit, serve: Serve, shipped: Registry) -> None:
    page = visit("#lecture/15", server=serve(shipped, lessons=True))
    part = page.locator(".part").last
    one = part.locator(".row button").nth(1)
    one.click()
    expect(part.locator(".chart")).to_have_count(1)
    page.fill("[data-field=corpus]", "Row, row, row your boat, gently down the stream.")
    expect(part.locator("[role=status]")).to_have_text("The text has changed: training begins anew.")
    expect(part.locator(".chart")).to_have_count(0)
    one.click()
    expect(part.locator(".chart")).to_have_count(1)
    expect(part.locator("[role=status]")).to_have_text("")
    assert ["state" in body for body in bodies(page, "/train")] == [False, False]


def test_training_ends_with_its_half_minute(
    visit: Visit, serve: Serve, shipped: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.http.routes.train.LESSON_S", 0.3)
    page = visit("#lecture/15", server=serve(shipped, lessons=True))
    part = page.locator(".part").last
    start = part.locator(".row button").first
    start.click()
    expect(part.locator("[role=status]")).to_contain_text("The half minute of computing is over.")
    expect(start).to_be_disabled()
    part.locator(".row button").last.click()
    expect(start).to_be_enabled()


def test_where_training_is_off_it_says_so(visit: Visit) -> None:
    page = open_step(visit, 15)
    measured(page, 15)
    part = page.locator(".part").last
    expect(part.locator("[role=status]")).to_contain_text("CAROUSEL_LESSONS=true")
    for index in range(3):
        expect(part.locator(".row button").nth(index)).to_be_disabled()


@needs_axe
@pytest.mark.parametrize(("size", "language", "theme"), [(WIDE, "en", "light"), (PHONE, "tr", "dark")])
def test_accessibility_of_training(
    visit: Visit, serve: Serve, shipped: Registry, size: tuple[int, int], language: str, theme: str
) -> None:
    page = visit("#lecture/15", language=language, size=size, theme=theme, server=serve(shipped, lessons=True))
    part = page.locator(".part").last
    part.locator(".row button").nth(1).click()
    part.locator(".chart").wait_for()
    page.evaluate(AXE.read_text(encoding="utf-8"))
    violations = page.evaluate("options => axe.run(document, options)", AXE_OPTIONS)["violations"]
    serious = [rule for rule in violations if rule["impact"] in ("serious", "critical")]
    assert [(rule["id"], [node["html"] for node in rule["nodes"]][:3]) for rule in serious] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_one_step_reads_what_the_last_one_wrote(visit: Visit) -> None:
    page = open_step(visit, 26)
    measured(page, 26)
    first = page.locator(".part .bars .word").first.inner_text()
    before = page.locator(".part [data-field=text]").input_value()
    page.get_by_role("button", name="One step").click()
    expect(page.locator(".part [data-field=text]")).to_have_value(f"{before} {first}")
    page.wait_for_function("() => document.querySelector('.part .readout').textContent.includes('1')")
    assert bodies(page, "/next-word-probs")[-1]["text"] == f"{before} {first}"


def test_a_borrowed_tab_works_in_the_lecture_and_is_given_back(visit: Visit) -> None:
    page = open_step(visit, 24)
    page.locator(".part #translate-map td").first.wait_for(timeout=60_000)
    page.fill(".part #translate-text", "Where is the book?")
    page.wait_for_function("() => location.hash.includes('book')")
    assert page.evaluate("location.hash").startswith("#lecture/24?")
    page.click("#tab-translate")
    expect(page.locator("#translate #translate-map")).to_have_count(1)
    expect(page.locator("#translate-text")).to_have_value("Where is the book?")
    page.click("#tab-lecture")
    expect(page.locator(".part #translate-map")).to_have_count(1)


OVERLAPS = """() => {
    const boxes = [...document.querySelectorAll('.figure :is(h3, h4, p, .bar, .chip, .field)')]
        .filter(element => element.checkVisibility() && !element.matches(':is(p, .field) *'))
        .map(element => [element, element.getBoundingClientRect()]);
    const over = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 2
        && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 2;
    return boxes.flatMap(([one, a], index) => boxes.slice(index + 1)
        .filter(([other, b]) => !one.contains(other) && over(a, b))
        .map(([other]) => [one.textContent, other.textContent]));
}"""
"""Pairs of texts in the figure of which one lies over the other."""


@needs_axe
@pytest.mark.parametrize(("size", "language", "theme"), [(WIDE, "en", "light"), (PHONE, "tr", "dark")])
def test_accessibility_of_every_step(visit: Visit, size: tuple[int, int], language: str, theme: str) -> None:
    page = visit("#lecture/1", language=language, size=size, theme=theme)
    page.locator(".said h2").wait_for()
    for step in STEPS:
        page.evaluate("step => { location.hash = `lecture/${step}`; }", step)
        expect(page.locator(".steps select")).to_have_value(str(step - 1))
        if step != 25:  # a tab alone
            measured(page, step)
        page.evaluate(AXE.read_text(encoding="utf-8"))
        violations = page.evaluate("options => axe.run(document, options)", AXE_OPTIONS)["violations"]
        serious = [rule for rule in violations if rule["impact"] in ("serious", "critical")]
        assert [(step, rule["id"], [node["html"] for node in rule["nodes"]][:3]) for rule in serious] == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"step {step} scrolls horizontally"
        wider = "[...document.querySelectorAll('.figure th')].filter(head => head.scrollWidth > head.clientWidth + 1)"
        assert page.evaluate(f"{wider}.map(head => head.textContent)") == [], f"headings of step {step} overlap"
        assert page.evaluate(OVERLAPS) == [], f"texts of step {step} lie over each other"
