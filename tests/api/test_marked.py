"""Words that are marked for /inspect: the units that are high there and low elsewhere."""

import asyncio
import statistics
from itertools import pairwise
from typing import Any

import httpx
import pytest

from tests.api.test_answers import ask

pytestmark = pytest.mark.anyio
TEXT = "the man sees the dog and the dog sees a man ."
SPANS = [(4, 7), (17, 20)]


def marks(*spans: tuple[int, int]) -> list[dict[str, int]]:
    return [{"start": start, "end": end} for start, end in spans]


def correlation(values: list[float], marked: list[int]) -> float:
    """Of a series with the mark, 1 at the marked tokens and 0 at others."""
    mark = [float(index in marked) for index in range(len(values))]
    return statistics.correlation(values, mark) if statistics.pstdev(values) > 1e-4 else 0.0


@pytest.mark.parametrize("find", ["cell", "hidden"])
@pytest.mark.parametrize(
    ("model", "layer", "direction"),
    [
        ("language-en", 0, "forward"), ("language-en", 1, "forward"), ("sentiment-en", 0, "forward"),
        ("sentiment-en", 0, "backward"),
    ],
)  # fmt: skip
async def test_the_ranking_is_that_of_the_full_series(
    client: httpx.AsyncClient, find: str, model: str, layer: int, direction: str
) -> None:
    of_layer = {"text": TEXT, "model": model, "layer": layer, "direction": direction}
    every = await ask(client, "/inspect", **of_layer, top=64)
    assert len(every["units"]) == every["hidden"]
    found = await ask(client, "/inspect", **of_layer, find=find, marked=marks(*SPANS), top=64)
    touched = [
        index for index, token in enumerate(found["tokens"])
        if any(token["start"] < end and start < token["end"] for start, end in SPANS)
    ]  # fmt: skip
    assert found["marked"] == touched
    series = {unit["unit"]: unit for unit in every["units"]}
    assert {unit["unit"] for unit in found["units"]} == series.keys()
    for unit in found["units"]:
        same = series[unit["unit"]]
        assert {name: value for name, value in unit.items() if name != "score"} == same
        assert unit["score"] == pytest.approx(correlation(same[find], touched), abs=0.02)  # of four decimals
    assert all(one["score"] >= other["score"] for one, other in pairwise(found["units"]))
    first = await ask(client, "/inspect", **of_layer, find=find, marked=marks(*SPANS), top=3)
    assert first["units"] == found["units"][:3]


async def test_without_marks_a_reply_has_no_scores(client: httpx.AsyncClient) -> None:
    reply = await ask(client, "/inspect", text=TEXT, model="language-en", top=2)
    assert "marked" not in reply
    assert all("score" not in unit for unit in reply["units"])


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("the man sees the dog", "man"),
        ("  the\u00a0man   sees the dog", "man"),  # white space is normalized
        ("the gu\u0308zel man sees", "gu\u0308zel"),  # composed, it is shorter
        ("sta\u00adtion\u200b 😍 man", "man"),  # invisible characters are left out, and JavaScript counts 😍 as two
        ("the 😍 man", "😍"),  # a token for each byte
    ],
)
async def test_spans_are_of_the_text_as_sent(client: httpx.AsyncClient, text: str, word: str) -> None:
    start = text.index(word)
    end = start + len(word)
    reply = await ask(client, "/inspect", text=text, model="language-en", top=1, marked=marks((start, end)))
    tokens = [reply["tokens"][index] for index in reply["marked"]]
    assert tokens
    assert all(token["end"] > start and token["start"] < end for token in tokens)
    others = [token for index, token in enumerate(reply["tokens"]) if index not in reply["marked"]]
    assert all(token["end"] <= start or token["start"] >= end or not token["text"].strip() for token in others)


async def test_the_space_before_a_word_does_not_mark_it(client: httpx.AsyncClient) -> None:
    body = {"text": TEXT, "model": "language-en", "top": 1}
    tokens = (await ask(client, "/inspect", **body))["tokens"]
    first = [index for index, token in enumerate(tokens) if token["start"] < 3]
    assert tokens[len(first)]["text"].startswith(" ")
    assert (await ask(client, "/inspect", **body, marked=marks((0, 4))))["marked"] == first


async def test_whole_numbers_as_floats_and_overlapping_spans(client: httpx.AsyncClient) -> None:
    body = {"text": TEXT, "model": "language-en", "top": 3}
    once = await ask(client, "/inspect", **body, marked=marks(*SPANS))
    again = [{"start": 17.0, "end": 20.0}, *marks((4, 6), (5, 7), (17, 20))]
    assert await ask(client, "/inspect", **body, marked=again) == once


async def test_alone_as_in_company(client: httpx.AsyncClient) -> None:
    bodies: list[dict[str, Any]] = [
        {"text": TEXT, "model": "language-en", "marked": marks(span)} for span in (*SPANS, (0, 3), (8, 12))
    ]
    bodies += [{**body, "model": "sentiment-en", "direction": "backward"} for body in bodies]
    alone = [await ask(client, "/inspect", **body) for body in bodies]
    assert len({tuple(unit["unit"] for unit in reply["units"]) for reply in alone}) > 1
    others = [ask(client, "/generate", prompt=TEXT, model="language-en", seed=seed) for seed in range(4)]
    together = await asyncio.gather(*(ask(client, "/inspect", **body) for body in bodies), *others)
    assert list(together[: len(bodies)]) == alone


@pytest.mark.parametrize(
    ("change", "pointer", "detail"),
    [
        ({"marked": marks((0, 3), (44, 46))}, "/marked/1", "45 characters; given: 44 to 46"),
        ({"marked": marks((5, 5))}, "/marked/0", "given: 5 to 5"),
        ({"marked": marks((7, 4))}, "/marked/0", "given: 7 to 4"),
        ({"marked": marks((3, 4))}, "/marked", "none are"),
        ({"marked": marks((0, 45))}, "/marked", "all are"),
        ({"marked": []}, "/marked", "at least 1 item"),
        ({"marked": marks(*[(0, 3)] * 201)}, "/marked", "at most 200 items"),
        ({"marked": [[0, 3]]}, "/marked/0", "object"),
        ({"marked": [{"start": -1, "end": 3}]}, "/marked/0/start", "greater than or equal to 0"),
        ({"marked": [{"start": 0, "end": 3, "text": "the"}]}, "/marked/0/text", ""),
        ({"marked": marks((0, 3)), "units": [1]}, "", "does not go with units"),
        ({"marked": marks((0, 3)), "find": "counters"}, "", "cell or hidden only"),
    ],
)
async def test_what_cant_be_marked_is_said(
    client: httpx.AsyncClient, change: dict[str, Any], pointer: str, detail: str
) -> None:
    response = await client.post("/inspect", json={"text": TEXT, "model": "language-en", **change})
    assert response.status_code == 422, response.text
    (error,) = response.json()["errors"]
    assert error["pointer"] == pointer
    assert detail in error["detail"]
