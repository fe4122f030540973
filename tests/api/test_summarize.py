"""POST /summarize: limits, errors, offsets, and that a text's summary does not depend on its company."""

from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import SENTENCES

pytestmark = pytest.mark.anyio
MODEL = {"model": "titles-en"}
LONG = " ".join([*SENTENCES[:3], "the man sees"])


async def summarize(client: httpx.AsyncClient, **body: Any) -> Any:
    reply = await client.post("/summarize", json={**MODEL, **body})
    assert reply.status_code == 200, reply.text
    return reply.json()["results"]


async def test_a_text_has_the_same_summary_alone_and_in_company(client: httpx.AsyncClient) -> None:
    texts = [*SENTENCES[:3], LONG]
    together = await summarize(client, text=texts, words=True)
    for text, result in zip(texts, together, strict=True):
        (alone,) = await summarize(client, text=text, words=True)
        assert alone["summary"] == result["summary"]
        assert [word["source"] for word in alone["words"]] == [word["source"] for word in result["words"]]
        assert alone["score"] == pytest.approx(result["score"], abs=1e-4)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(st.sampled_from([*SENTENCES[:3], "\t", "İ 🙂", "ﬁ  e\u0301"]), min_size=1, max_size=3))
async def test_offsets_refer_to_the_text_and_the_summary(client: httpx.AsyncClient, parts: list[str]) -> None:
    text = " ".join([*parts, "man"])[:400]
    (result,) = await summarize(client, text=text, words=True, max_new_tokens=12)
    for word in result["words"]:
        assert result["summary"][word["start"] : word["end"]] == word["word"]
        assert 0 <= word["copied"] <= 1
        if word["source"]:
            assert 0 <= word["source"]["start"] <= word["source"]["end"] <= result["read_characters"]
    assert result["read_characters"] <= len(text)


async def test_how_much_was_read(client: httpx.AsyncClient) -> None:
    short, long = await summarize(client, text=["the man sees", LONG])
    assert short["read_characters"] == len("the man sees")
    assert 0 < long["read_characters"] < len(LONG)
    (beginning,) = await summarize(client, text=LONG[: long["read_characters"]])
    assert beginning["summary"] == long["summary"]


async def test_a_limit_of_tokens_ends_it(client: httpx.AsyncClient) -> None:
    (result,) = await summarize(client, text=SENTENCES[0], max_new_tokens=3, words=True)
    assert result["finish_reason"] in ("length", "end")
    assert len(result["words"]) <= 3


@pytest.mark.parametrize(
    ("body", "pointer", "detail"),
    [
        ({"text": "a" * 401}, "/text", "400"),
        ({"text": ["a"] * 5}, "/text", "4"),
        ({"text": " "}, "/text", "white space"),
        ({"text": "a", "beam_size": 17}, "/beam_size", "16"),
        ({"text": "a", "max_new_tokens": 41}, "/max_new_tokens", "40"),
        ({"text": "a", "max_words": 1}, "/max_words", ""),
    ],
)
async def test_what_is_wrong_is_named(
    client: httpx.AsyncClient, body: dict[str, Any], pointer: str, detail: str
) -> None:
    reply = await client.post("/summarize", json=body)
    problem = reply.json()
    assert reply.status_code == 422
    assert reply.headers["content-type"] == "application/problem+json"
    assert problem["errors"][0]["pointer"] == pointer
    assert detail in problem["errors"][0]["detail"]


async def test_a_language_without_a_summarizer_is_no_server_error(client: httpx.AsyncClient) -> None:
    reply = await client.post("/summarize", json={"text": SENTENCES[0], "language": "tr"})
    assert reply.status_code == 404
    assert reply.json()["errors"][0]["pointer"] == "/language"


@pytest.mark.parametrize("text", ["!!!", "12 + 30 = 42", "🎉🎉", "\0"])
async def test_there_is_nothing_to_summarize_without_letters(client: httpx.AsyncClient, text: str) -> None:
    for body, pointer in ((text, "/text"), ([LONG, text], "/text/1")):
        reply = await client.post("/summarize", json={**MODEL, "text": body})
        problem = {"pointer": pointer, "detail": "it has no letters, so there is nothing to summarize"}
        assert (reply.status_code, reply.json()["errors"]) == (422, [problem])
