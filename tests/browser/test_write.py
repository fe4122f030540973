"""The tab "Write"."""

import time

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit, bodies
from tests.conftest import Live

LANGUAGES = pytest.mark.parametrize(
    ("language", "text", "model"),
    [("en", "The little girl was very ", "language-en"), ("tr", "Küçük kız çok ", "language-tr")],
)


def write(page: Page, text: str, delay: float = 0) -> None:
    """Replace the example by a text, typed with `delay` milliseconds between keys, and wait for its bars."""
    page.fill("#write-text", "")
    page.type("#write-text", text, delay=delay)
    expect(page.locator("#write")).to_have_attribute("data-shown", text)


def bars(page: Page) -> list[str]:
    return page.locator("#write-bars .word").all_inner_texts()


@LANGUAGES
def test_bars_equal_the_api_response(visit: Visit, live: Live, language: str, text: str, model: str) -> None:
    page = visit(language=language)
    write(page, text)
    body = {"text": text, "partial": True, "temperature": 0.8, "top": 10}
    reply = httpx.post(f"{live.url}/next-word-probs", json=body).json()
    assert reply["model"] == model
    assert bars(page) == [word["word"] for word in reply["next"]]
    widths = page.evaluate(
        "[...document.querySelectorAll('#write-bars .bar')].map(bar => bar.style.getPropertyValue('--p'))"
    )
    assert [float(width) for width in widths] == [word["probability"] for word in reply["next"]]
    assert page.inner_text("#write-other") == page.evaluate(
        "async share => (await import('./playground/texts.js')).percent(share)", reply["other"]
    )


def test_only_new_text_is_sent(visit: Visit, live: Live) -> None:
    page = visit()
    text = "The old man went to the market because he wanted to buy a fish for the cat "
    page.fill("#write-text", "")
    for end, key in enumerate(text, 1):
        page.type("#write-text", key)
        expect(page.locator("#write")).to_have_attribute("data-shown", text[:end])
    with_state = [body for body in bodies(page, "/next-word-probs") if "state" in body]
    assert len(with_state) > 20
    assert sum(len(body["text"]) for body in with_state) <= 2 * len(with_state)
    expect(page.locator("#write-bars .bar")).to_have_count(10)
    whole = httpx.post(f"{live.url}/next-word-probs", json={"text": text, "partial": True, "temperature": 0.8}).json()
    assert bars(page) == [word["word"] for word in whole["next"]]
    before = len(bodies(page, "/next-word-probs"))
    page.keyboard.press("Backspace")  # the state of this prefix is still cached
    expect(page.locator("#write")).to_have_attribute("data-shown", text[:-1])
    (again,) = bodies(page, "/next-word-probs")[before:]
    assert (again["text"], "state" in again) == ("", True)


@LANGUAGES
def test_a_click_or_tab_inserts_a_word(visit: Visit, language: str, text: str, model: str) -> None:
    page = visit(language=language)
    write(page, text)
    second = bars(page)[1]
    page.locator("#write-bars .bar").nth(1).click()
    expect(page.locator("#write-text")).to_have_value(f"{text}{second} ")
    expect(page.locator("#write")).to_have_attribute("data-shown", f"{text}{second} ")
    first = bars(page)[0]
    page.keyboard.press("Tab")
    joined = f"{text}{second}{first} " if not first[0].isalnum() else f"{text}{second} {first} "
    expect(page.locator("#write-text")).to_have_value(joined)
    expect(page.locator("#write-text")).to_be_focused()


def test_tab_completes_a_partial_word(visit: Visit) -> None:
    page = visit()
    write(page, "Once upon a ti")
    assert bars(page)[0] == "time"
    page.keyboard.press("Tab")
    expect(page.locator("#write-text")).to_have_value("Once upon a time ")


def test_escape_and_tab_leave_the_box(visit: Visit) -> None:
    page = visit()
    write(page, "The man ")
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    expect(page.locator("#write-text")).to_have_value("The man ")
    expect(page.locator("#write-text")).not_to_be_focused()


def test_temperature_changes_the_bars(visit: Visit) -> None:
    page = visit()
    write(page, "The little girl was very ")

    def top(temperature: str) -> float:
        page.locator("#write-temperature").fill(temperature)
        expect(page.locator("#write-temperature-value")).to_have_text(f"{float(temperature):.2f}")
        page.wait_for_timeout(500)
        return float(page.evaluate("document.querySelector('#write-bars .bar').style.getPropertyValue('--p')"))

    assert top("0.2") > top("0.8") > top("2")


