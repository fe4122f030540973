"""Models with bags of words and with other cells have the same schemas and errors as LSTMs."""

import statistics
from pathlib import Path

import httpx
import pytest
import torch

from app.catalog.registry import Registry, Served
from app.catalog.registry import serve as serve_model
from models import checkpoint
from models.model import Model
from models.networks.classifier import Classifier
from models.networks.language_model import LanguageModel
from models.networks.translator import Translator
from models.text.tokenizers import SubwordTokenizer
from tests.conftest import SENTENCES, Live, Serve, save_tiny
from trainer.tasks.bag_of_words import fit
from trainer.tasks.configs import BaggingConfig

GOOD, BAD = "I'm good and you're bad", "I'm bad and you're good"
CELLS = ["gru", "rnn"]


def saved(folder: Path, model: Model, tokenizer: SubwordTokenizer, *languages: str) -> Served:
    save_tiny(folder, model, tokenizer, *languages)
    return serve_model(checkpoint.load(folder), "int8")


@pytest.fixture
def recurrent(
    tmp_path: Path,
    serve: Serve,
    tokenizer: SubwordTokenizer,
    language_model: LanguageModel,
    classifier: Classifier,
    translator: Translator,
) -> Live:
    """A service of three models with other cells."""
    models = [
        saved(tmp_path / "language", language_model, tokenizer, "en"),
        saved(tmp_path / "classifier", classifier, tokenizer, "en"),
        saved(tmp_path / "translator", translator, tokenizer, "en", "tr"),
    ]
    return serve(Registry(models, torch.device("cpu")))


@pytest.fixture
def bags(tmp_path: Path, serve: Serve, registry: Registry, tokenizer: SubwordTokenizer) -> Live:
    """Bags of unigrams and of bigrams, together with the usual models."""
    texts, labels = [GOOD, BAD, *SENTENCES[1:3]], ["good", "bad", "good", "bad"]
    ids = [tokenizer.encode(text) for text in texts]
    made = [
        saved(tmp_path / name, fit(ids, labels, tokenizer.size, BaggingConfig(order, 1)), tokenizer, "en")
        for name, order in (("words", 1), ("groups", 3))
    ]
    return serve(Registry([*made, *registry.models.values()], registry.device))


def ask(live: Live, path: str, **body: object) -> dict:
    response = httpx.post(f"{live.url}{path}", json=body)
    assert response.status_code == 200, response.text
    return response.json()


@pytest.mark.parametrize("cell", CELLS)
def test_other_cells_answer_as_lstms_do(recurrent: Live, cell: str) -> None:
    written = ask(recurrent, "/generate", prompt="the man", max_new_tokens=8, seed=3, n=2)
    assert written == ask(recurrent, "/generate", prompt="the man", max_new_tokens=8, seed=3, n=2)
    whole = ask(recurrent, "/next-word-probs", text="the man sees the", top=4)
    first = ask(recurrent, "/next-word-probs", text="the man", top=4, return_state=True)
    rest = ask(recurrent, "/next-word-probs", text=" sees the", top=4, state=first["state"])
    assert [entry["word"] for entry in rest["next"]] == [entry["word"] for entry in whole["next"]]
    (judged,) = ask(recurrent, "/classify", text="a good film", explain=True)["results"]
    shares = sum(share["contribution"] for share in judged["explanation"])
    assert shares + judged["bias"] == pytest.approx(judged["logit"], abs=1e-4)
    assert ask(recurrent, "/translate", text="the man", source="en", target="tr", beam_size=2)["results"]
    models = httpx.get(f"{recurrent.url}/models").json()["models"]
    assert {model["precision"] for model in models} == {"float32"}


@pytest.mark.parametrize("cell", CELLS)
def test_other_cells_show_the_gates_that_they_have(recurrent: Live, cell: str) -> None:
    for model in ("language", "classifier"):
        reply = ask(recurrent, "/inspect", text="the man sees", model=model, top=2)
        assert reply["cells"] == cell
        gates = {"gru": {"reset", "update", "candidate"}, "rnn": set()}[cell]
        for unit in reply["units"]:
            assert unit.keys() == {"unit", "change", "hidden", "start_hidden", *gates}
            assert {len(unit[name]) for name in ("hidden", *gates)} == {len(reply["tokens"])}
            if cell == "gru":
                hidden, update, candidate = unit["hidden"], unit["update"], unit["candidate"]
                assert (unit["start_hidden"] == 0) is (model == "classifier")
                for step, before in enumerate([unit["start_hidden"], *hidden[:-1]]):
                    kept = update[step] * before + (1 - update[step]) * candidate[step]
                    assert hidden[step] == pytest.approx(kept, abs=1e-3)


