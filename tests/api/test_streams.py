"""Streams: Server-Sent Events with the content of the plain reply."""

import json
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.anyio
GENERATE = {"prompt": "the man", "model": "language-en", "max_new_tokens": 20, "seed": 3, "temperature": 1.2}
TRANSLATE = {"text": ["The man. A dog! Bad?", "good"], "source": "en", "target": "tr", "beam_size": 2}


def parse(text: str) -> list[tuple[str, int, Any]]:
    """Events as (name, id, data); comments are skipped."""
    events = []
    for block in text.replace("\r\n", "\n").strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if not line.startswith(":"))
        if fields:
            events.append((fields["event"], int(fields["id"].split("-")[2]), json.loads(fields["data"])))
    return events


async def streamed(client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> list[tuple[str, int, Any]]:
    response = await client.post(path, json=body | {"stream": True})
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["x-accel-buffering"] == "no"
    events = parse(response.text)
    assert [number for _, number, _ in events] == list(range(len(events)))
    assert [name for name, _, _ in events].count("done") == 1
    assert events[-1][0] == "done"
    return events


class TestGenerate:
    @pytest.mark.parametrize("change", [{}, {"n": 3}, {"stop": ["e", "th"]}, {"logprobs": 2}, {"temperature": 0}])
    async def test_streamed_is_not_streamed(self, client: httpx.AsyncClient, change: dict[str, Any]) -> None:
        body = GENERATE | change
        plain = (await client.post("/generate", json=body)).json()
        *pieces, (_, _, done) = await streamed(client, "/generate", body)
        assert {name for name, _, _ in pieces} <= {"token"}
        for choice, ended in zip(plain["choices"], done["choices"], strict=True):
            own = [data for _, _, data in pieces if data["index"] == choice["index"]]
            assert "".join(data["text"] for data in own) == choice["text"]
            assert ended == {"index": choice["index"], "finish_reason": choice["finish_reason"]}
            if "tokens" in choice:
                assert [data["token"] for data in own] == choice["tokens"]
        assert {key: done[key] for key in ("model", "usage", "seed")} == {
            key: plain[key] for key in ("model", "usage", "seed")
        }

    async def test_an_error_before_the_first_token_has_its_status(self, client: httpx.AsyncClient) -> None:
        response = await client.post("/generate", json=GENERATE | {"stream": True, "model": "none"})
        assert (response.status_code, response.headers["content-type"]) == (404, "application/problem+json")


class TestComingBack:
    """The same request with the id of the last received event resumes at the next one."""

    @pytest.mark.parametrize(("path", "body"), [("/generate", GENERATE | {"n": 3}), ("/translate", TRANSLATE)])
    async def test_after_any_event(self, client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> None:
        body = body | {"stream": True}
        body.pop("seed", None)  # the ids contain the seed
        whole = (await client.post(path, json=body)).text
        blocks = whole.strip().split("\n\n")
        for index, block in enumerate(blocks[:-1]):
            last = block.split("id: ")[1].split("\n")[0]
            rest = await client.post(path, json=body, headers={"Last-Event-ID": last})
            assert rest.text.strip().split("\n\n") == blocks[index + 1 :]

    @pytest.mark.parametrize(
        ("last", "reason"),
        [
            ("7", "not the id"),
            ("00000000-3-1", "another model"),
            ("{version}-4-1", "seeds differ"),
            ("x" * 99, "not the"),
            ("x" * 101, "at most 100"),
        ],
    )
    async def test_ids_of_other_streams(self, client: httpx.AsyncClient, last: str, reason: str) -> None:
        begun = await client.post("/generate", json=GENERATE | {"stream": True})
        version = begun.text.split("id: ")[1].split("-")[0]
        headers = {"Last-Event-ID": last.format(version=version)}
        response = await client.post("/generate", json=GENERATE | {"stream": True}, headers=headers)
        assert response.status_code == (422 if len(last) > 100 else 409)
        (error,) = response.json()["errors"]
        assert error["pointer"] == "/last-event-id"
        assert reason in error["detail"]


class TestTranslate:
    @pytest.mark.parametrize("format_", ["text", "html"])
    async def test_sentences_make_up_the_texts(self, client: httpx.AsyncClient, format_: str) -> None:
        body = TRANSLATE | {"format": format_}
        plain = (await client.post("/translate", json=body)).json()
        *sentences, (_, _, done) = await streamed(client, "/translate", body)
        assert done == plain
        assert [data["index"] for _, _, data in sentences] == [0, 0, 0, 1]
        for index, result in enumerate(plain["results"]):
            texts = [data["text"] for name, _, data in sentences if name == "sentence" and data["index"] == index]
            assert "".join(texts) == result["text"]
