"""Requests that once failed, with what is right: those of a file, where it is there, and others of their kinds.

The file is CAROUSEL_FAULT_CASES, or ../shared/cases/faults.jsonl: a line has a name, path, content-type and body.
"""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import torch

from app.catalog.loading import Choice, load_models
from tests.conftest import Serve

ROOT = Path(__file__).parents[2]
FILE = Path(os.environ.get("CAROUSEL_FAULT_CASES", ROOT / "../shared/cases/faults.jsonl"))
Check = Callable[[httpx.Response, Any, httpx.Client], None]


def load() -> list[dict[str, Any]]:
    lines = FILE.read_text(encoding="utf-8").splitlines() if FILE.is_file() else []
    return [json.loads(line) for line in lines if line.strip()]


CASES = load()


def ok(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json()


def names_the_item(answer: httpx.Response, body: Any, client: httpx.Client) -> None:
    assert (answer.status_code, answer.json()["error"][:4]) == (404, "q/1:")


def empty_stays_empty(answer: httpx.Response, body: Any, client: httpx.Client) -> None:
    assert ok(answer)["translatedText"] == ["Merhaba.", ""]


def offsets_stand_in_the_text(answer: httpx.Response, body: Any, client: httpx.Client) -> None:
    (choice,) = ok(answer)["choices"]
    text, scores = choice["text"], choice["logprobs"]
    assert text == body["prompt"]
    for token, offset in zip(scores["tokens"], scores["text_offset"], strict=True):
        assert offset < len(text)
        if token.startswith("bytes:"):
            byte = bytes.fromhex(token.removeprefix("bytes:").replace("\\x", ""))
            assert byte in text[offset].encode()
        else:
            assert text[offset:].startswith(token)


def alternatives_are_distinct(answer: httpx.Response, body: Any, client: httpx.Client) -> None:
    scores = ok(answer)["choices"][0]["logprobs"]
    first, *others = scores["top_logprobs"]
    assert first is None
    assert others
    assert all(body["logprobs"] <= len(top) <= body["logprobs"] + 1 for top in others)
    assert {r"bytes:\xc3", r"bytes:\xbc"} <= set(scores["tokens"])
    assert "\ufffd" not in answer.text


def is_answered(answer: httpx.Response, body: Any, client: httpx.Client) -> None:
    ok(answer)


def is_not_utf_8(answer: httpx.Response, body: Any, client: httpx.Client) -> None:
    assert (answer.status_code, "UTF-8" in answer.json()["error"]) == (400, True)


def keeps_its_paragraph(answer: httpx.Response, body: Any, client: httpx.Client) -> None:
    (text,) = ok(answer)["translatedText"]
    assert text.startswith("<p>")
    assert text.endswith("</p>")


def keeps_its_b(answer: httpx.Response, body: Any, client: httpx.Client) -> None:
    text = ok(answer)["translatedText"]
    assert text.startswith("<b>")
    assert text.endswith("</b>")


def translates_hello(answer: httpx.Response, body: Any, client: httpx.Client) -> None:
    assert ok(answer)["translatedText"].startswith("Merhaba")


def detects_turkish(answer: httpx.Response, body: Any, client: httpx.Client) -> None:
    assert ok(answer)[0]["language"] == "tr"


def says_what_is_served(answer: httpx.Response, body: Any, client: httpx.Client) -> None:
    assert answer.status_code == 404
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert "POST /v1/completions" in error["message"]


def is_invalid(answer: httpx.Response, body: Any, client: httpx.Client) -> None:
    assert (answer.status_code, answer.json()["error_type"]) == (422, "validation")


def has_the_scores_without_the_end(answer: httpx.Response, body: Any, client: httpx.Client) -> None:
    scores = ok(answer)["choices"][0]["logprobs"]["token_logprobs"]
    alone = ok(client.post("/v1/completions", json=body | {"prompt": body["prompt"][1:]}))["choices"][0]["logprobs"]
    assert scores[0] is None
    assert scores[1] < 0
    assert scores[2:] == alone["token_logprobs"][1:]


CHECKS: dict[str, Check] = {
    "batch with foreign text": names_the_item,
    "batch with empty": empty_stays_empty,
    "text offset": offsets_stand_in_the_text,
    "top logprobs collapse": alternatives_are_distinct,
    "seed int64": is_answered,
    "null options": is_answered,
    "bad form bytes": is_not_utf_8,
    "html as json list": keeps_its_paragraph,
    "html as a form": keeps_its_b,
    "query string, empty body": translates_hello,
    "detect by query string": detects_turkish,
    "chat": says_what_is_served,
    "embeddings": says_what_is_served,
    "typical_p": is_answered,
    "stream of a classifier": is_invalid,
    "completions under hf": is_answered,
    "ids that begin with the end id": has_the_scores_without_the_end,
}


@pytest.fixture(scope="module")
def client(serve: Serve) -> Iterator[httpx.Client]:
    """Of a server with the models that are shipped."""
    if not (ROOT / "checkpoints/language-en").is_dir():
        pytest.skip("no checkpoints")
    names = ("language-en", "sentiment-en", "translation-en-tr")
    models = load_models(Choice(ROOT / "checkpoints", names), torch.device("cpu"))
    with httpx.Client(base_url=serve(models).url, timeout=120) as client:
        yield client


def send(client: httpx.Client, case: dict[str, Any]) -> httpx.Response:
    body = case["body"] if isinstance(case["body"], str) else json.dumps(case["body"])
    headers = {"content-type": case["content-type"]} if case["content-type"] else {}
    return client.post(case["path"], content=body.encode(), headers=headers)


@pytest.mark.skipif(not CASES, reason="the file of cases is not there")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_case_of_the_file(client: httpx.Client, case: dict[str, Any]) -> None:
    assert case["name"] in CHECKS, "a case whose right value is not written down here"
    CHECKS[case["name"]](send(client, case), case["body"], client)


OTHERS: list[tuple[str, str, Any]] = [
    ("batch with foreign text", "/libretranslate/translate",
     {"q": ["Good morning.", "Où se trouve la vieille gare, s'il vous plaît ?"], "source": "auto", "target": "tr"}),
    ("batch with empty", "/libretranslate/translate", {"q": ["Hello.", ""], "source": "auto", "target": "tr"}),
    ("text offset", "/v1/completions",
     {"model": "language-en", "prompt": "naïve café ☕ ığdır", "max_tokens": 0, "echo": True, "logprobs": 3}),
    ("top logprobs collapse", "/v1/completions",
     {"model": "language-en", "prompt": "Üzgünüm", "max_tokens": 0, "echo": True, "logprobs": 20}),
    ("seed int64", "/v1/completions",
     {"model": "language-en", "prompt": "once", "max_tokens": 1, "seed": -(2**63)}),
    ("null options", "/translate", {"text": "Hello.", "source": None, "beam_size": None, "stream": None}),
    ("chat", "/v1/responses", {"model": "language-en", "input": "hi"}),
    ("embeddings", "/v1/embeddings", {"model": "none", "input": ["hi"]}),
    ("typical_p", "/hf/language-en", {"inputs": "once upon", "parameters": {"typical_p": 0.2, "top_k": 5}}),
    ("stream of a classifier", "/hf/translation-en-tr", {"inputs": "Hello.", "stream": True}),
    ("completions under hf", "/hf/language-en/v1/completions", {"prompt": ["once", "upon"], "max_tokens": -1}),
    ("ids that begin with the end id", "/v1/completions",
     {"model": "language-en", "prompt": [0, 500, 21, 7], "max_tokens": 0, "echo": True, "logprobs": 1}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "path", "body"), OTHERS)
def test_another_of_its_kind(client: httpx.Client, name: str, path: str, body: Any) -> None:
    if name == "top logprobs collapse":
        answer = client.post(path, json=body)
        scores = ok(answer)["choices"][0]["logprobs"]
        assert all(20 <= len(top) <= 21 for top in scores["top_logprobs"][1:])
        assert any("bytes:" in token for token in scores["tokens"])
        return
    CHECKS[name](client.post(path, json=body), body, client)
