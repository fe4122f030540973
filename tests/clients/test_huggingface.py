"""The real `huggingface_hub.InferenceClient` against a live server: one URL a model."""

import math
import re
from dataclasses import fields
from typing import Any

import httpx
import huggingface_hub
import pytest
from huggingface_hub import InferenceClient
from huggingface_hub.errors import (
    GenerationError,
    HfHubHTTPError,
    InferenceTimeoutError,
    OverloadedError,
    UnknownError,
    ValidationError,
)  # fmt: skip

from app.catalog.registry import Registry
from tests.clients.conftest import Breaks
from tests.conftest import Live, Serve
from tests.helpers import wrapped

PROMPT = "the man sees"


SERVED = {
    "language-en": "TextGenerationInputGenerate",
    "sentiment-en": "TextClassification",
    "translation-en-tr": "Translation",
    "titles-en": "Summarization",
}
"""For each model, what the client's class of parameters is called."""
OTHERS = ("ZeroShotClassification", "TokenClassification", "FillMask", "QuestionAnswering", "TableQuestionAnswering")


def parameters_of(task: str) -> set[str]:
    return {field.name for field in fields(getattr(huggingface_hub, f"{task}Parameters"))}


def client_of(live: Live, model: str, token: str | None = None) -> InferenceClient:
    return InferenceClient(f"{live.url}/hf/{model}", token=token)


def native(live: Live, path: str, **body: Any) -> Any:
    return httpx.post(f"{live.url}{path}", json=body).json()


