"""Offsets in replies are those of characters in the text as sent, whatever normalizing makes of it."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.catalog.registry import Registry
from models.text.normalization import align, last_space, normalize
from tests.conftest import Serve

Span = tuple[str, int, int]
PIECES = st.sampled_from(
    [
        "the man ", "güzel", "Gu\u0308nes\u0327", "I\u0307", "e\u0301", " \u0301", "\u200b", "\u200d", "\ufeff",
        "sta\u00adtion", "\u200e", "\r\n", "\r", "\n", "\u2028", "\u00a0", "\u3000", " ", "  ", "Ｗｈｅｒｅ？", "“no”",
        "don’t", "👩\u200d💻", "🇹🇷", "1\ufe0f\u20e3", "😍", "\u1112\u1161\u11ab", "漢", "▁", ".", "x",
    ]
)  # fmt: skip
TEXTS = st.lists(PIECES, min_size=1, max_size=8).map("".join) | st.text(st.characters(codec="utf-8"), max_size=20)
VISIBLE = TEXTS.filter(lambda text: bool(normalize(text).strip()))
EXAMPLES = settings(max_examples=30)


@pytest.fixture(scope="module")
def client(serve: Serve) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=serve().url, timeout=60) as client:
        yield client


def ask(client: httpx.Client, path: str, **body: Any) -> Any:
    response = client.post(path, json=body)
    assert response.status_code == 200, response.text
    return response.json()


def check(text: str, spans: Sequence[Span]) -> None:
    """Each span is what it says, in order, and what no span covers is not seen; bytes of a character share its span."""
    position = 0
    for token, start, end in spans:
        assert token == text[start:end]
        assert not normalize(text[position:start])
        assert position <= end <= len(text)
        position = end
    assert not normalize(text[position:])


def spans_of(tokens: Sequence[dict[str, Any]], name: str = "text") -> list[Span]:
    return [(token[name], token["start"], token["end"]) for token in tokens]


@EXAMPLES
@given(text=VISIBLE)
def test_tokenize(client: httpx.Client, text: str) -> None:
    for model in ("language-en", "sentiment-tr", "translation-en-tr"):
        check(text, spans_of(ask(client, "/tokenize", text=text, model=model)["tokens"]))


@EXAMPLES
@given(text=VISIBLE)
def test_inspect(client: httpx.Client, text: str) -> None:
    check(text, spans_of(ask(client, "/inspect", text=text, model="language-en", top=1)["tokens"]))


@EXAMPLES
@given(text=VISIBLE)
def test_explanations(client: httpx.Client, text: str) -> None:
    (result,) = ask(client, "/classify", text=text, model="sentiment-en", explain=True)["results"]
    check(text, spans_of(result["explanation"], "token"))


def bytes_of(name: str) -> bytes:
    return bytes.fromhex(name.removeprefix("bytes:").replace("\\x", ""))


@EXAMPLES
@given(text=VISIBLE)
@example(text=" the man ")
@example(text="\u200bthe man\u00a0\u200b")
def test_an_echoed_prompt(client: httpx.Client, text: str) -> None:
    body = {"model": "language-en", "prompt": text, "echo": True, "logprobs": 2, "seed": 1}
    (alone,) = ask(client, "/v1/completions", **body, max_tokens=0)["choices"]
    assert alone["text"] == text
    scores = alone["logprobs"]
    count = len(scores["tokens"])
    tokens = ask(client, "/tokenize", text=text, model="language-en")["tokens"]
    for (token, start, end), name, offset in zip(
        spans_of(tokens), scores["tokens"], scores["text_offset"], strict=False
    ):
        assert offset == start
        assert token == text[start:end]
        if name.startswith("bytes:"):
            assert bytes_of(name) in (token + normalize(token)).encode()
        else:
            assert name == token
    assert len(tokens) - count == normalize(text).endswith(" "), "the last space is not read"
    for token, score, top in zip(scores["tokens"], scores["token_logprobs"], scores["top_logprobs"], strict=True):
        assert top is None or top[token] == score
    (more,) = ask(client, "/v1/completions", **body, max_tokens=4)["choices"]
    assert {name: values[:count] for name, values in more["logprobs"].items()} == scores
    check_generated(more, text, count)


@EXAMPLES
@given(text=TEXTS | st.just(""), seed=st.integers(0, 99))
def test_generated_tokens(client: httpx.Client, text: str, seed: int) -> None:
    """Where the prompt is not echoed, the offsets are those of the prompt and the text together."""
    body = {"model": "language-en", "prompt": text, "logprobs": 1, "seed": seed, "max_tokens": 9, "temperature": 2}
    (choice,) = ask(client, "/v1/completions", **body)["choices"]
    check_generated(choice | {"text": text + choice["text"]}, text, 0)


def check_generated(choice: dict[str, Any], prompt: str, first: int) -> None:
    """The tokens after the first, whole characters at least, stand in the text where their offsets say."""
    text, tokens, offsets = choice["text"], choice["logprobs"]["tokens"], choice["logprobs"]["text_offset"]
    ends = [*offsets[1:], len(text)]
    space = last_space(prompt)
    begin = len(prompt) if space is None else space
    if tokens[first:]:
        assert offsets[first] == (begin if tokens[first].startswith(" ") else len(prompt))
    for index in range(first, len(tokens)):
        if "bytes:" not in "".join(tokens[max(first, index - 1) : index + 2]):
            standing, token = text[offsets[index] : ends[index]], tokens[index]
            if index == first and token.startswith(" "):
                standing, token = normalize(standing), token.removeprefix(" ") if not normalize(prompt) else token
            assert standing == token
    assert all(left <= right for left, right in pairwise(offsets[first:]))


@EXAMPLES
@given(ids=st.lists(st.integers(0, 400), min_size=1, max_size=12))
@example(ids=[0, 1, 5])
def test_a_prompt_of_ids_stands_in_its_text(client: httpx.Client, registry: Registry, ids: list[int]) -> None:
    ids = [token % registry.get("language-en").tokenizer.size for token in ids]
    body = {"model": "language-en", "prompt": ids, "echo": True, "logprobs": 1, "max_tokens": 0}
    (choice,) = ask(client, "/v1/completions", **body)["choices"]
    text, scores = choice["text"], choice["logprobs"]
    assert text == registry.get("language-en").tokenizer.decode(ids)
    for token, offset in zip(scores["tokens"], scores["text_offset"], strict=True):
        assert token.startswith("bytes:") or text[offset : offset + len(token)] == token


@given(text=TEXTS)
def test_the_last_space(text: str) -> None:
    normal = align(text)
    assert last_space(text) == (normal.starts[-1] if normal.text.endswith(" ") else None)
