"""All kinds of models share the routes, and the routes agree on which models serve which task."""

from base64 import b64decode
from typing import Any

import httpx
import pytest

from app.catalog.registry import Registry
from app.http.schemas.describe import EXAMPLE
from models.kinds import KINDS
from tests.conftest import Live, Serve
from tests.sounds import file_of, tone
from tests.tiny_kinds import FURTHER

NAMES = {
    "language": "language-en", "classifier": "sentiment-en", "translator": "translation-en-tr",
    "summarizer": "titles-en", **FURTHER,
}  # fmt: skip
TEXT = "the man sees the dog"
NATIVE: dict[str, tuple[str, dict[str, Any]]] = {
    "language": ("/generate", {"prompt": TEXT, "max_new_tokens": 20, "temperature": 0}),
    "classifier": ("/classify", {"text": TEXT}),
    "translator": ("/translate", {"text": TEXT, "source": "en", "target": "tr"}),
    "summarizer": ("/summarize", {"text": TEXT}),
    "image": ("/draw", {"prompt": "seven", "seed": 5}),
    "speaker": ("/speak", {"text": "three seven", "seed": 5}),
}
"""For each task whose route reads JSON, the route and a request."""
TO_HUGGING_FACE: dict[str, dict[str, Any]] = {
    "image": {"inputs": "seven", "parameters": {"seed": 5}},
    "speaker": {"inputs": "three seven", "parameters": {"seed": 5}},
}
"""Of tasks that read no running text, the same request to Hugging Face's route."""
FILES = {
    "captioner": ("/describe", "image/png", b64decode(EXAMPLE)),
    "recognizer": ("/transcribe", "audio/wav", file_of(tone(1.0))),
}
"""For each task that reads a file, the route, a type of file and one."""


@pytest.fixture(scope="module")
def live(serve: Serve, all_kinds: Registry) -> Live:
    return serve(all_kinds)


def post(live: Live, path: str, body: dict[str, Any]) -> httpx.Response:
    return httpx.post(live.url + path, json=body)


def post_file(live: Live, path: str, task: str, **query: str) -> httpx.Response:
    _, media_type, content = FILES[task]
    return httpx.post(live.url + path, params=query, content=content, headers={"content-type": media_type})


def ask(live: Live, task: str, name: str) -> httpx.Response:
    """The reply of the task's route, by the model of that name."""
    if task in FILES:
        return post_file(live, FILES[task][0], task, model=name)
    path, body = NATIVE[task]
    return post(live, path, body | {"model": name})


def test_a_model_of_every_kind_is_served(live: Live) -> None:
    models = httpx.get(f"{live.url}/models").json()["models"]
    assert {model["name"]: model["kind"] for model in models if model["name"] in NAMES.values()} == {
        name: kind for kind, name in NAMES.items()
    }
    assert set(NAMES) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
class TestEveryKind:
    def test_the_route_of_its_task_answers_and_the_others_refuse(self, live: Live, kind: str) -> None:
        for task in (*NATIVE, *FILES):
            response = ask(live, task, NAMES[kind])
            assert response.status_code == (200 if task == KINDS[kind].task else 404), task
            if response.status_code == 404:
                assert response.json()["errors"][0]["pointer"] == "/model"

    def test_hugging_face_answers_what_the_native_route_does(self, live: Live, kind: str) -> None:
        name, task = NAMES[kind], KINDS[kind].task
        reply = ask(live, task, name)
        if task == "speaker":
            response = post(live, f"/hf/{name}", TO_HUGGING_FACE[task])
            assert (response.headers["content-type"], response.content) == ("audio/wav", reply.content)
            return
        native = reply.json()
        if task in FILES:
            answer = post_file(live, f"/hf/{name}", task).json()
            assert (answer if task == "recognizer" else {"text": answer[0]["generated_text"]})["text"] == native["text"]
            return
        response = post(live, f"/hf/{name}", TO_HUGGING_FACE.get(task, {"inputs": TEXT}))
        assert response.status_code == 200, response.text
        if task == "image":
            assert response.headers["content-type"] == "image/png"
            assert response.content == b64decode(native["images"][0]["png"])
            return
        (answer,) = response.json()
        if task == "language":
            assert answer["generated_text"] == native["choices"][0]["text"]
        elif task == "classifier":
            assert {entry["label"]: entry["score"] for entry in answer} == pytest.approx(native["results"][0]["scores"])
        elif task == "summarizer":
            assert answer["summary_text"] == native["results"][0]["summary"]
        else:
            assert answer["translation_text"] == native["results"][0]["text"]

    def test_openai_answers_for_language_models_alone(self, live: Live, kind: str) -> None:
        name, is_language = NAMES[kind], KINDS[kind].task == "language"
        status = 200 if is_language else 404
        assert post(live, "/v1/completions", {"model": name, "prompt": TEXT}).status_code == status
        assert httpx.get(f"{live.url}/v1/models/{name}").status_code == status
        listed = [model["id"] for model in httpx.get(f"{live.url}/v1/models").json()["data"]]
        assert (name in listed) == is_language

    def test_models_lists_what_its_task_has(self, live: Live, kind: str) -> None:
        name, task = NAMES[kind], KINDS[kind].task
        model = httpx.get(f"{live.url}/models/{name}").json()
        assert ("labels" in model) == (task == "classifier")
        assert ("directions" in model) == (task == "translator")
        assert ("classes" in model) == (task == "image")
        assert ("voices" in model) == (task == "speaker")
        if task == "classifier":
            (result,) = post(live, "/classify", {"text": TEXT, "model": name}).json()["results"]
            assert set(model["labels"]) == set(result["scores"])

    def test_tokenizers_of_all_kinds_answer(self, live: Live, kind: str) -> None:
        assert post(live, "/tokenize", {"text": TEXT, "model": NAMES[kind]}).json()["count"]
        assert post(live, "/vectorize", {"text": TEXT, "model": NAMES[kind]}).status_code == 200

    def test_the_open_inference_protocol_answers_or_names_the_route(self, live: Live, kind: str) -> None:
        name, task = NAMES[kind], KINDS[kind].task
        tensor = {"name": "text", "datatype": "BYTES", "shape": [1], "data": [TEXT]}
        reply = post(live, f"/v2/models/{name}/infer", {"inputs": [tensor]})
        if task in ("language", "classifier", "translator", "summarizer"):
            assert reply.status_code == 200, reply.text
            return
        route = FILES[task][0] if task in FILES else NATIVE[task][0]
        assert reply.status_code == 404
        assert f"use POST {route}" in reply.json()["error"]