class TestGeneration:
    @pytest.fixture
    def client(self, live: Live) -> InferenceClient:
        return client_of(live, "language-en")

    def test_greedy_unless_asked(self, client: InferenceClient, live: Live) -> None:
        own = native(live, "/generate", prompt=PROMPT, model="language-en", temperature=0, max_new_tokens=20)
        assert client.text_generation(PROMPT) == own["choices"][0]["text"]
        assert client.text_generation(PROMPT, return_full_text=True) == PROMPT + own["choices"][0]["text"]

    def test_sampled(self, client: InferenceClient, live: Live) -> None:
        own = native(live, "/generate", prompt=PROMPT, model="language-en", temperature=1.4, top_k=50, top_p=0.9,
                     repetition_penalty=1.1, seed=5, max_new_tokens=12)  # fmt: skip
        answer = client.text_generation(
            PROMPT,
            do_sample=True,
            temperature=1.4,
            top_k=50,
            top_p=0.9,
            repetition_penalty=1.1,
            seed=5,
            max_new_tokens=12,
        )
        assert answer == own["choices"][0]["text"]

    def test_details(self, client: InferenceClient) -> None:
        answer = client.text_generation(
            PROMPT, details=True, decoder_input_details=True, top_n_tokens=3, max_new_tokens=8, seed=4
        )
        details = answer.details
        assert details
        assert details.top_tokens
        assert details.finish_reason in ("length", "eos_token")
        assert details.generated_tokens == len(details.tokens) == len(details.top_tokens)
        assert details.seed == 4
        assert details.prefill[0].logprob is None
        assert "".join(token.text for token in details.prefill).strip() == PROMPT
        for token, top in zip(details.tokens, details.top_tokens, strict=True):
            assert (token.id, token.logprob) == (top[0]["id"], top[0]["logprob"])  # the client leaves them as they came

    def test_typical(self, client: InferenceClient, live: Live) -> None:
        own = native(live, "/generate", prompt=PROMPT, model="language-en", temperature=1, typical_p=0.4, seed=5,
                     max_new_tokens=12)  # fmt: skip
        answer = client.text_generation(PROMPT, typical_p=0.4, seed=5, max_new_tokens=12)
        assert answer == own["choices"][0]["text"]
        others = {client.text_generation(PROMPT, typical_p=0.4, seed=seed) for seed in range(4)}
        assert len(others) > 1, "it samples"

    def test_as_langchain_sends_it(self, live: Live) -> None:
        """The default parameters of langchain-huggingface's HuggingFaceEndpoint."""
        parameters: dict[str, Any] = {
            "max_new_tokens": 12, "top_k": 10, "top_p": 0.95, "typical_p": 0.95, "temperature": 0.8,
            "repetition_penalty": None, "return_full_text": False, "truncate": None, "stop": [], "seed": None,
            "do_sample": False, "watermark": False,
        }  # fmt: skip
        answer = httpx.post(f"{live.url}/hf/language-en", json={"inputs": PROMPT, "parameters": parameters})
        assert answer.status_code == 200

    @pytest.mark.parametrize("stream", [False, True])
    def test_completions_of_a_model(self, live: Live, stream: bool) -> None:
        """As npm's @huggingface/inference asks for text of an endpoint."""
        body = {"prompt": PROMPT, "max_tokens": 8, "seed": 1, "stream": stream}
        at = f"{live.url}/hf/language-tr/v1/completions"
        own = httpx.post(f"{live.url}/v1/completions", json=body | {"model": "language-tr"}).text
        for model in ({}, {"model": "anything"}, {"model": None}):
            answer = httpx.post(at, json=body | model)
            assert answer.status_code == 200
            assert re.findall('"text":"[^"]*"', answer.text) == re.findall('"text":"[^"]*"', own)
        assert httpx.post(f"{live.url}/hf/sentiment-en/v1/completions", json=body).status_code == 422
        assert httpx.post(f"{live.url}/hf/none/v1/completions", json=body).status_code == 404

    def test_stop(self, client: InferenceClient) -> None:
        whole = client.text_generation(PROMPT)
        answer = client.text_generation(PROMPT, stop=[whole[4:6]], details=True)
        assert answer.generated_text == whole[: whole.index(whole[4:6])]
        assert answer.details.finish_reason == "stop_sequence"

    def test_best_of(self, client: InferenceClient) -> None:
        answer = client.text_generation(PROMPT, best_of=3, do_sample=True, temperature=1.5, details=True, seed=2)
        (*others,) = answer.details.best_of_sequences or ()

        def mean(one: Any) -> float:
            return sum(token.logprob for token in one.tokens) / len(one.tokens)

        assert len(others) == 2
        assert all(mean(answer.details) >= mean(other) for other in others)

    def test_truncate(self, client: InferenceClient) -> None:
        assert client.text_generation("a dog. the man sees", truncate=3) == client.text_generation(
            "good the man sees", truncate=3
        )

    def test_truncate_leaves_a_shorter_text_as_it_is(self, client: InferenceClient) -> None:
        for prompt in ("the man sees", "the man sees "):
            assert client.text_generation(prompt, truncate=500) == client.text_generation(prompt)

    @pytest.mark.parametrize("stop", [None, ["e"], ["zz"]])
    def test_streamed_is_not_streamed(self, client: InferenceClient, stop: list[str] | None) -> None:
        parameters: dict[str, Any] = {
            "seed": 9,
            "do_sample": True,
            "temperature": 1.3,
            "max_new_tokens": 15,
            "stop": stop,
        }
        whole = client.text_generation(PROMPT, details=True, **parameters)
        assert "".join(client.text_generation(PROMPT, stream=True, **parameters)) == whole.generated_text
        *tokens, last = client.text_generation(PROMPT, stream=True, details=True, **parameters)
        assert all(token.details is None for token in tokens)
        assert last.generated_text == whole.generated_text
        assert last.details.finish_reason == whole.details.finish_reason
        assert last.details.generated_tokens == whole.details.generated_tokens == len(tokens) + 1
        assert [token.token.id for token in (*tokens, last)] == [token.id for token in whole.details.tokens]

    def test_an_error_in_the_middle(self, serve: Serve, registry: Registry) -> None:
        client = client_of(serve(wrapped(registry, "language-en", Breaks)), "language-en")
        with pytest.raises(GenerationError) as failure:
            list(client.text_generation(PROMPT, stream=True, max_new_tokens=20))
        assert "xyzzy" not in str(failure.value)


