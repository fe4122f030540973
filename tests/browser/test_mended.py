"""Numbers that add up, Back, undo, links, settings, and heat maps without a mouse."""

import json
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit

CALL = "async ([name, ...values]) => (await import('./playground/texts.js'))[name](...values)"


@pytest.mark.parametrize(
    "values", [[0.333333, 0.333333, 0.333334], [0.9982, 0.0018], [1.0, 0.0], [-0.014, -0.014, 0.5], [0.005] * 7]
)
def test_rounded_numbers_add_up(visit: Visit, values: list[float]) -> None:
    page = visit("#models")
    rounded = page.evaluate(CALL, ["roundedTo", values, 2])
    assert sum(rounded) == pytest.approx(round(sum(values), 2))
    assert all(abs(one - other) < 0.01 for one, other in zip(rounded, values, strict=True))


@pytest.mark.parametrize(
    ("share", "text"),
    [(1, "100%"), (0.9982, "99.8%"), (0.99996, "99.9%"), (0.5, "50%"), (0.00001, "<0.01%"), (0, "0%")],
)
def test_only_all_is_a_hundred_percent(visit: Visit, share: float, text: str) -> None:
    assert visit("#models").evaluate(CALL, ["percent", share]) == text


def test_contributions_add_up_to_the_logit_as_shown(visit: Visit) -> None:
    page = visit("#feel")
    line = "Too long, and the jokes are not funny at all."
    page.fill("#feel-text", line)
    expect(page.locator("#feel-words")).to_have_text(line)

    def numbers(text: str) -> list[float]:
        return [float(part.replace("−", "-").rstrip(".,;:")) for part in text.split() if part[-2:-1].isdigit()]

    shown = page.evaluate("[...document.querySelectorAll('#feel-words .tint')].map((word) => word.dataset.value)")
    total, bias, logit = numbers(page.inner_text("#feel-sum"))
    assert sum(numbers(" ".join(f"{value} " for value in shown))) == pytest.approx(total, abs=1e-6)
    assert total + bias == pytest.approx(logit, abs=1e-6)
    shares = page.locator("#feel-bars .number").all_inner_texts()
    assert sum(float(share.rstrip("%")) for share in shares if share[0] != "<") == pytest.approx(100)


def test_back_returns_to_the_tab_before(visit: Visit) -> None:
    page = visit("#write")
    page.click("#tab-feel")
    page.click("#tab-models")
    page.go_back()
    expect(page.locator("#feel")).to_be_visible()
    page.go_back()
    expect(page.locator("#write")).to_be_visible()


def test_a_word_that_was_taken_can_be_undone(visit: Visit) -> None:
    page = visit()
    page.fill("#write-text", "")
    page.type("#write-text", "Once upon a ti")
    expect(page.locator("#write")).to_have_attribute("data-shown", "Once upon a ti")
    page.keyboard.press("Tab")
    expect(page.locator("#write-text")).to_have_value("Once upon a time ")
    page.keyboard.press("Control+z")
    expect(page.locator("#write-text")).to_have_value("Once upon a ti")


def test_the_address_changes_rarely_and_ends_right(visit: Visit) -> None:
    page = visit()
    page.evaluate(
        "() => { window.changes = 0; const replace = history.replaceState.bind(history);"
        " history.replaceState = (...values) => { window.changes++; replace(...values); }; }"
    )
    page.fill("#write-text", "")
    text = "the old man and the sea " * 4
    page.type("#write-text", text)
    page.wait_for_function("text => new URLSearchParams(location.hash.split('?')[1]).get('text') === text", arg=text)
    assert page.evaluate("window.changes") < len(text) / 2


def test_a_word_without_continuation_is_said(visit: Visit) -> None:
    page = visit()
    page.fill("#write-text", "The ZQXJ")
    expect(page.locator("#write-say")).to_contain_text("knows no word that begins so")
    expect(page.locator("#write-bars .bar")).to_have_count(0)


