"""All kinds of models share the routes, and the routes agree on which models serve which task."""

from base64 import b64decode
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import torch

from app.catalog.registry import Registry, Served
from app.catalog.registry import serve as serve_model
from models import checkpoint
from models.counted.ngram import METHODS, Ngram
from models.kinds import KINDS
from models.text.tokenizers import SubwordTokenizer
from tests.conftest import SENTENCES, Live, Serve, save_tiny
from tests.tiny_images import tiny_pixel_rnn
from trainer.tasks.bag_of_words import fit
from trainer.tasks.configs import BaggingConfig

NAMES = {
    "language": "language-en", "classifier": "sentiment-en", "translator": "translation-en-tr",
    "summarizer": "titles-en", "ngram": "pairs", "bag": "words", "image": "digits",
}  # fmt: skip
TEXT = "the man sees the dog"
NATIVE: dict[str, tuple[str, dict[str, Any]]] = {
    "language": ("/generate", {"prompt": TEXT, "max_new_tokens": 20, "temperature": 0}),
    "classifier": ("/classify", {"text": TEXT}),
    "translator": ("/translate", {"text": TEXT, "source": "en", "target": "tr"}),
    "summarizer": ("/summarize", {"text": TEXT}),
    "image": ("/draw", {"prompt": "seven", "seed": 5}),
}
"""For each task, its route and a request."""
TO_HUGGING_FACE: dict[str, dict[str, Any]] = {"image": {"inputs": "seven", "parameters": {"seed": 5}}}
"""Of tasks that read no running text, the same request to Hugging Face's route."""


def further(folder: Path, tokenizer: SubwordTokenizer) -> list[Served]:
    ids = [tokenizer.encode(text) for text in SENTENCES[:4]]
    stream = np.array([0, *(token for text in ids for token in (*text, 0))])
    save_tiny(folder / "pairs", Ngram.count(stream, 2, tokenizer.size, 0, METHODS[0]), tokenizer, "en")
    bag = fit(ids, ["good", "good", "bad", "bad"], tokenizer.size, BaggingConfig(1, 1))
    save_tiny(folder / "words", bag, tokenizer, "en")
    save_tiny(folder / "digits", tiny_pixel_rnn(tokenizer.size), tokenizer, "en")
    return [serve_model(checkpoint.load(folder / name), "float32") for name in ("pairs", "words", "digits")]


@pytest.fixture(scope="module")
def live(
    tmp_path_factory: pytest.TempPathFactory, serve: Serve, registry: Registry, tokenizer: SubwordTokenizer
) -> Live:
    """A service with a model of every kind."""
    models = [*registry.models.values(), *further(tmp_path_factory.mktemp("counted"), tokenizer)]
    return serve(Registry(models, torch.device("cpu")))


def post(live: Live, path: str, body: dict[str, Any]) -> httpx.Response:
    return httpx.post(live.url + path, json=body)


def test_a_model_of_every_kind_is_served(live: Live) -> None:
    models = httpx.get(f"{live.url}/models").json()["models"]
    assert {model["name"]: model["kind"] for model in models if model["name"] in NAMES.values()} == {
        name: kind for kind, name in NAMES.items()
    }
    assert set(NAMES) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
class TestEveryKind:
    def test_the_route_of_its_task_answers_and_the_others_refuse(self, live: Live, kind: str) -> None:
        for task, (path, body) in NATIVE.items():
            response = post(live, path, body | {"model": NAMES[kind]})
            assert response.status_code == (200 if task == KINDS[kind].task else 404), path
            if response.status_code == 404:
                assert response.json()["errors"][0]["pointer"] == "/model"

    def test_hugging_face_answers_what_the_native_route_does(self, live: Live, kind: str) -> None:
        name, task = NAMES[kind], KINDS[kind].task
        path, body = NATIVE[task]
        native = post(live, path, body | {"model": name}).json()
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
        if task == "classifier":
            (result,) = post(live, "/classify", {"text": TEXT, "model": name}).json()["results"]
            assert set(model["labels"]) == set(result["scores"])

    def test_tokenizers_of_all_kinds_answer(self, live: Live, kind: str) -> None:
        assert post(live, "/tokenize", {"text": TEXT, "model": NAMES[kind]}).json()["count"]
        assert post(live, "/vectorize", {"text": TEXT, "model": NAMES[kind]}).status_code == 200
