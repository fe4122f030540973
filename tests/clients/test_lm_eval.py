"""lm-evaluation-harness with its default arguments, against a live server; and its requests alone."""

import json
import math
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.catalog.registry import Registry
from tests.clients.conftest import packages
from tests.conftest import Live

TEXT = "the man sees the dog and the dog sees the man."
DOCUMENTS = [
    {"text": TEXT, "context": "a good film, a very", "answer": " good film", "options": [" good film", " old bridge"]},
    {"text": "where is the station?", "context": "the dog sees", "answer": " the man", "options": [" the man", " a"]},
]
TASKS: dict[str, dict[str, Any]] = {
    "loglikelihood": {"output_type": "loglikelihood", "doc_to_text": "{{context}}", "doc_to_target": "{{answer}}"},
    "loglikelihood_rolling": {"output_type": "loglikelihood_rolling", "doc_to_text": "", "doc_to_target": "{{text}}"},
    "generate_until": {
        "output_type": "generate_until",
        "doc_to_text": "{{context}}",
        "doc_to_target": "{{answer}}",
        "generation_kwargs": {"until": ["."], "max_gen_toks": 8},
    },
    "multiple_choice": {
        "output_type": "multiple_choice",
        "doc_to_text": "{{context}}",
        "doc_to_target": 0,
        "doc_to_choice": "{{options}}",
    },
}


def log_probability(live: Live, ids: list[int], model: str) -> float:
    """Of ids after the end token."""
    body = {"model": model, "prompt": [0, *ids], "echo": True, "logprobs": 1, "max_tokens": 0}
    scores = httpx.post(f"{live.url}/v1/completions", json=body).json()["choices"][0]["logprobs"]
    return float(sum(scores["token_logprobs"][1:]))


@pytest.fixture(params=["/v1/completions", "/hf/language-tr/v1/completions"])
def completions(live: Live, request: pytest.FixtureRequest) -> str:
    """Its base_url: of the first language model, or of the address's."""
    return f"{live.url}{request.param}"