def test_a_setting_out_of_its_range_is_said(visit: Visit) -> None:
    page = visit()
    page.click("#write summary")
    page.fill("#write-topp", "7")
    page.click("#write-on")
    expect(page.locator("#write-story-say")).to_contain_text("Top p must be between 0.01 and 1.")
    expect(page.locator("#write-topp")).to_be_focused()
    page.fill("#write-topp", "0.955")  # has three decimals, and is a probability like others
    page.fill("#write-seed", "1.5")
    page.click("#write-on")
    expect(page.locator("#write-story-say")).to_have_text("Seed must be a whole number.")
    page.fill("#write-seed", "-3")
    page.click("#write-on")
    expect(page.locator("#write-story-say")).to_have_text("Seed must be 0 or more.")


def test_a_refused_prompt_leaves_no_older_story(visit: Visit) -> None:
    """Its words belonged to another prompt: a click on one of them would have replaced a word that there is no more."""
    page = visit("#write?text=Once+upon+a+time&tokens=5&seed=1", refused=(404,))
    page.click("#write-on")
    expect(page.locator("#write-story-say")).to_contain_text("Done")
    expect(page.locator("#write-story button").first).to_be_visible()
    page.fill("#write-text", "مرحبا كيف حالك")
    page.click("#write-on")
    expect(page.locator("#write-story-say")).to_contain_text("No model here knows the text’s language (Arabic).")
    expect(page.locator("#write-story")).to_be_hidden()


def test_a_token_that_is_only_a_space_is_seen_among_the_alternatives(visit: Visit) -> None:
    page = visit("#write?text=Once")
    token = {"id": 5, "text": " ", "logprob": -1.0, "top": [{"id": 6, "text": "", "logprob": -0.5}]}
    events = [("token", {"text": " ", "token": token}), ("done", {"usage": {"generated_tokens": 1}, "seed": 1})]
    body = "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in events)
    page.route("**/generate", lambda route: route.fulfill(body=body, content_type="text/event-stream"))
    page.click("#write-on")
    page.click("#write-story button")
    expect(page.locator("#choices .word")).to_have_text(["␣ (chosen)", "■"])


def test_what_has_no_language_is_called_so(visit: Visit) -> None:
    page = visit("#translate")
    page.fill("#translate-text", "😀🎉")
    expect(page.locator("#translate-found")).to_have_text("(no language recognized)")
    page.fill("#translate-text", "The house is old.")
    expect(page.locator("#translate-found")).to_contain_text("English")


def test_first_dots_of_a_digit_are_no_error(visit: Visit) -> None:
    page = visit("#senses", refused=(422,))
    page.click("#read-clear")
    expect(page.locator("#read-words .tint")).to_have_count(0)
    page.focus("#read-grid")
    page.keyboard.press("Space")
    say = page.locator("#senses-read .say")
    expect(say).to_have_text("Draw on: that is too little ink for a digit.")
    expect(say).to_contain_class("calm")
    page.click("#read-clear")
    expect(say).to_be_empty()


def test_nothing_and_what_is_no_digit_are_said_before_they_are_spoken(visit: Visit) -> None:
    page = visit("#senses", refused=(422,))
    say = page.locator("#senses-speak .say")
    page.fill("#senses-spoken", " ")
    page.click("#speak-run")
    expect(say).to_have_text("Write something first.")
    page.fill("#senses-spoken", "hello")
    page.click("#speak-run")
    expect(say).to_contain_text("Only the digits, zero to nine, can be said")
    page.fill("#senses-abstract", "")
    page.click("#summarize-run")
    expect(page.locator("#senses-summarize .say")).to_have_text("Write something first.")


def test_lines_beyond_the_limit_are_said(visit: Visit) -> None:
    page = visit("#feel")
    page.fill("#feel-text", "\n".join(f"film {number}" for number in range(70)))
    expect(page.locator("#feel .say")).to_have_text(
        "Only the first 64 lines are classified; 6 are left out.", timeout=30_000
    )


