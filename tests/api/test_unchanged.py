"""A text that is in the target language already is its own translation, on every route that translates."""

import json
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.anyio
TURKISH = "Eski istasyon nerede acaba?\n\n  Köprünün   yanında.  "
ENGLISH = "Where is the old station?"
GERMAN = "Wo ist bitte der nächste Bahnhof in dieser Stadt?"
UNCHANGED: dict[str, Any] = {"text": TURKISH, "unchanged": True, "score": 0.0, "quality": None}


async def translate(client: httpx.AsyncClient, text: Any, target: str = "tr", **body: Any) -> Any:
    response = await client.post("/translate", json={"text": text, "target": target, **body})
    assert response.status_code == 200, response.text
    return response.json()["results"]


async def test_alone(client: httpx.AsyncClient) -> None:
    (result,) = await translate(client, TURKISH)
    assert result.pop("detected")["language"] == "tr"
    assert result == UNCHANGED
    assert await translate(client, TURKISH, source="tr") == [UNCHANGED]
    (result,) = await translate(client, TURKISH, source="tr", alternatives=2, attention=True)
    assert result["alternatives"] == result["attention"]["weights"] == []


async def test_html_stays_byte_for_byte(client: httpx.AsyncClient) -> None:
    page = f"<p class=x>{TURKISH} &nbsp; &lt; <br/></P>"
    assert (await translate(client, page, format="html"))[0]["text"] == page


@pytest.mark.parametrize("source", ["auto", "en", "tr"])
async def test_among_others_each_is_as_alone(client: httpx.AsyncClient, source: str) -> None:
    texts = [ENGLISH, TURKISH, "The man.", TURKISH] if source == "auto" else [TURKISH, ENGLISH]
    results = await translate(client, texts, source=source)
    assert results == [result for text in texts for result in await translate(client, text, source=source)]
    assert ["unchanged" in result for result in results] == [
        source == "tr" or (source == "auto" and text == TURKISH) for text in texts
    ]


async def test_a_stream_has_its_event(client: httpx.AsyncClient) -> None:
    texts = [ENGLISH, TURKISH, "The man. A dog!"]
    plain = await translate(client, texts)
    response = await client.post("/translate", json={"text": texts, "target": "tr", "stream": True})
    events = [event.split("\n") for event in response.text.replace("\r", "").split("\n\n") if event]
    data = [(event[0], json.loads(event[2].removeprefix("data: "))) for event in events]
    for index, result in enumerate(plain):
        assert (
            "".join(one["text"] for name, one in data if "sentence" in name and one["index"] == index) == result["text"]
        )
    assert data[-1][1]["results"] == plain


async def test_other_families(client: httpx.AsyncClient) -> None:
    body = {"inputs": [TURKISH, ENGLISH], "parameters": {"tgt_lang": "tr"}}
    first, second = (await client.post("/hf/translation-en-tr", json=body)).json()
    assert first == {"translation_text": TURKISH}
    assert second["translation_text"] == (await translate(client, ENGLISH))[0]["text"]
    body = {"q": [TURKISH, ENGLISH], "source": "auto", "target": "tr"}
    reply = (await client.post("/libretranslate/translate", json=body)).json()
    assert reply["translatedText"] == [TURKISH, second["translation_text"]]


@pytest.mark.parametrize(
    ("path", "field", "pointer"),
    [
        ("/translate", "text", "/text/1"), ("/libretranslate/translate", "q", "q/1"),
        ("/hf/translation-en-tr", "inputs", "inputs/1"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(("bad", "status"), [(GERMAN, 404), ("\ud800", 422), ("a" * 5000, 422)])
async def test_a_bad_item_is_named_by_its_index(
    client: httpx.AsyncClient, path: str, field: str, pointer: str, bad: str, status: int
) -> None:
    body = {field: [TURKISH, bad, ENGLISH], "source": "auto", "target": "tr"}
    if path.startswith("/hf"):
        body = {field: body[field]}
    response = await client.post(path, content=json.dumps(body), headers={"content-type": "application/json"})
    assert response.status_code == (400 if status == 422 and "libre" in path else status)
    assert pointer in response.text
    assert f"{field}/0" not in response.text
    assert f"{field}/2" not in response.text