@pytest.mark.parametrize("cell", CELLS)
def test_other_cells_separate_marked_words_by_their_hidden_states(recurrent: Live, cell: str) -> None:
    text, marked = "the man sees the dog", [{"start": 4, "end": 7}]
    for model, direction in (("language", "forward"), ("classifier", "forward"), ("classifier", "backward")):
        body = {"text": text, "model": model, "direction": direction, "top": 64, "marked": marked}
        reply = ask(recurrent, "/inspect", **body)
        mark = [float(index in reply["marked"]) for index in range(len(reply["tokens"]))]
        for unit in reply["units"]:
            assert unit["score"] == pytest.approx(statistics.correlation(unit["hidden"], mark), abs=0.05), cell
        scores = [unit["score"] for unit in reply["units"]]
        assert scores == sorted(scores, reverse=True)
        assert ask(recurrent, "/inspect", **body, find="hidden") == reply


@pytest.mark.parametrize("cell", CELLS)
def test_how_a_prediction_depends_on_each_token_before(recurrent: Live, cell: str) -> None:
    text = "the man sees the man"
    tokens = ask(recurrent, "/inspect", text=text, model="language")["tokens"]
    for token in range(len(tokens)):
        found = ask(recurrent, "/inspect", text=text, model="language", connectivity=token)["connectivity"]
        assert (found["token"], len(found["norms"])) == (token, token)
        assert all(norm >= 0 for norm in found["norms"])
    for model, index, detail in (("language", len(tokens), "tokens"), ("classifier", 0, "language model")):
        response = httpx.post(f"{recurrent.url}/inspect", json={"text": text, "model": model, "connectivity": index})
        assert (response.status_code, response.json()["errors"][0]["pointer"]) == (404, "/connectivity")
        assert detail in response.text


def test_single_words_are_one_bag_whatever_their_order(bags: Live) -> None:
    texts = [GOOD, BAD]
    one, other = ask(bags, "/classify", text=texts, model="words")["results"]
    assert one["scores"] == other["scores"]
    one, other = ask(bags, "/classify", text=texts, model="groups")["results"]
    assert (one["label"], other["label"]) == ("good", "bad")


def test_a_bag_explains_itself(bags: Live) -> None:
    (judged,) = ask(bags, "/classify", text=GOOD, model="groups", explain=True)["results"]
    assert "".join(share["token"] for share in judged["explanation"]).replace(" ", "") == GOOD.replace(" ", "")
    shares = sum(share["contribution"] for share in judged["explanation"])
    assert shares + judged["bias"] == pytest.approx(judged["logit"], abs=1e-4)


def test_a_bag_answers_hugging_faces_clients(bags: Live) -> None:
    (labels,) = httpx.post(f"{bags.url}/hf/words", json={"inputs": GOOD}).json()
    (judged,) = ask(bags, "/classify", text=GOOD, model="words")["results"]
    assert {entry["label"]: entry["score"] for entry in labels} == judged["scores"]


def test_unasked_the_lstm_judges(bags: Live) -> None:
    assert ask(bags, "/classify", text="the story was bad, and the music was worse")["model"] == "sentiment-en"


@pytest.mark.parametrize("path", ["/generate", "/next-word-probs", "/inspect"])
def test_what_a_bag_cant_do_is_told_as_of_other_models(bags: Live, path: str) -> None:
    text = {"prompt": "the man"} if path == "/generate" else {"text": "the man"}
    errors = [httpx.post(f"{bags.url}{path}", json={**text, "model": name}) for name in ("words", "translation-en-tr")]
    assert {response.status_code for response in errors} == {404}
    one, other = (response.json() for response in errors)
    assert one.keys() == other.keys()
    assert one["errors"][0]["pointer"] == other["errors"][0]["pointer"] == "/model"