def test_a_heat_map_is_read_with_the_keyboard(visit: Visit) -> None:
    page = visit("#inside")
    page.locator("#inside-map td[tabindex='0']").focus()
    expect(page.locator("#inside-readout")).to_contain_text("all units: change")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#inside-readout")).to_contain_text("unit ")
    assert page.locator("#inside-map td[tabindex='0']").count() == 1


def test_a_link_has_the_opened_unit_and_what_is_found(visit: Visit) -> None:
    page = visit("#inside")
    units = page.locator("#inside-map tbody th button")
    before = units.first.inner_text()
    page.select_option("#inside-find", "counters")
    expect(units.first).not_to_have_text(before)
    units.nth(2).click()
    title = page.inner_text("#inside-unit-title")
    page.wait_for_function("() => /open=\\d+/.test(location.hash)")
    linked = visit(page.evaluate("location.hash"))
    expect(linked.locator("#inside-unit-title")).to_have_text(title)
    expect(linked.locator("#inside-find")).to_have_value("counters")


def test_a_link_has_no_unit_that_the_newest_reply_lacks(visit: Visit) -> None:
    page = visit("#inside")
    unit = page.locator("#inside-map tbody th button").nth(2)
    unit.click()
    page.wait_for_function("() => /open=\\d+/.test(location.hash)")
    shown = page.locator("#inside-map tbody th button").all_inner_texts()
    others = [unit for unit in range(3) if not any(str(unit) in name.split() for name in shown)]
    page.fill("#inside-units", str(others[0]))
    page.wait_for_function("() => !/open=\\d+/.test(location.hash)")
    expect(page.locator("#inside-unit-title")).to_be_hidden()


def test_a_link_repeats_the_generated_text(visit: Visit) -> None:
    page = visit()
    page.click("#write-on")
    expect(page.locator("#write-story-say")).to_contain_text("seed")
    story = page.inner_text("#write-story")
    page.wait_for_function("() => /seed=\\d+/.test(location.hash)")
    linked = visit(page.evaluate("location.hash"))
    linked.click("#write-on")
    expect(linked.locator("#write-story-say")).to_contain_text("seed")
    assert linked.inner_text("#write-story") == story


@pytest.mark.parametrize("format_name", ["curl", "Python", "JavaScript"])
def test_commands_have_the_key_in_use(visit: Visit, format_name: str) -> None:
    page = visit("#feel")
    page.evaluate("sessionStorage.setItem('carousel.key', 'a key')")
    page.locator("#feel .share").get_by_role("button", name=format_name, exact=True).click()
    expect(page.locator("#feel .share .hint")).to_have_text("Copied.")
    assert "Bearer a key" in str(page.evaluate("navigator.clipboard.readText()"))


@pytest.mark.parametrize(
    ("format_name", "end"),
    [
        ("curl", '{"text":"three seven one"}\''),
        ("Python", "reply.raise_for_status().content)"),
        ("JavaScript", "reply.blob());"),
    ],
)
def test_commands_for_speech_take_its_reply_as_a_file(visit: Visit, format_name: str, end: str) -> None:
    page = visit("#senses")
    page.click("#speak-run")
    page.locator("#senses .share").get_by_role("button", name=format_name, exact=True).click()
    expect(page.locator("#senses .share .hint")).to_have_text("Copied.")
    command = str(page.evaluate("navigator.clipboard.readText()"))
    assert command.endswith(end)
    assert ("json()" in command) is False
    assert ("-o speech.wav" in command) == (format_name == "curl")


def test_words_have_their_language(visit: Visit) -> None:
    page = visit("#write", language="tr")
    page.locator("#write-bars .bar").first.wait_for()
    languages: Any = page.evaluate("[...document.querySelectorAll('#write-bars .word')].map((word) => word.lang)")
    assert set(languages) == {"tr"}
