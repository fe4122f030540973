"""One-hot vectors and bags of words, number for number."""

import httpx
import pytest

from models.text.vectors import bag_of_words, one_hot

pytestmark = pytest.mark.anyio
GOOD, BAD = "I'm good and you're bad", "I'm bad and you're good"


async def ask(client: httpx.AsyncClient, **body: object) -> dict:
    response = await client.post("/vectorize", json=body)
    assert response.status_code == 200, response.text
    return response.json()


async def test_two_sentences_are_one_bag(client: httpx.AsyncClient) -> None:
    reply = await ask(client, text=[GOOD, BAD])
    assert reply["vocabulary"] == ["I'm", "good", "and", "you're", "bad"]
    assert reply["size"] == 5
    first, second = reply["texts"]
    assert first["indices"] == [0, 1, 2, 3, 4]
    assert second["indices"] == [0, 4, 2, 3, 1]
    assert first["one_hot"][1] == second["one_hot"][4] == [0, 1, 0, 0, 0]
    assert first["one_hot"] != second["one_hot"]
    assert first["bag"] == second["bag"] == [1, 1, 1, 1, 1]


async def test_words_are_counted(client: httpx.AsyncClient) -> None:
    text = "The man sees the man and the man sees the boy"
    reply = await ask(client, text=text, lowercase="en")
    assert reply["vocabulary"] == ["the", "man", "sees", "and", "boy"]
    assert reply["texts"][0]["bag"] == [4, 3, 2, 1, 1]
    assert [sum(column) for column in zip(*reply["texts"][0]["one_hot"], strict=True)] == [4, 3, 2, 1, 1]
    assert reply["texts"][0]["counts"][1] == {"index": 1, "word": "man", "count": 3}
    assert (await ask(client, text=text))["vocabulary"][:4] == ["The", "man", "sees", "the"]


async def test_turkish_letters(client: httpx.AsyncClient) -> None:
    reply = await ask(client, text="IŞIK ışık İyi iyi", lowercase="tr")
    assert (reply["vocabulary"], reply["texts"][0]["bag"]) == (["ışık", "iyi"], [2, 2])


async def test_a_models_vocabulary(client: httpx.AsyncClient) -> None:
    reply = await ask(client, text=["the man", "the the"], model="language-en")
    tokens = (await client.post("/tokenize", json={"text": "the man", "model": "language-en"})).json()["tokens"]
    first, second = reply["texts"]
    assert (first["words"], first["indices"]) == ([t["text"] for t in tokens], [t["id"] for t in tokens])
    assert len(second["indices"]) == 2 * len(second["counts"])
    assert [entry["count"] for entry in second["counts"]] == [2] * len(second["counts"])
    assert reply["size"] > max(first["indices"])
    assert {"vocabulary"}.isdisjoint(reply)
    assert {"one_hot", "bag"}.isdisjoint(first)


async def test_what_cant_be(client: httpx.AsyncClient) -> None:
    for body, status, pointer in (
        ({"text": "the", "model": "nobody"}, 404, "/model"),
        ({"text": "the", "model": "language-en", "lowercase": "en"}, 422, "/lowercase"),
        ({"text": "the", "lowercase": "de"}, 422, "/lowercase"),
        ({"text": [" ".join(chr(0x4E00 + 150 * part + word) for word in range(150)) for part in range(4)]}, 200, None),
    ):
        response = await client.post("/vectorize", json=body)
        assert response.status_code == status, response.text
        assert pointer is None or response.json()["errors"][0]["pointer"] == pointer


async def test_too_many_numbers(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.http.routes.vectorize.MAX_NUMBERS", 24)
    response = await client.post("/vectorize", json={"text": GOOD})
    assert response.status_code == 422
    assert "vectors of 25 numbers in all; 24 are the most" in response.json()["errors"][0]["detail"]


def test_a_bag_is_the_sum_of_its_vectors() -> None:
    indices = [3, 0, 3, 1]
    assert (
        bag_of_words(indices, 5)
        == [sum(column) for column in zip(*one_hot(indices, 5), strict=True)]
        == [1, 1, 0, 2, 0]
    )
