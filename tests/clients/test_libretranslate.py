"""The real `libretranslatepy` and `deep-translator`, and what other callers send, against a live server."""

import json
from html import escape
from typing import Any, ClassVar
from urllib.error import HTTPError

import httpx
import pytest
from deep_translator import LibreTranslator
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
            ({"q": None}, "q"), ({"q": ""}, "q"), ({"q": []}, "q"), ({"q": "  "}, "q"), ({"q": "a" * 5001}, "q"),
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

    def test_an_empty_field_is_left_out(self, base: str) -> None:
        """A form, or a query, has no null."""
        body = {"q": "The man.", "source": "en", "target": "tr"}
        empty = {"format": "", "alternatives": "", "api_key": "", "secret": ""}
        expected = httpx.post(f"{base}/translate", json=body).json()
        assert httpx.post(f"{base}/translate", data=body | empty).json() == expected
        assert httpx.post(f"{base}/translate", params=body | empty).json() == expected
        assert httpx.post(f"{base}/translate", data=body | {"target": ""}).status_code in (400, 404)

    def test_a_number_may_be_a_text(self, base: str) -> None:
        body: dict[str, Any] = {"q": "The man.", "source": "en", "target": "tr"}
        replies = [httpx.post(f"{base}/translate", json=body | {"alternatives": count}).json() for count in (2, "2")]
        assert replies[0] == replies[1]
        assert len(replies[0]["alternatives"]) == 2
        assert httpx.post(f"{base}/translate", json=body | {"alternatives": "two"}).status_code == 400

    def test_a_form_with_a_file(self, base: str) -> None:
        response = httpx.post(f"{base}/translate", files={"q": ("name.txt", b"The man.")})
        assert response.status_code == 400
        assert "no file" in response.json()["error"]

    @pytest.mark.parametrize("content", [b"", b"{", b"[" * 100_000, b"\xff", b"[]", b"7"])
    def test_no_such_body(self, base: str, content: bytes) -> None:
        for headers in ({}, {"content-type": "application/json"}):
            response = httpx.post(f"{base}/translate", content=content, headers=headers)
            assert (response.status_code, set(response.json())) == (400, {"error"})


class TestQuery:
    """Callers that send an empty body, as deep-translator and jefs42/libretranslate do."""

    BODY: ClassVar[dict[str, str]] = {"q": "The man & a dog?", "source": "en", "target": "tr"}

    def test_as_in_a_form(self, base: str) -> None:
        expected = httpx.post(f"{base}/translate", data=self.BODY)
        assert expected.status_code == 200
        bodies: list[dict[str, Any]] = [{}, {"content": b""}, {"data": {"format": "text"}}]
        for more in bodies:
            assert httpx.post(f"{base}/translate", params=self.BODY, **more).text == expected.text
        detected = httpx.post(f"{base}/detect", params={"q": "Eski istasyon nerede?"}).json()
        assert detected[0]["language"] == "tr"

    def test_an_empty_multipart_form(self, base: str) -> None:
        headers = {"content-type": "multipart/form-data; boundary=x"}
        for content in (b"", b"--x--\r\n"):
            answer = httpx.post(f"{base}/detect?q=Eski+istasyon+nerede", content=content, headers=headers)
            assert answer.json()[0]["language"] == "tr"

    def test_a_list(self, base: str) -> None:
        body: dict[str, Any] = {"q": ["The man.", "A dog!"], "source": "en", "target": "tr"}
        assert httpx.post(f"{base}/translate", params=body).text == httpx.post(f"{base}/translate", json=body).text

    def test_a_form_comes_before_it_and_json_stands_alone(self, base: str) -> None:
        query = {"q": "The man.", "target": "en"}
        assert httpx.post(f"{base}/translate", params=query, data=self.BODY).status_code == 200
        reply = httpx.post(f"{base}/translate", params={"target": "tr"}, json={"q": "The man.", "source": "en"})
        assert (reply.status_code, reply.json()["error"][:6]) == (400, "target")

    @pytest.mark.parametrize("path", ["translate", "detect"])
    def test_deep_translator_and_a_key(self, serve: Serve, path: str) -> None:
        url = f"{serve(api_keys='right').url}/libretranslate/{path}"
        assert httpx.post(url, params=self.BODY | {"api_key": "right"}).status_code == 200
        assert httpx.post(url, params=self.BODY).status_code == 403


