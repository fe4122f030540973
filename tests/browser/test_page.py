"""Behaviour common to all tabs: links, commands to copy, languages, themes, keyboard, errors and accessibility."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from app.catalog.registry import Registry
from tests.browser.conftest import PHONE, WIDE, Visit
from tests.conftest import Live, Serve

TABS = ["write", "feel", "translate", "senses", "inside", "ladder", "models"]
AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
needs_axe = pytest.mark.skipif(not AXE.exists() and not os.environ.get("CI"), reason="needs axe-core: npm ci")
PLAYGROUND = Path(__file__).resolve().parents[2] / "app" / "playground"


def settled(page: Page, tab: str) -> None:
    """Wait until a tab shows results."""
    results = {
        "write": "#write-bars .bar", "feel": "#feel-bars .bar", "translate": "#translate-map td",
        "senses": "#draw-images [aria-label*=nat]", "inside": "#inside-map td", "ladder": "#ladder-columns .bar",
        "models": "#models-cards article",
    }  # fmt: skip
    page.locator(results[tab]).first.wait_for()


def test_the_page_is_small(live: Live) -> None:
    """As it is transferred: files of the playground are compressed."""
    size = 0
    for file in PLAYGROUND.rglob("*"):
        if file.is_file():
            url = f"{live.url}/playground/{file.relative_to(PLAYGROUND)}"
            with httpx.stream("GET", url, headers={"accept-encoding": "gzip"}) as reply:
                size += sum(map(len, reply.iter_raw()))
    assert size <= 250_000


def imports_of(module: Path) -> set[Path]:
    """The modules that are loaded with one, and itself."""
    found = {module}
    for name in re.findall(r'^import[^;]*?from "(\.[^"]+)";', module.read_text(encoding="utf-8"), re.MULTILINE):
        found |= imports_of((module.parent / name).resolve())
    return found


def test_all_modules_are_asked_for_at_once() -> None:
    """The page names all that its entry point imports: a browser that finds them one in the other asks in turns."""
    page = (PLAYGROUND / "index.html").read_text(encoding="utf-8")
    named = {PLAYGROUND.parent / name for name in re.findall(r'(?:modulepreload" href|module" src)="([^"]+)"', page)}
    assert named == imports_of(PLAYGROUND / "main.js")


def test_the_first_bars_take_one_prediction(visit: Visit) -> None:
    """The list of models, which comes meanwhile, does not begin it anew."""
    page = visit("#write")
    held: list[Route] = []
    page.route("**/next-word-probs", lambda route: held.append(route))  # noqa: PLW0108
    with page.expect_response("**/models"):
        page.reload()
    while not held or page.locator("#write-model option").count() < 2:
        page.wait_for_timeout(20)
    assert len(held) == 1
    held[0].continue_()
    page.locator("#write-bars .bar").first.wait_for()


@pytest.mark.parametrize("tab", TABS)
def test_requests_are_copied_as_commands(visit: Visit, tab: str) -> None:
    page = visit(f"#{tab}")
    settled(page, tab)
    panel = page.locator(f"#{tab} .share")

    def copied(name: str) -> str:
        panel.get_by_role("button", name=name, exact=True).click()
        expect(panel.locator(".hint")).to_have_text("Copied.")
        return str(page.evaluate("navigator.clipboard.readText()"))

    curl = subprocess.run(["/bin/bash", "-c", f"{copied('curl')} --silent --fail"], capture_output=True, check=True)
    python = subprocess.run([sys.executable, "-c", copied("Python")], capture_output=True, check=True)
    page.evaluate("() => { window.logged = null; console.log = (value) => { window.logged = value; }; }")
    page.evaluate("code => new (Object.getPrototypeOf(async () => {}).constructor)(code)()", copied("JavaScript"))
    page.wait_for_function("() => window.logged !== null")
    first = json.loads(curl.stdout)
    assert list(first) == list(page.evaluate("window.logged"))
    assert python.stdout.startswith(b"{" + repr(next(iter(first))).encode())


def test_a_link_carries_the_input(visit: Visit) -> None:
    page = visit()
    page.fill("#write-text", "Güzel bir gün & iyi bir film ")
    page.fill("#write-temperature", "0.3")
    page.select_option("#write-model", "language-tr", force=True)
    expect(page.locator("#write")).to_have_attribute("data-shown", "Güzel bir gün & iyi bir film ")
    page.wait_for_function("() => location.hash.includes('temperature=0.3') && location.hash.includes('language-tr')")
    linked = visit(page.evaluate("location.hash"))
    expect(linked.locator("#write-text")).to_have_value("Güzel bir gün & iyi bir film ")
    expect(linked.locator("#write-temperature-value")).to_have_text("0.30")
    expect(linked.locator("#write-model")).to_have_value("language-tr")
    expect(linked.locator("#write")).to_have_attribute("data-shown", "Güzel bir gün & iyi bir film ")
    words = linked.locator("#write-bars .word").all_inner_texts()
    expect(page.locator("#write-bars .word")).to_have_text(words)  # once its last request is answered


def test_the_language_comes_from_the_browser_and_is_remembered(visit: Visit) -> None:
    page = visit(language="tr")
    expect(page.locator("#tab-write")).to_have_text("Yazma")
    assert page.evaluate("document.documentElement.lang") == "tr"
    page.click("[data-language=en]")
    expect(page.locator("#tab-write")).to_have_text("Write")
    settled(page, "write")
    page.reload()
    expect(page.locator("#tab-write")).to_have_text("Write")


def test_both_languages_have_the_same_texts(visit: Visit) -> None:
    page = visit()
    names = page.evaluate("async () => (await import('./playground/texts.js')).TEXTS")
    english, turkish = names["en"], names["tr"]
    assert english.keys() == turkish.keys()
    for name, text in english.items():
        placeholders = [part.split("}")[0] for part in text.split("{")[1:]]
        assert sorted(placeholders) == sorted(part.split("}")[0] for part in turkish[name].split("{")[1:]), name
    used = set(page.evaluate("[...document.querySelectorAll('[data-t]')].map(element => element.dataset.t)"))
    assert used <= english.keys()


def test_scores_of_models_have_names_in_turkish(visit: Visit) -> None:
    page = visit("#models", language="tr")
    page.locator("#models-cards svg").first.wait_for()
    cards = page.locator("#models-cards").inner_text()
    assert "sözcük başına şaşkınlık" in cards
    for english in ("accuracy", "perplexity", "loss", "distance", "per word", "given class"):
        assert english not in cards


def test_themes(visit: Visit) -> None:
    page = visit(theme="dark")
    background = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(background)
    page.click("#theme")
    light = page.evaluate(background)
    assert dark != light
    page.reload()
    assert page.evaluate(background) == light


def test_tabs_by_keyboard(visit: Visit) -> None:
    page = visit()
    page.locator("#tab-write").focus()
    for key, tab in (
        ("ArrowRight", "feel"),
        ("End", "models"),
        ("ArrowRight", "write"),
        ("ArrowLeft", "models"),
        ("Home", "write"),
    ):
        page.keyboard.press(key)
        expect(page.locator(f"#tab-{tab}")).to_be_focused()
        expect(page.locator(f"#{tab}")).to_be_visible()
        assert page.locator("[role=tabpanel]:visible").count() == 1


def test_requests_are_retried_after_429(visit: Visit, serve: Serve, shipped: Registry) -> None:
    page = visit(server=serve(shipped, rate_limit="70/2 second"), refused=(429,))
    settled(page, "write")
    text = "The man sees the dog and "
    page.fill("#write-text", text)
    expect(page.locator("#write-say")).to_contain_text("Too many requests. Trying again in")
    expect(page.locator("#write")).to_have_attribute("data-shown", text, timeout=15_000)
    expect(page.locator("#write-say")).to_be_empty()


def test_requests_are_retried_while_the_server_is_unreachable(visit: Visit) -> None:
    page = visit(refused=("ERR_CONNECTION_REFUSED",))
    settled(page, "write")

    def refuse(route: Route) -> None:
        route.abort("connectionrefused")

    page.route("**/next-word-probs", refuse)
    page.fill("#write-text", "The man ")
    expect(page.locator("#write-say")).to_contain_text("can’t be reached")
    page.unroute("**/next-word-probs", refuse)
    expect(page.locator("#write")).to_have_attribute("data-shown", "The man ")
    expect(page.locator("#write-say")).to_be_empty()


def test_a_dialog_asks_for_the_api_key(visit: Visit, serve: Serve, shipped: Registry) -> None:
    server = serve(shipped, api_keys="right")
    page = visit(server=server, refused=(401,))
    page.locator("#key-dialog").wait_for()
    expect(page.locator("#key-say")).to_be_empty()
    page.fill("#key", "wrong")
    page.click("#key-dialog button.main")
    expect(page.locator("#key-say")).to_have_text("The server does not know this API key.")
    page.fill("#key", "right")
    page.click("#key-dialog button.main")
    settled(page, "write")
    language_models = [model for model in shipped.models.values() if model.kind == "language"]
    expect(page.locator("#write-model option")).to_have_count(1 + len(language_models))


def test_errors_are_shown(visit: Visit) -> None:
    page = visit("#feel?text=x", refused=(404, 422))
    page.fill("#feel-text", "Das ist ein sehr guter Film, und ich habe ihn gern gesehen.")
    expect(page.locator("#feel .say")).to_contain_text("language (German)")
    expect(page.locator("#feel-bars .bar")).to_have_count(0)  # the previous results are removed
    page.fill("#feel-text", "a" * 20_001)
    expect(page.locator("#feel .say")).to_contain_text("at most 20,000 are allowed")


AXE_OPTIONS: dict[str, Any] = {"resultTypes": ["violations"]}


@needs_axe
@pytest.mark.parametrize("tab", TABS)
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("size", "language"), [(WIDE, "en"), (PHONE, "tr")])
def test_accessibility(visit: Visit, tab: str, theme: str, size: tuple[int, int], language: str) -> None:
    start = {"write": "?seed=3&text=Bir+zamanlar" if language == "tr" else "?seed=3&text=Once+upon+a+time"}.get(tab, "")
    page = visit(f"#{tab}{start}", language=language, size=size, theme=theme)
    settled(page, tab)
    if tab == "write":
        page.click("#write-on")
        page.locator("#write-story button").nth(2).wait_for()
        page.wait_for_timeout(500)
    if tab == "inside":
        page.locator("#inside-map tbody th button").first.click()
    page.evaluate(AXE.read_text(encoding="utf-8"))
    violations = page.evaluate("options => axe.run(document, options)", AXE_OPTIONS)["violations"]
    serious = [rule for rule in violations if rule["impact"] in ("serious", "critical")]
    assert [(rule["id"], [node["html"] for node in rule["nodes"]][:3]) for rule in serious] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page scrolls horizontally"
