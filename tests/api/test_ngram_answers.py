"""n-gram models serve the routes of language models."""

from pathlib import Path

import httpx
import numpy as np
import pytest
import torch

from app.catalog.registry import Registry, Served
from app.catalog.registry import serve as serve_model
from models import checkpoint
from models.counted.ngram import METHODS, Ngram
from models.networks.classifier import Classifier, ClassifierConfig
from models.text.tokenizers import WordTokenizer
from tests.conftest import SENTENCES, TRAINING, Live, Serve

TEXT = "the man sees the man and the man sees the boy"


def saved(folder: Path, texts: list[str], order: int, method: str) -> Served:
    """An n-gram model that was saved and loaded."""
    tokenizer = WordTokenizer.train(texts, 1000, "en")
    stream = np.array([0, *(token for text in texts for token in (*tokenizer.encode(text), 0))])
    model = Ngram.count(stream, order, tokenizer.size, 0, method)
    checkpoint.save(folder, model, {}, tokenizer, ("en",), TRAINING, {"evaluations": []}, "# a card")
    loaded = checkpoint.load(folder, "cpu")
    for name, table in model.state_dict().items():
        assert torch.equal(loaded.model.state_dict()[name], table)
    return serve_model(loaded, "float32")


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> list[Served]:
    folder = tmp_path_factory.mktemp("ngrams")
    return [
        saved(folder / "two", [TEXT], 2, METHODS[1]),
        saved(folder / "three", [TEXT], 3, METHODS[1]),
        saved(folder / "smooth", SENTENCES, 5, METHODS[0]),
        saved(folder / "one", SENTENCES, 1, METHODS[0]),
    ]


@pytest.fixture(scope="module")
def live(serve: Serve, counted: list[Served], registry: Registry) -> Live:
    return serve(Registry([*counted, *registry.models.values()], registry.device))


def ask(live: Live, path: str, **body: object) -> dict:
    response = httpx.post(f"{live.url}{path}", json=body)
    assert response.status_code == 200, response.text
    return response.json()


def shares(live: Live, model: str, text: str) -> dict[str, float]:
    reply = ask(live, "/next-word-probs", model=model, text=text, top=5)
    listed = {entry["word"]: round(entry["probability"], 6) for entry in reply["next"]}
    return {word: share for word, share in listed.items() if share > 0}


def test_tables_are_as_counted_by_hand(live: Live) -> None:
    assert shares(live, "two", "the") == {"man": 0.75, "boy": 0.25}
    assert shares(live, "two", "man") == {"sees": round(2 / 3, 6), "and": round(1 / 3, 6)}
    assert shares(live, "two", "a girl sees") == {"the": 1.0}
    assert shares(live, "three", "the man") == {"sees": round(2 / 3, 6), "and": round(1 / 3, 6)}
    assert shares(live, "three", "sees the") == {"man": 0.5, "boy": 0.5}
    assert shares(live, "three", "and the") == {"man": 1.0}


@pytest.mark.parametrize("model", ["smooth", "one"])
def test_listed_and_other_sum_to_one(live: Live, model: str) -> None:
    reply = ask(live, "/next-word-probs", model=model, text="the man sees the", top=3)
    assert sum(entry["probability"] for entry in reply["next"]) + reply["other"] == pytest.approx(1, abs=1e-5)


def test_it_generates_as_a_language_model_does(live: Live) -> None:
    body = {"model": "smooth", "prompt": "the man", "max_new_tokens": 12, "seed": 5, "logprobs": 3}
    first = ask(live, "/generate", **body)
    assert first == ask(live, "/generate", **body)
    tokens = first["choices"][0]["tokens"]
    before = "the man"
    for token in tokens[:3]:  # with the probabilities of /next-word-probs
        reply = ask(live, "/next-word-probs", model="smooth", text=before, unit="token", top=100)
        listed = {entry["word"]: entry["logprob"] for entry in reply["next"]}
        assert token["logprob"] == pytest.approx(listed[token["text"]], abs=1e-4)
        before += token["text"]


def test_a_text_goes_on_from_its_state(live: Live) -> None:
    whole = ask(live, "/next-word-probs", model="smooth", text="the man sees the dog and the", top=5)
    state: dict[str, str] = {}
    for part in ("the man", " sees the", " dog and", " the"):
        reply = ask(live, "/next-word-probs", model="smooth", text=part, top=5, return_state=True, **state)
        state = {"state": reply["state"]}
    assert reply["next"] == whole["next"]


def test_unasked_the_lstm_answers(live: Live, serve: Serve, counted: list[Served]) -> None:
    assert ask(live, "/next-word-probs", text="where is the station")["model"] == "language-en"
    alone = serve(Registry(counted[:1], torch.device("cpu")))
    assert ask(alone, "/next-word-probs", text="where is the station")["model"] == "two"


def test_a_text_without_a_token_is_looked_into_too(serve: Serve, tmp_path: Path) -> None:
    """U+001F is white space to a word tokenizer, and a character to others."""
    tokenizer = WordTokenizer.train(SENTENCES, 1000, "en")
    judge = Classifier(ClassifierConfig(tokenizer.size, ("bad", "good"), embedding=4, hidden=3))
    weights = dict(judge.named_parameters())
    checkpoint.save(tmp_path / "judge", judge, weights, tokenizer, ("en",), TRAINING, {"evaluations": []}, "# a card")
    alone = serve(Registry([serve_model(checkpoint.load(tmp_path / "judge"), "float32")], torch.device("cpu")))
    for direction in ("forward", "backward"):
        reply = ask(alone, "/inspect", text="\x1f", model="judge", direction=direction)
        assert (reply["tokens"], reply["change"], reply["units"][0]["cell"]) == ([], [], [])


def test_other_routes(live: Live, serve: Serve, counted: list[Served]) -> None:
    reply = ask(live, "/v1/completions", model="smooth", prompt="the man sees", max_tokens=4, temperature=0)
    assert reply["choices"][0]["text"]
    assert "smooth" in [model["id"] for model in httpx.get(f"{live.url}/v1/models").json()["data"]]
    assert ask(live, "/hf/smooth", inputs="the man")[0]["generated_text"]
    alone = serve(Registry(counted[:1], torch.device("cpu")))
    response = httpx.post(f"{alone.url}/inspect", json={"text": "the man"})
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (404, "/model")
    for path in ("/classify", "/inspect"):
        response = httpx.post(f"{live.url}{path}", json={"text": "the man", "model": "smooth"})
        assert (response.status_code, response.json()["errors"][0]["pointer"]) == (404, "/model")
