"""The tab "Senses": images, sound and summaries."""

import io
import math
import wave
from typing import Any

import httpx
import numpy as np
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Visit, bodies
from tests.conftest import Live

DRAWN = "#draw-images [aria-label*=nat]"
RATE = 8000


def ink(page: Page, canvas: str) -> int:
    """How many pixels of a canvas have another colour than its first."""
    return int(
        page.evaluate(
            """(selector) => {
                const canvas = document.querySelector(selector);
                const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
                const pixels = new Uint32Array(data.buffer);
                return pixels.filter((pixel) => pixel !== pixels[0]).length;
            }""",
            canvas,
        )
    )


def tone(seconds: float) -> bytes:
    """A WAV file."""
    samples = (8000 * np.sin(2 * math.pi * 1000 * np.arange(int(seconds * RATE)) / RATE)).astype("<i2")
    with io.BytesIO() as buffer:
        with wave.open(buffer, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(samples.tobytes())
        return buffer.getvalue()


def drawings(page: Page) -> list[Any]:
    """The bodies of the requests for eight images; the part "Read" asks for single ones."""
    return [body for body in bodies(page, "/draw") if "n" in body]


def test_eight_images_are_drawn_as_the_api_draws_them(visit: Visit, live: Live) -> None:
    page = visit("#senses?digit=7&seed=3")
    expect(page.locator(DRAWN)).to_have_count(8, timeout=30_000)
    (body,) = drawings(page)
    assert (body["prompt"], body["n"], body["seed"]) == ("seven", 8, 3)
    reply = httpx.post(f"{live.url}/draw", json=body | {"stream": False}, timeout=60).json()
    for index, image in enumerate(reply["images"]):
        assert ink(page, f"#draw-images li:nth-child({index + 1}) canvas") == "".join(image["rows"]).count("1")
        label = page.locator("#draw-images button").nth(index).get_attribute("aria-label") or ""
        assert f"{-image['logprob']:.1f}" in label


def test_rows_that_are_drawn_stay(visit: Visit) -> None:
    """With the keys alone: the cursor starts in the middle of the grid."""
    page = visit("#senses?seed=1")
    expect(page.locator(DRAWN)).to_have_count(8, timeout=30_000)
    page.focus("#draw-top")
    for key in ["ArrowUp"] * 8 + [" "] + ["ArrowRight", " "] * 4:
        page.keyboard.press(key)
    expect(page.locator("#draw-rows-value")).to_have_text("8")
    page.click("#draw-run")
    page.wait_for_function("() => document.querySelectorAll('#draw-images [aria-label*=nat]').length === 8")
    top = drawings(page)[-1]["top"]
    assert len(top) == 8
    assert [row.count("1") for row in top] == [0] * 6 + [6, 6]
    page.focus("#draw-large")
    page.keyboard.press("ArrowUp")
    expect(page.locator("#draw-readout")).to_contain_text("%")


def test_the_model_reads_what_the_other_draws(visit: Visit) -> None:
    page = visit("#senses")
    page.click("#read-example")
    words = page.locator("#read-words .tint")
    expect(words.first).to_be_visible(timeout=30_000)
    words.first.focus()
    assert ink(page, "#read-attention") > 0
    page.click("#read-clear")
    expect(words).to_have_count(0)


def test_no_part_is_empty_at_first(visit: Visit) -> None:
    """Each shows what its model makes of an example. Nothing is played: browsers forbid it before a key or a click."""
    page = visit("#senses?lang=en")
    expect(page.locator(DRAWN)).to_have_count(8, timeout=30_000)
    expect(page.locator("#read-words .tint").first).to_be_visible(timeout=30_000)
    expect(page.locator("#listen-text")).not_to_be_empty(timeout=30_000)
    assert ink(page, "#read-grid") > 0
    assert ink(page, "#listen-map") > 0
    assert bodies(page, "/speak") == [{"text": "three seven one"}]


def test_a_recording_is_shown_and_transcribed(visit: Visit, live: Live) -> None:
    page = visit("#senses")
    sound = tone(0.7)
    expected = httpx.post(f"{live.url}/transcribe", content=sound, headers={"content-type": "audio/wav"}).json()
    page.set_input_files("#listen-file", {"name": "tone.wav", "mimeType": "audio/wav", "buffer": sound})
    expect(page.locator("#listen-words li")).to_have_count(len(expected["words"]), timeout=30_000)
    expect(page.locator("#listen-text")).not_to_be_empty()
    assert ink(page, "#listen-map") > 0
    page.set_input_files("#listen-file", {"name": "a.wav", "mimeType": "audio/wav", "buffer": b"RIFF"})
    expect(page.locator("#senses-listen .say")).to_contain_text("read this file")


def test_the_example_never_takes_the_place_of_a_recording(visit: Visit) -> None:
    page = visit("#models")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/speak", hold)
    with page.expect_request("**/speak"):
        page.click("#tab-senses")
    page.set_input_files("#listen-file", {"name": "a.wav", "mimeType": "audio/wav", "buffer": b"RIFF"})
    expect(page.locator("#senses-listen .say")).to_contain_text("read this file")
    with page.expect_response("**/speak") as reply:
        held[0].continue_()
    reply.value.finished()
    expect(page.locator("#senses-speak")).not_to_have_attribute("aria-busy", "true")
    page.evaluate("() => new Promise((done) => setTimeout(done, 300))")  # a sound would be decoded and drawn by then
    expect(page.locator("#senses-listen .say")).to_contain_text("read this file")
    expect(page.locator("#listen-text")).to_be_empty()


def test_a_title_shows_what_it_copies(visit: Visit, live: Live) -> None:
    page = visit("#senses")
    text = "We study zorkmid translation. The zorkmid corpus has many sentences, and zorkmid is a language."
    page.fill("#senses-abstract", text)
    page.click("#summarize-run")
    expect(page.locator("#summarize-shown")).to_be_visible(timeout=30_000)
    (result,) = httpx.post(f"{live.url}/summarize", json={"text": text, "words": True}, timeout=60).json()["results"]
    expect(page.locator("#summarize-result")).to_have_text(result["summary"])
    assert page.locator("#summarize-result .tint").count() == len(result["words"])
    page.locator("#summarize-result .tint").first.focus()
    expect(page.locator("#summarize-readout")).to_contain_text(result["words"][0]["word"])
