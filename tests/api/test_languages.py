"""Each text of a list is answered by the model for its own language, as it is alone."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import torch

from app.catalog.registry import Registry, serve
from app.main import create_app
from app.settings import Settings
from models import checkpoint
from models.networks.translator import Translator, TranslatorConfig
from models.text.tokenizers import SubwordTokenizer
from tests.api.test_streams import parse, streamed
from tests.conftest import save_tiny

pytestmark = pytest.mark.anyio
ENGLISH, TURKISH = "Where is the old station? It is near.", "Eski istasyon nerede acaba? Köprünün yanında."
GERMAN = "Wo ist der alte Bahnhof, bitte?"
JAPANESE = "これは本です"
MIXED = [TURKISH, ENGLISH, "a good film, we liked it", TURKISH]
OF_ENGLISH, OF_TURKISH = "sentiment-en", "sentiment-tr"


@pytest.fixture
async def client(registry: Registry, tmp_path: Path, tokenizer: SubwordTokenizer) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service with a translator for each direction, beside the tiny models."""
    one_way = []
    for source, target in (("en", "tr"), ("tr", "en"), ("de", "tr")):
        config = TranslatorConfig(tokenizer.size, (source, target), ((source, target),), embedding=8, hidden=8)
        path = tmp_path / f"{source}-{target}"
        save_tiny(path, Translator(config), tokenizer, source, target)
        one_way.append(serve(checkpoint.load(path), "float32"))
    app = create_app(Settings(), Registry([*one_way, *registry.models.values()], torch.device("cpu")))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield client