class TestRequests:
    """What RemoteTokenizer and LocalCompletionsAPI of lm-eval 0.4.13 send and read."""

    def post(self, url: str, **body: Any) -> Any:
        answer = httpx.post(url, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def test_tokenizer(self, completions: str, registry: Registry) -> None:
        base = completions.removesuffix("/v1/completions")
        info = httpx.get(f"{base}/tokenizer_info").json()
        assert (info["eos_token"], info["bos_token"]) == ("</s>", None)
        tokenizer = registry.get(info["model"]).tokenizer
        for text in ("test", TEXT, " x", "güzel", ""):
            tokens = self.post(f"{base}/tokenize", prompt=text, add_special_tokens=False)["tokens"]
            assert tokens == tokenizer.encode(text)
            assert self.post(f"{base}/detokenize", tokens=tokens)["prompt"] == tokenizer.decode(tokens)
        assert self.post(f"{base}/tokenize", prompt="</s>", add_special_tokens=False)["tokens"][0] == tokenizer.end_id
        assert self.post(f"{base}/detokenize", tokens=[0, *tokenizer.encode("a b")])["prompt"] == "</s>a b"

    def test_log_likelihoods(self, completions: str, live: Live) -> None:
        base = completions.removesuffix("/v1/completions")
        ids = self.post(f"{base}/tokenize", prompt=TEXT)["tokens"]
        body = {"model": "language-en", "prompt": [[0, *ids]], "temperature": 0, "max_tokens": 1, "logprobs": 1,
                "seed": 1234, "echo": True}  # fmt: skip
        (choice,) = self.post(completions, **body)["choices"]
        scores = choice["logprobs"]["token_logprobs"][1:-1]
        assert len(scores) == len(ids)
        model = "language-tr" if "/hf/" in completions else "language-en"
        assert sum(scores) == pytest.approx(log_probability(live, ids, model), rel=1e-6)
        for score, top in zip(scores, choice["logprobs"]["top_logprobs"][1:-1], strict=True):
            assert score <= max(top.values())

    def test_its_text_has_the_same(self, completions: str) -> None:
        """With tokenized_requests=False it sends the ids as `/detokenize` writes them."""
        base = completions.removesuffix("/v1/completions")
        ids = [0, *self.post(f"{base}/tokenize", prompt=TEXT)["tokens"]]
        text = self.post(f"{base}/detokenize", tokens=ids)["prompt"]
        body = {"model": "language-en", "temperature": 0, "max_tokens": 1, "logprobs": 1, "echo": True}
        one, other = (self.post(completions, prompt=prompt, **body)["choices"][0]["logprobs"] for prompt in (ids, text))
        assert one == other

    def test_generation(self, completions: str) -> None:
        ids = self.post(f"{completions.removesuffix('/v1/completions')}/tokenize", prompt="the man")["tokens"]
        body = {"prompt": [ids], "model": "language-en", "max_tokens": 8, "temperature": 0, "stop": ["</s>", "."],
                "seed": 1234}  # fmt: skip
        (choice,) = self.post(completions, **body)["choices"]
        assert "." not in choice["text"]

    @pytest.mark.parametrize(
        ("path", "body", "pointer"),
        [
            ("/tokenize", {}, "/text"), ("/tokenize", {"text": "a"}, "/model"), ("/tokenize", {"prompt": 7}, "/prompt"),
            ("/tokenize", {"prompt": "a", "text": "a"}, "/prompt"), ("/detokenize", {}, "/tokens"),
            ("/detokenize", {"tokens": [1, 99999]}, "/tokens/1"), ("/detokenize", {"tokens": [-1]}, "/tokens/0"),
            ("/detokenize", {"tokens": [1] * 20_001}, "/tokens"),
        ],
    )  # fmt: skip
    def test_what_is_wrong_is_named(self, live: Live, path: str, body: dict[str, Any], pointer: str) -> None:
        answer = httpx.post(f"{live.url}{path}", json=body)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)
        assert httpx.post(f"{live.url}{path}", json={"prompt": "a", "tokens": [1], "model": "none"}).status_code in (
            404,
            422,
        )

    def test_special_tokens_and_strings(self, live: Live) -> None:
        answer = self.post(f"{live.url}/tokenize", prompt="a é", add_special_tokens=True, return_token_strs=True)
        assert answer["tokens"][0] == 0
        assert len(answer["tokens"]) == len(answer["token_strs"]) == answer["count"]


@pytest.mark.slow
class TestHarness:
    """The real one, on a tiny task for each of its kinds of requests."""

    @pytest.fixture
    def results(self, completions: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
        monkeypatch.syspath_prepend(packages("lm-eval"))
        import lm_eval
        from lm_eval.tasks import TaskManager

        monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
        data = tmp_path / "data.jsonl"
        data.write_text("".join(json.dumps(document) + "\n" for document in DOCUMENTS), encoding="utf-8")
        configs = [
            {
                "task": f"tiny_{name}",
                "dataset_path": "json",
                "dataset_kwargs": {"data_files": {"test": str(data)}},
                "test_split": "test",
                **task,
            }
            for name, task in TASKS.items()
        ]
        return lm_eval.simple_evaluate(
            model="local-completions",
            model_args={"base_url": completions, "model": "language-en"},
            tasks=configs,
            task_manager=TaskManager(include_defaults=False),  # listing its 16,000 files of tasks takes a minute
            bootstrap_iters=0,
        )

    @pytest.mark.filterwarnings("ignore")
    def test_four_kinds(self, results: Any, completions: str, live: Live) -> None:
        scores = {name.removeprefix("tiny_"): values for name, values in results["results"].items()}
        assert set(scores) == set(TASKS)
        assert 0 <= scores["multiple_choice"]["acc,none"] <= 1
        model = "language-tr" if "/hf/" in completions else "language-en"
        texts = [str(document["text"]) for document in DOCUMENTS]
        total = 0.0
        for text in texts:
            reply = httpx.post(f"{live.url}/tokenize", json={"prompt": text, "model": model}).json()
            total += log_probability(live, reply["tokens"], model)
        perplexity = math.exp(-total / sum(len(text.split()) for text in texts))
        assert scores["loglikelihood_rolling"]["word_perplexity,none"] == pytest.approx(perplexity, rel=1e-4)
