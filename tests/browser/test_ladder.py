"""The tab "Ladder"."""

from urllib.parse import urlencode

import httpx
import pytest
from playwright.sync_api import expect

from app.catalog.registry import Registry
from tests.browser.conftest import Visit, bodies
from tests.conftest import Live, Serve

SENTENCE = "The man sees the man and the man sees the boy"


def test_every_rung_predicts_for_the_same_text(visit: Visit, shipped: Registry) -> None:
    page = visit("#ladder")
    expect(page.locator("#ladder")).to_have_attribute("data-shown", "once upon a time there was a little ")
    rungs = [m for m in shipped.models.values() if m.task == "language" and "en" in m.languages]
    assert {m.kind for m in rungs} == {"ngram", "language"}
    columns = page.locator("#ladder-columns article")
    names = columns.evaluate_all("columns => columns.map((column) => column.dataset.model)")
    assert sorted(names) == sorted(m.name for m in rungs)
    kinds = [shipped.models[name].kind for name in names]
    assert kinds == sorted(kinds, key=["ngram", "language", "transformer"].index), "n-gram models come first"
    titles = dict(zip(names, page.locator("#ladder-columns h2").all_inner_texts(), strict=True))
    assert titles["rung-en-n2"] == "counts: 1 word before"
    assert titles["language-en"] == "language-en"
    for column in columns.all():
        assert column.locator(".bar").count() > 1
    page.fill("#ladder-text", "the girl was very ")
    expect(page.locator("#ladder")).to_have_attribute("data-shown", "the girl was very ")
    sent = bodies(page, "/next-word-probs")[-len(names) :]
    assert sorted(body["model"] for body in sent) == sorted(names)
    assert {body["text"] for body in sent} == {"the girl was very "}
    page.fill("#ladder-text", " ")
    expect(page.locator("#ladder-columns .bar")).to_have_count(0)


@pytest.mark.parametrize("language", ["en", "tr"])
@pytest.mark.parametrize(
    "text", ["The man sees the man and the man sees the boy", "once upon a time there was a little "]
)
def test_no_rung_shows_the_sign_of_unknown_words(visit: Visit, live: Live, text: str, language: str) -> None:
    """No word that could come next is called so: the rungs were trained on words that they know."""
    models = httpx.get(f"{live.url}/models").json()["models"]
    names = [model["name"] for model in models if "rung-en" in model["name"]]
    replies = [
        httpx.post(f"{live.url}/next-word-probs", json={"model": name, "text": text, "top": 10}).json()["next"]
        for name in names
    ]
    assert not any(entry["word"] == "<unk>" for reply in replies for entry in reply)
    page = visit(f"#ladder?{urlencode({'text': text, 'language': 'en'})}", language=language)
    expect(page.locator("#ladder")).to_have_attribute("data-shown", text)
    words = page.locator("#ladder .bar .word").all_inner_texts()
    assert len(words) > 2 * len(names)
    assert "<unk>" not in words
    page.click("#tab-write")
    page.fill("#write-text", text)
    for name in page.locator("#write-model option").evaluate_all("options => options.map(option => option.value)"):
        if "rung-en" not in name:
            continue
        page.select_option("#write-model", name, force=True)
        expect(page.locator("#write-by")).to_contain_text(name)
        assert "<unk>" not in page.locator("#write-bars .word").all_inner_texts()


def test_a_single_model_shows_a_hint(visit: Visit, serve: Serve, shipped: Registry) -> None:
    server = serve(Registry([shipped.get("language-en"), shipped.get("sentiment-en")], shipped.device))
    page = visit("#ladder", server=server, language="tr")
    expect(page.locator("#ladder-columns h2")).to_have_text(["language-en"])
    expect(page.locator("#ladder-none")).to_contain_text("docs/ladder.tr.md")


def test_a_link_carries_text_and_language(visit: Visit) -> None:
    page = visit("#ladder?text=bir+zamanlar+&language=tr")
    expect(page.locator("#ladder-language")).to_have_value("tr")
    expect(page.locator("#ladder")).to_have_attribute("data-shown", "bir zamanlar ")
    page.select_option("#ladder-language", "en")
    expect(page.locator("#ladder-columns article").first).to_have_attribute("data-model", "rung-en-n1")