async def ask(client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> Any:
    response = await client.post(path, json=body)
    assert response.status_code == 200, response.text
    return response.json()


def close(value: Any) -> Any:
    """A JSON value in which numbers match up to rounding: texts of a batch are padded."""
    if isinstance(value, dict):
        return {name: close(item) for name, item in value.items()}
    if isinstance(value, list):
        return [close(item) for item in value]
    return pytest.approx(value, abs=1e-4) if isinstance(value, float) else value


class TestMixedLists:
    @pytest.mark.parametrize(
        ("path", "more", "texts"),
        [
            ("/classify", {}, MIXED),
            ("/classify", {"explain": True}, MIXED),
            ("/translate", {"beam_size": 2}, [*MIXED, GERMAN]),
            ("/translate", {"target": "tr", "alternatives": 1}, [GERMAN, ENGLISH, GERMAN]),
            ("/translate", {"model": "translation-en-tr"}, MIXED),
            ("/translate", {"format": "html"}, [f"<p>{ENGLISH}</p>", f"<p>{TURKISH}</p>", f"<b>{GERMAN}</b>"]),
        ],
    )
    async def test_results_are_those_of_each_text_alone(
        self, client: httpx.AsyncClient, path: str, more: dict[str, Any], texts: list[str]
    ) -> None:
        mixed = await ask(client, path, {"text": texts, **more})
        alone = [await ask(client, path, {"text": text, **more}) for text in texts]
        assert mixed["model"] == alone[0]["model"]
        several = {name for name in ("model", "target") if len({reply.get(name) for reply in alone}) > 1}
        for result, reply in zip(mixed["results"], alone, strict=True):
            assert {name: result[name] for name in several} == {name: reply[name] for name in several}
            assert {name: value for name, value in result.items() if name not in several} == close(reply["results"][0])

    async def test_a_model_of_its_own_only_where_there_are_several(self, client: httpx.AsyncClient) -> None:
        same = await ask(client, "/classify", {"text": [TURKISH, TURKISH]})
        assert same["model"] == OF_TURKISH
        assert all("model" not in result for result in same["results"])
        mixed = await ask(client, "/classify", {"text": MIXED})
        assert [result["model"] for result in mixed["results"]] == [OF_TURKISH, OF_ENGLISH, OF_ENGLISH, OF_TURKISH]

    async def test_a_stream_is_in_the_order_of_the_texts(self, client: httpx.AsyncClient) -> None:
        body = {"text": [*MIXED, GERMAN], "beam_size": 2}
        plain = await ask(client, "/translate", body)
        *sentences, (_, _, done) = await streamed(client, "/translate", body)
        assert done == close(plain)
        indices = [data["index"] for _, _, data in sentences]
        assert indices == sorted(indices)
        for index, result in enumerate(plain["results"]):
            assert "".join(data["text"] for _, _, data in sentences if data["index"] == index) == result["text"]

    async def test_a_stream_resumes_after_any_event(self, client: httpx.AsyncClient) -> None:
        body = {"text": [TURKISH, ENGLISH, TURKISH], "beam_size": 1, "stream": True}
        whole = (await client.post("/translate", json=body)).text
        blocks = whole.strip().split("\n\n")
        for index, block in enumerate(blocks[:-1]):
            last = block.split("id: ")[1].split("\n")[0]
            rest = await client.post("/translate", json=body, headers={"Last-Event-ID": last})
            assert [data for _, _, data in parse(rest.text)] == close(
                [data for _, _, data in parse(whole)][index + 1 :]
            )

    async def test_libretranslate(self, client: httpx.AsyncClient) -> None:
        texts = [GERMAN, ENGLISH, TURKISH, GERMAN]
        body = {"source": "auto", "target": "tr", "alternatives": 1}
        mixed = await ask(client, "/libretranslate/translate", {"q": texts, **body})
        alone = [await ask(client, "/libretranslate/translate", {"q": text, **body}) for text in texts]
        for name, values in mixed.items():
            assert values == close([reply[name] for reply in alone])

    async def test_huggingface(self, client: httpx.AsyncClient) -> None:
        for model in ("translation-en-tr", OF_ENGLISH):
            mixed = await ask(client, f"/hf/{model}", {"inputs": MIXED})
            assert mixed == close([(await ask(client, f"/hf/{model}", {"inputs": text}))[0] for text in MIXED])


class TestForeignTexts:
    @pytest.mark.parametrize(
        ("path", "field", "more"),
        [
            ("/classify", "text", {}),
            ("/translate", "text", {}),
            ("/translate", "text", {"stream": True}),
            ("/translate", "text", {"target": "tr"}),
            ("/hf/translation-en-tr", "inputs", {}),
            ("/libretranslate/translate", "q", {"source": "auto", "target": "tr"}),
        ],
    )
    async def test_the_text_and_its_language_are_named(
        self, client: httpx.AsyncClient, path: str, field: str, more: dict[str, Any]
    ) -> None:
        for texts, pointer in ((JAPANESE, field), ([JAPANESE], f"{field}/0"), ([ENGLISH, JAPANESE], f"{field}/1")):
            response = await client.post(path, json={field: texts, **more})
            assert response.status_code == 404
            detail = "the text seems to be in 'ja'; there are models for "
            if path in ("/classify", "/translate"):
                (error,) = response.json()["errors"]
                assert error["pointer"] == f"/{pointer}"
                assert error["detail"].startswith(detail)
            else:
                assert response.json()["error"].startswith(f"{pointer}: {detail}")

    async def test_also_where_only_one_model_is_served(self, registry: Registry) -> None:
        single = Registry([registry.get(OF_ENGLISH)], registry.device)
        assert single.for_text("classifier", None, ENGLISH).name == OF_ENGLISH
        app = create_app(Settings(), single)
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                assert (await client.post("/classify", json={"text": JAPANESE})).status_code == 404
                assert (await client.post("/classify", json={"text": ENGLISH})).status_code == 200
                assert (await client.post("/classify", json={"text": JAPANESE, "language": "en"})).status_code == 200


class TestHint:
    @pytest.mark.parametrize(
        ("path", "field", "task"),
        [
            ("/classify", "text", "sentiment"),
            ("/generate", "prompt", "language"),
            ("/next-word-probs", "text", "language"),
        ],
    )
    async def test_it_chooses_the_model(self, client: httpx.AsyncClient, path: str, field: str, task: str) -> None:
        for text in (ENGLISH, TURKISH, JAPANESE):
            for language in ("en", "tr"):
                reply = await ask(client, path, {field: text, "language": language})
                assert reply["model"] == f"{task}-{language}"
        for more in ({}, {"model": f"{task}-en"}):
            refused = await client.post(path, json={field: ENGLISH, "language": "fr", **more})
            assert refused.status_code == 404
            (error,) = refused.json()["errors"]
            assert error["pointer"] == "/language"
            assert error["detail"].endswith("the languages are: en" if more else "the languages are: en, tr")

    async def test_it_must_be_that_of_a_state(self, client: httpx.AsyncClient) -> None:
        begun = await ask(client, "/generate", {"prompt": "film", "language": "tr", "return_state": True})
        body = {"state": begun["state"], "max_new_tokens": 3}
        assert (await ask(client, "/generate", {**body, "language": "tr"}))["model"] == "language-tr"
        refused = await client.post("/generate", json={**body, "language": "en"})
        assert (refused.status_code, json.loads(refused.text)["errors"][0]["pointer"]) == (409, "/language")