class TestOthers:
    def test_classification(self, live: Live) -> None:
        client = client_of(live, "sentiment-en")
        labels = client.text_classification("a very good film")
        own = native(live, "/classify", text="a very good film", model="sentiment-en")["results"][0]
        assert {one.label: one.score for one in labels} == pytest.approx(own["scores"])
        assert labels[0].label == own["label"]
        assert math.isclose(sum(one.score for one in labels), 1, rel_tol=1e-5)
        assert len(client.text_classification("a very good film", top_k=1)) == 1

    def test_several_texts(self, live: Live) -> None:
        response = httpx.post(f"{live.url}/hf/sentiment-en", json={"inputs": ["good", "bad"]}).json()
        assert [len(scores) for scores in response] == [2, 2]
        response = httpx.post(f"{live.url}/hf/translation-en-tr", json={"inputs": ["The man.", "A dog."]}).json()
        assert [set(answer) for answer in response] == [{"translation_text"}] * 2
        response = httpx.post(f"{live.url}/hf/language-en", json={"inputs": ["The man", "A dog"]}).json()
        assert [set(answer) for answer in response] == [{"generated_text"}] * 2

    def test_translation(self, live: Live) -> None:
        client = client_of(live, "translation-en-tr")
        own = native(live, "/translate", text="The man.", source="en", target="tr")["results"][0]["text"]
        assert client.translation("The man.").translation_text == own
        assert client.translation("The man.", src_lang="en", tgt_lang="tr").translation_text == own