@LANGUAGES
def test_generation_and_branches(visit: Visit, live: Live, language: str, text: str, model: str) -> None:
    page = visit(language=language)
    write(page, text)
    page.click("#write summary")
    for field, value in (("seed", "5"), ("tokens", "12"), ("topk", "50"), ("topp", "0.95")):
        page.fill(f"#write-{field}", value)
    page.click("#write-on")
    expect(page.locator("#write-story-say")).to_contain_text("5.")
    (sent,) = bodies(page, "/generate")
    expected = {"prompt": text.strip(), "seed": 5, "max_new_tokens": 12, "top_k": 50, "top_p": 0.95, "temperature": 0.8}
    assert {key: sent[key] for key in expected} == expected
    reply = httpx.post(f"{live.url}/generate", json={**sent, "stream": False}).json()
    story = page.locator("#write-story")
    assert story.text_content() == text.strip() + reply["choices"][0]["text"]
    assert reply["model"] == model

    tokens = story.locator("button")
    assert tokens.all_text_contents() == [token["text"] for token in reply["choices"][0]["tokens"] if token["text"]]
    assert all(token.get_attribute("style") for token in tokens.all())
    tokens.nth(2).click()
    choices = page.locator("#choices .bar")
    expect(choices.first).to_be_focused()
    shares = [float(choice.evaluate("bar => bar.style.getPropertyValue('--p')")) for choice in choices.all()]
    assert len(shares) >= 8
    before = [token.text_content() or "" for token in tokens.all()][:2]
    other = next(choice for choice in choices.all() if "(" not in choice.inner_text())
    word = other.locator(".word").text_content() or ""
    other.click()
    page.wait_for_function("() => !document.querySelector('#choices').matches(':popover-open')")
    expect(page.locator("#write-story-say")).to_contain_text("5.")
    prompt = text.strip() + "".join(before) + word
    assert bodies(page, "/generate")[-1]["prompt"] == prompt
    assert story.text_content().startswith(prompt)

    page.click("#write-keep")
    assert page.input_value("#write-text").startswith(prompt)


def test_stop_string(visit: Visit) -> None:
    page = visit()
    write(page, "Once upon a time")
    page.click("#write summary")
    page.fill("#write-stop", " was")
    page.fill("#write-seed", "1")
    page.click("#write-on")
    expect(page.locator("#write-story-say")).to_contain_text("Done")
    assert " was" not in (page.text_content("#write-story") or "")


def test_stop_cancels_the_generation_on_the_server(visit: Visit, live: Live) -> None:
    page = visit()
    write(page, "Once upon a time")
    page.click("#write summary")
    page.fill("#write-tokens", "400")
    page.fill("#write-temperature", "2")
    # The text may end at once with any seed, so others are tried until one is still running after four tokens.
    for seed in range(20):
        page.fill("#write-seed", str(seed))
        page.click("#write-on")
        page.wait_for_function(
            """() => document.querySelectorAll('#write-story button').length > 3
              || document.querySelector('#write-on').innerText === 'Continue'"""
        )
        if page.inner_text("#write-on") == "Stop":
            break
    assert live.app.state.engine.running > 0
    page.click("#write-on")
    for _ in range(100):
        if live.app.state.engine.running == 0:
            break
        time.sleep(0.02)
    assert live.app.state.engine.running == 0
    assert page.inner_text("#write-on") == "Continue"


@pytest.mark.slow
def test_typing_is_never_stale_and_never_queues(visit: Visit) -> None:
    """Ten keys a second for twenty seconds. Every answer that no newer key superseded is shown, and nothing else.

    How many there are depends on the machine: benchmarks/scripts/playground.py measures it.
    """
    page = visit()
    page.fill("#write-text", "")
    page.evaluate(
        """() => {
          window.stale = window.updates = window.answers = window.running = window.most = 0;
          const [panel, box] = ['#write', '#write-text'].map((id) => document.querySelector(id));
          new MutationObserver((records) => {
            window.updates += records.length;
            if (panel.dataset.shown !== box.value) window.stale += 1;
          }).observe(panel, { attributes: true, attributeFilter: ['data-shown'] });
          const send = window.fetch;
          window.fetch = async (...args) => {
            window.most = Math.max(window.most, ++window.running);
            try {
              const response = await send(...args);
              const read = response.json.bind(response);
              response.json = async () => {
                try {
                  const reply = await read();
                  if (response.ok && !args[1].signal.aborted) window.answers += 1;
                  return reply;
                } finally {
                  window.running -= 1;
                }
              };
              return response;
            } catch (error) {
              window.running -= 1;
              throw error;
            }
          };
        }"""
    )
    sentence = "The old man went to the market because he wanted to buy a fish for his little cat. "
    page.type("#write-text", (sentence * 3)[:200], delay=100, timeout=120_000)
    expect(page.locator("#write")).to_have_attribute("data-shown", (sentence * 3)[:200])
    assert page.evaluate("window.stale") == 0
    assert page.evaluate("window.updates") == page.evaluate("window.answers") > 0
    assert (page.evaluate("window.most"), page.evaluate("window.running")) == (1, 0)
