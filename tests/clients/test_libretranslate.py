"""The real `libretranslatepy`, and plain JSON, against a live server."""

import json
from html import escape
from typing import Any
from urllib.error import HTTPError

import httpx
import pytest
from libretranslatepy import LibreTranslateAPI

from app.catalog.registry import Registry
from tests.conftest import Live, Serve


@pytest.fixture(scope="module")
def base(live: Live) -> str:
    return f"{live.url}/libretranslate"


@pytest.fixture(scope="module")
def client(base: str) -> LibreTranslateAPI:
    return LibreTranslateAPI(base)


def native(live: Live, text: Any, source: str, target: str) -> list[str]:
    body = {"text": text, "source": source, "target": target}
    return [result["text"] for result in httpx.post(f"{live.url}/translate", json=body).json()["results"]]


class TestClient:
    def test_translate(self, client: LibreTranslateAPI, live: Live) -> None:
        assert client.translate("The man. A dog?", "en", "tr") == native(live, "The man. A dog?", "en", "tr")[0]

    def test_auto(self, client: LibreTranslateAPI, live: Live) -> None:
        text = "Where is the old station?"
        assert client.translate(text, "auto", "tr") == native(live, text, "en", "tr")[0]
        assert client.translate(text, "auto", "en") == text

    def test_detect(self, client: LibreTranslateAPI) -> None:
        (detected,) = client.detect("İstasyon nerede? Eski köprünün yanında.")
        assert detected["language"] == "tr"
        assert 50 < detected["confidence"] <= 100

    def test_detect_knows_more_languages_than_are_translated(self, client: LibreTranslateAPI) -> None:
        (detected,) = client.detect("Où se trouve la vieille gare, s'il vous plaît ?")
        assert detected["language"] == "fr"

    def test_languages(self, client: LibreTranslateAPI) -> None:
        assert client.languages() == [
            {"code": "en", "name": "English", "targets": ["en", "tr"]},
            {"code": "tr", "name": "Turkish", "targets": ["en", "tr"]},
        ]

    def test_a_key(self, serve: Serve) -> None:
        url = f"{serve(api_keys='right').url}/libretranslate"
        assert LibreTranslateAPI(url, "right").translate("The man.", "en", "tr")
        assert LibreTranslateAPI(url, "right").detect("The man.")
        for key in ("wrong", None):
            with pytest.raises(HTTPError, match="403"):
                LibreTranslateAPI(url, key).translate("The man.", "en", "tr")


class TestJson:
    def test_lists(self, base: str, live: Live) -> None:
        texts = ["The man.", "Köpek de adamı görüyor.", "A dog!"]
        reply = httpx.post(f"{base}/translate", json={"q": texts, "source": "auto", "target": "tr"}).json()
        first, last = native(live, ["The man.", "A dog!"], "en", "tr")
        assert reply["translatedText"] == [first, texts[1], last]
        assert [one["language"] for one in reply["detectedLanguage"]] == ["en", "tr", "en"]
        assert "alternatives" not in reply

    def test_alternatives(self, base: str) -> None:
        body = {"q": "The man.", "source": "en", "target": "tr", "alternatives": 2, "format": "text", "unknown": None}
        reply = httpx.post(f"{base}/translate", json=body).json()
        assert len(reply["alternatives"]) == 2
        assert reply["translatedText"] not in reply["alternatives"]
        assert "detectedLanguage" not in reply

    def test_html(self, base: str, live: Live) -> None:
        page = "<p>The man &amp; a dog.</p>\n<pre>x &lt; y</pre><ul><li translate='no'>Ada<li>A dog!</ul>"
        first, last = native(live, ["The man & a dog.", "A dog!"], "en", "tr")
        expected = page.replace("The man &amp; a dog.", escape(first, quote=False))
        expected = expected.replace("A dog!", escape(last, quote=False))
        body = {"q": page, "source": "en", "target": "tr", "format": "html"}
        for reply in (httpx.post(f"{base}/translate", json=body), httpx.post(f"{base}/translate", data=body)):
            assert reply.json() == {"translatedText": expected}

    def test_a_list_with_and_without_tags(self, base: str, live: Live) -> None:
        texts = [
            "The man.\nA dog!",
            "<p>Köpek de adamı görüyor.",
            '<a href="https://example.com/dog">A dog!</a>',
        ]
        body = {"q": texts, "source": "auto", "target": "tr", "format": "html"}
        reply = httpx.post(f"{base}/translate", json=body).json()
        first, last = native(live, [texts[0], "A dog!"], "en", "tr")
        assert [one["language"] for one in reply["detectedLanguage"]] == ["en", "tr", "en"]
        assert reply["translatedText"] == [first, texts[1], texts[2].replace("A dog!", escape(last, quote=False))]

    def test_forms(self, base: str) -> None:
        body = {"q": "The man.", "source": "en", "target": "tr"}
        replies = [
            httpx.post(f"{base}/translate", json=body),
            httpx.post(f"{base}/translate", data=body),
            httpx.post(f"{base}/translate", files={name: (None, value) for name, value in body.items()}),
        ]
        assert len({reply.text for reply in replies}) == 1
        assert replies[0].status_code == 200

    @pytest.mark.parametrize(
        ("change", "name"),
        [
            ({"q": None}, "q"), ({"q": ""}, "q"), ({"q": []}, "q"), ({"q": ["  "]}, "q"), ({"q": "a" * 5001}, "q"),
            ({"q": ["a"] * 65}, "q"), ({"target": "fr"}, "target"),
            ({"source": "fr"}, "source"), ({"format": "markdown"}, "format"),
            ({"target": None}, "target"), ({"alternatives": 99}, "alternatives"), ({"q": "\ud800"}, "q"),
        ],
    )  # fmt: skip
    def test_what_is_wrong_is_named(self, base: str, change: dict[str, Any], name: str) -> None:
        body = {"q": "The man.", "source": "en", "target": "tr"} | change
        response = httpx.post(f"{base}/translate", content=json.dumps(body))
        assert response.status_code == (404 if "fr" in change.values() else 400)
        assert set(response.json()) == {"error"}
        assert response.json()["error"].startswith(name)

    def test_a_form_with_a_file(self, base: str) -> None:
        response = httpx.post(f"{base}/translate", files={"q": ("name.txt", b"The man.")})
        assert response.status_code == 400
        assert "no file" in response.json()["error"]

    @pytest.mark.parametrize("content", [b"", b"{", b"[" * 100_000, b"\xff", b"[]", b"7"])
    def test_no_such_body(self, base: str, content: bytes) -> None:
        for headers in ({}, {"content-type": "application/json"}):
            response = httpx.post(f"{base}/translate", content=content, headers=headers)
            assert (response.status_code, set(response.json())) == (400, {"error"})


def test_without_a_translator(serve: Serve, registry: Registry) -> None:
    others = [served for served in registry.models.values() if served.kind != "translator"]
    base = f"{serve(Registry(others, registry.device)).url}/libretranslate"
    assert httpx.get(f"{base}/languages").json() == []
    for path in ("translate", "detect"):
        body = {"q": "The man.", "source": "auto", "target": "tr"}
        assert httpx.post(f"{base}/{path}", json=body).status_code == 404