class TestCharsets:
    """A form in another charset is refused, not misread."""

    FIELDS = "q=caf\u00e9&source=en&target=tr"

    @pytest.mark.parametrize(
        ("content", "kind"),
        [
            (b"q=caf%E9&source=en&target=tr", "application/x-www-form-urlencoded"),
            (FIELDS.encode("latin-1"), "application/x-www-form-urlencoded"),
            (FIELDS.encode("cp1254"), "application/x-www-form-urlencoded; charset=windows-1254"),
            (b"q=cafe&source=en&target=tr", "application/x-www-form-urlencoded; charset=UTF-16"),
            (FIELDS.encode("utf-16"), "application/x-www-form-urlencoded"),
            (b"q=cafe&source=en&target=tr", "application/x-www-form-urlencoded; Charset = 'WINDOWS-1254'"),
            (b"q=cafe&source=en&target=tr", "application/x-www-form-urlencoded; charset=klingon"),
            (b"q=cafe&source=en&target=tr", "application/x-www-form-urlencoded; charset=utf-8; charset=cp1254"),
            (
                b'--x\r\nContent-Disposition: form-data; name="q"\r\n\r\ncafe\r\n--x--\r\n',
                "multipart/form-data; charset=iso-8859-9; boundary=x",
            ),
            (
                '--x\r\nContent-Disposition: form-data; name="q"\r\n\r\ncaf\u00e9\r\n--x--\r\n'.encode("latin-1"),
                "multipart/form-data; boundary=x",
            ),
        ],
    )
    def test_refused(self, base: str, content: bytes, kind: str) -> None:
        answer = httpx.post(f"{base}/translate", content=content, headers={"content-type": kind})
        assert answer.status_code == 400
        assert "UTF-8" in answer.json()["error"]

    def test_in_the_query(self, base: str) -> None:
        answer = httpx.post(f"{base}/translate?q=caf%E9&source=en&target=tr")
        assert (answer.status_code, "UTF-8" in answer.json()["error"]) == (400, True)

    @pytest.mark.parametrize(
        "charset",
        ["", "; charset=UTF-8", '; charset="utf-8"', "; charset='utf-8'", ";charset=Utf_8", "; charset = utf8",
         "; charset=", "; charset=US-ASCII", "; charset=ascii"],
    )  # fmt: skip
    def test_utf_8(self, base: str, charset: str) -> None:
        headers = {"content-type": f"application/x-www-form-urlencoded{charset}"}
        body = {"q": "caf\u00e9", "source": "en", "target": "tr"}
        expected = httpx.post(f"{base}/translate", json=body).json()
        for content in (self.FIELDS.encode(), b"q=caf%C3%A9&source=en&target=tr"):
            assert httpx.post(f"{base}/translate", content=content, headers=headers).json() == expected
        headers = {"content-type": f"multipart/form-data; boundary=x{charset}"}
        parts = [f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{body[name]}\r\n' for name in body]
        content = ("".join(parts) + "--x--\r\n").encode()
        assert httpx.post(f"{base}/translate", content=content, headers=headers).json() == expected


class TestLists:
    def test_an_empty_item_comes_back_empty(self, base: str, live: Live) -> None:
        for source in ("en", "auto"):
            for style in ("text", "html"):
                body: dict[str, Any] = {
                    "q": ["The man.", "", " \n", "<b></b>"],
                    "source": source,
                    "target": "tr",
                    "format": style,
                }
                texts = httpx.post(f"{base}/translate", json=body).json()["translatedText"]
                assert texts[0] == native(live, "The man.", "en", "tr")[0]
                assert texts[1:3] == ["", " \n"]
        assert httpx.post(f"{base}/translate", json=body | {"q": [""]}).json()["translatedText"] == [""]

    def test_a_text_in_another_language_is_named(self, base: str) -> None:
        german = "Wo ist bitte der n\u00e4chste Bahnhof in dieser Stadt?"
        for texts, name in (([german], "q/0"), (["The man.", german], "q/1"), (german, "q")):
            answer = httpx.post(f"{base}/translate", json={"q": texts, "source": "auto", "target": "tr"})
            assert answer.status_code == 404
            assert answer.json()["error"].startswith(f"{name}: ")


class TestCallers:
    """What other callers send, and what they read of the replies."""

    def test_deep_translator(self, base: str, live: Live) -> None:
        translator = LibreTranslator(api_key="any", source="en", target="tr", custom_url=f"{base}/")
        first, last = native(live, ["The man.", "A dog!"], "en", "tr")
        assert translator.translate("The man.") == first
        assert translator.translate_batch(["The man.", "A dog!"]) == [first, last]

    def test_mastodon(self, base: str) -> None:
        """A list of HTML, a source that may be auto; its languages are read by index."""
        languages = {one["code"]: set(one["targets"]) for one in httpx.get(f"{base}/languages").json()}
        assert languages == {"en": {"en", "tr"}, "tr": {"en", "tr"}}
        body = {"q": ["<p>The man.</p>", ""], "source": "auto", "target": "tr", "format": "html", "api_key": None}
        reply = httpx.post(f"{base}/translate", json=body).json()
        assert len(reply["translatedText"]) == 2
        assert reply["translatedText"][0].startswith("<p>")
        assert reply["detectedLanguage"][0]["language"] == "en"

    def test_discourse_and_weblate(self, base: str) -> None:
        """Forms with an empty key."""
        detected = httpx.post(f"{base}/detect", data={"q": "The man sees the dog.", "api_key": ""}).json()
        body = {"q": "<p>The man.", "source": detected[0]["language"], "target": "tr", "format": "html", "api_key": ""}
        assert httpx.post(f"{base}/translate", data=body).json()["translatedText"].startswith("<p>")

    def test_jefs42(self, base: str) -> None:
        """Settings and languages first, each with an empty form; then a multipart form."""
        empty: dict[str, Any] = {
            "headers": {"content-type": "multipart/form-data; boundary=x"},
            "content": b"--x--\r\n",
        }
        settings = httpx.request("GET", f"{base}/frontend/settings", **empty).json()
        assert (settings["keyRequired"], settings["charLimit"]) == (False, 5000)
        assert httpx.request("GET", f"{base}/languages", **empty).json()[0]["name"] == "English"
        fields = {"q": "The man.", "format": "html", "source": "en", "target": "tr", "api_key": ""}
        reply = httpx.post(f"{base}/translate", files={name: (None, value) for name, value in fields.items()}).json()
        assert reply["translatedText"]

    def test_settings_and_health(self, base: str, serve: Serve) -> None:
        assert httpx.get(f"{base}/health").json() == {"status": "ok"}
        settings = httpx.get(f"{base}/frontend/settings").json()
        assert settings["language"]["source"]["code"] == "auto"
        assert settings["filesTranslation"] is settings["suggestions"] is False
        closed = serve(api_keys="right", max_source_characters=77).url
        settings = httpx.get(f"{closed}/libretranslate/frontend/settings").json()
        assert (settings["keyRequired"], settings["charLimit"]) == (True, 77)


def test_without_a_translator(serve: Serve, registry: Registry) -> None:
    others = [served for served in registry.models.values() if served.kind != "translator"]
    base = f"{serve(Registry(others, registry.device)).url}/libretranslate"
    assert httpx.get(f"{base}/languages").json() == []
    for path in ("translate", "detect"):
        body = {"q": "The man.", "source": "auto", "target": "tr"}
        assert httpx.post(f"{base}/{path}", json=body).status_code == 404