class TestRefusals:
    @pytest.mark.parametrize(
        ("parameters", "name"),
        [
            ({"max_new_tokens": 100_000}, "parameters/max_new_tokens"), ({"temperature": -1}, "parameters/temperature"),
            ({"best_of": 99}, "parameters/best_of"), ({"watermark": True}, "parameters/watermark"),
            ({"typical_p": 0}, "parameters/typical_p"), ({"typical_p": 1.5}, "parameters/typical_p"),
            ({"grammar": {"type": "json", "value": {}}}, "parameters/grammar"),
        ],
    )  # fmt: skip
    def test_what_is_wrong_is_named(self, live: Live, parameters: dict[str, Any], name: str) -> None:
        with pytest.raises(ValidationError, match=name):
            client_of(live, "language-en").text_generation(PROMPT, **parameters)

    @pytest.mark.parametrize(("source", "target", "name"), [("en", "fr", "tgt_lang"), ("fr", "tr", "src_lang")])
    def test_a_language_that_is_not_translated(self, live: Live, source: str, target: str, name: str) -> None:
        body = {"inputs": "The man.", "parameters": {"src_lang": source, "tgt_lang": target}}
        response = httpx.post(f"{live.url}/hf/translation-en-tr", json=body)
        assert response.status_code == 404
        assert response.json()["error"].startswith(f"parameters/{name}: ")

    def test_no_such_model(self, live: Live) -> None:
        with pytest.raises(UnknownError, match="no such model"):
            client_of(live, "none").text_generation(PROMPT)
        with pytest.raises(HfHubHTTPError, match="404"):
            client_of(live, "none").translation(PROMPT)

    def test_what_a_model_is_not_for(self, live: Live) -> None:
        response = httpx.post(f"{live.url}/hf/language-en", json={"inputs": ["good", "bad"], "stream": True})
        assert (response.status_code, response.json()["error_type"]) == (422, "validation")

    @pytest.mark.parametrize("model", ["sentiment-en", "translation-en-tr"])
    def test_only_language_models_stream(self, live: Live, model: str) -> None:
        answer = httpx.post(f"{live.url}/hf/{model}", json={"inputs": "good", "stream": True})
        assert (answer.status_code, answer.json()["error_type"]) == (422, "validation")
        assert answer.json()["error"].startswith("stream: ")

    @pytest.mark.parametrize(
        ("model", "parameters", "name"),
        [
            ("sentiment-en", {"max_new_tokens": 5}, "max_new_tokens"), ("sentiment-en", {"src_lang": "en"}, "src_lang"),
            ("sentiment-en", {"candidate_labels": ["a", "b"]}, "candidate_labels"),
            ("language-en", {"candidate_labels": ["a"]}, "candidate_labels"),
            ("language-en", {"tgt_lang": "tr"}, "tgt_lang"), ("language-en", {"function_to_apply": "none"}, "function"),
            ("translation-en-tr", {"do_sample": True}, "do_sample"), ("translation-en-tr", {"top_k": 2}, "top_k"),
        ],
    )  # fmt: skip
    def test_another_task(self, live: Live, model: str, parameters: dict[str, Any], name: str) -> None:
        answer = httpx.post(f"{live.url}/hf/{model}", json={"inputs": "good", "parameters": parameters})
        assert answer.status_code == 422
        assert answer.json()["error"].startswith(f"parameters/{name}")
        nulls = dict.fromkeys(parameters) | {"unknown": 1}
        answer = httpx.post(f"{live.url}/hf/{model}", json={"inputs": "good", "parameters": nulls})
        assert answer.status_code == 200, "nulls and unknown keys are passed over"

    @pytest.mark.parametrize("model", SERVED)
    def test_every_parameter_of_the_client(self, live: Live, model: str) -> None:
        """The law: those of the model's task are no reason to refuse, and those of other tasks on texts are one."""
        own = parameters_of(SERVED[model]) | ({"max_new_tokens"} if model == "titles-en" else set())
        for name in {name for task in (*SERVED.values(), *OTHERS) for name in parameters_of(task)}:
            body = {"inputs": "good", "parameters": {name: False}}
            answer = httpx.post(f"{live.url}/hf/{model}", json=body)
            refused = "which has no such parameter" in answer.text
            assert refused == (name not in own), (name, answer.text)
            assert not refused or answer.status_code == 422

    @pytest.mark.parametrize("name", ["normalize", "prompt_name", "truncation_direction", "candidate_labels"])
    def test_beside_the_inputs(self, live: Live, name: str) -> None:
        """The client's feature_extraction has its parameters there."""
        for model in SERVED:
            answer = httpx.post(f"{live.url}/hf/{model}", json={"inputs": "good", name: "x", "unknown": 1})
            assert (answer.status_code, answer.json()["error"].startswith(f"{name}: ")) == (422, True)
            answer = httpx.post(f"{live.url}/hf/{model}", json={"inputs": "good", name: None, "unknown": 1})
            assert answer.status_code == 200

    @pytest.mark.parametrize("seed", [2**53, 2**63 - 1])
    def test_seeds_of_63_bits(self, live: Live, seed: int) -> None:
        parameters = {"seed": seed, "do_sample": True, "details": True, "max_new_tokens": 4}
        body = {"inputs": "good", "parameters": parameters}
        (answer,), again = (httpx.post(f"{live.url}/hf/language-en", json=body).json() for _ in range(2))
        assert [answer] == again
        assert answer["details"]["seed"] == seed

    def test_zero_shot(self, live: Live) -> None:
        with pytest.raises(HfHubHTTPError, match="422"):
            client_of(live, "sentiment-en").zero_shot_classification("good", candidate_labels=["a", "b"])
        body = {"inputs": {"question": "Who?", "context": "The man."}}
        assert httpx.post(f"{live.url}/hf/language-en", json=body).status_code == 422

    def test_keys_and_limits(self, serve: Serve) -> None:
        closed = serve(api_keys="right", rate_limit="30/hour")
        client = client_of(closed, "language-en", "right")
        assert client.text_generation(PROMPT)
        with pytest.raises(OverloadedError):
            client.text_generation(PROMPT)
        with pytest.raises((HfHubHTTPError, UnknownError), match=r"API key|401"):
            client_of(closed, "language-en", "wrong").text_generation(PROMPT)

    def test_it_waits_where_the_server_stops(self, serve: Serve) -> None:
        stopped = serve()
        stopped.app.state.engine.drain(0)
        with pytest.raises((InferenceTimeoutError, HfHubHTTPError, UnknownError)):
            InferenceClient(f"{stopped.url}/hf/language-en", timeout=1).text_generation(PROMPT)


class TestSummarization:
    def test_as_the_native_route(self, live: Live) -> None:
        (own,) = native(live, "/summarize", text=PROMPT, model="titles-en")["results"]
        assert client_of(live, "titles-en").summarization(PROMPT).summary_text == own["summary"]

    def test_parameters_of_the_client(self, live: Live) -> None:
        (own,) = native(live, "/summarize", text=PROMPT, model="titles-en", max_new_tokens=5)["results"]
        answer = client_of(live, "titles-en").summarization(
            PROMPT, clean_up_tokenization_spaces=True, truncation="longest_first",
            generate_parameters={"max_new_tokens": 5},
        )  # fmt: skip
        assert answer.summary_text == own["summary"]
