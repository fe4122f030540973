"""What a request may make is bounded by products of its fields; a body's values are counted before it is parsed."""

import json
from typing import Any

import httpx
import pytest
from starlette.exceptions import HTTPException

from app.catalog.registry import Registry
from app.http.counting import check_values
from app.main import create_app
from app.settings import Settings

pytestmark = pytest.mark.anyio
SMALL = Settings(max_request_tokens=100, max_reply_scores=200, max_search_characters=200)
LANGUAGE = {"model": "language-en"}
PAST = [
    ("/generate", {"prompt": "a", "n": 4, "max_new_tokens": 26}, "4 choices × 26 tokens are 104 tokens .* most 100"),
    ("/generate", {"prompt": "a", "max_new_tokens": 50, "logprobs": 4}, "50 tokens × 5 scores are 250 .* most 200"),
    ("/v1/completions", {**LANGUAGE, "prompt": ["a", "b"], "max_tokens": 51}, "2 prompts × 51 tokens .* most 100"),
    ("/v1/completions", {**LANGUAGE, "prompt": "a", "max_tokens": 10, "logprobs": 20}, "10 tokens × 21 scores"),
    ("/v1/completions", {**LANGUAGE, "prompt": [[5] * 60, [5] * 45], "max_tokens": 1, "logprobs": 1, "echo": True},
     "its reply could have 21. scores; at most 200"),
    ("/hf/language-en", {"inputs": ["a"] * 6, "parameters": {"max_new_tokens": 20}}, "6 prompts × 20 tokens"),
    ("/classify", {"text": "a" * 201, "explain": True, "language": "en"}, "201 characters .* most 200"),
    ("/classify", {"text": "😀" * 90, "explain": True, "language": "en"}, "could have 36. scores; at most 200"),
    ("/inspect", {**LANGUAGE, "text": "a b c d e f", "top": 12}, "could have [0-9]+ scores; at most 200"),
    ("/translate", {"text": "a" * 41, "source": "en", "target": "tr"}, "41 characters × 5 hypotheses .* most 200"),
    ("/libretranslate/translate", {"q": ["a" * 21] * 2, "source": "en", "target": "tr"}, "42 characters × 5"),
]  # fmt: skip


@pytest.fixture
async def small(registry: Registry) -> Any:
    app = create_app(SMALL, registry)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield client


@pytest.mark.parametrize(("path", "body", "message"), PAST)
async def test_the_error_names_the_product_and_its_limit(
    small: httpx.AsyncClient, path: str, body: dict[str, Any], message: str
) -> None:
    response = await small.post(path, json=body)
    assert response.status_code in (400, 422)
    reply = response.json()
    error = reply.get("error", reply.get("detail"))
    assert_matches(message, error["message"] if isinstance(error, dict) else error)


def assert_matches(pattern: str, text: str) -> None:
    with pytest.raises(ValueError, match=pattern):
        raise ValueError(text)


@pytest.mark.parametrize(
    "body",
    [
        {"text": [",[{" * 6_000] * 8},
        {"text": ['"\\,[' * 6_000] * 8},
        {"prompt": [[1] * 450] * 10},
        {f"name{index}": "a text" for index in range(50)} | {"text": "," * 20_000},
    ],
)
def test_what_is_within_a_text_is_no_value(body: Any) -> None:
    content = json.dumps(body).encode()
    assert len(content) > 10_000
    check_values(content, max_values=5_000, max_strings=120)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[" + b"1," * 20_000, "at most 5000 values"),
        (b"[" * 20_000, "at most 5000 values"),
        (b'{"":' * 20_000, "at most 120 strings"),
        (b'["\\",[", "' + b'",1,"' * 20_000, "at most 120 strings"),
    ],
)
def test_too_many_values(content: bytes, message: str) -> None:
    with pytest.raises(HTTPException) as raised:
        check_values(content, max_values=5_000, max_strings=120)
    assert raised.value.status_code == 413
    assert_matches(message, raised.value.detail)


@pytest.mark.parametrize("path", ["/generate", "/v1/completions", "/hf/language-en", "/libretranslate/translate"])
async def test_a_body_of_too_many_values_is_413(client: httpx.AsyncClient, path: str) -> None:
    response = await client.post(path, content=b'{"a":[' + b"[]," * 6_000, headers={"content-type": "application/json"})
    assert response.status_code == 400  # few enough to be parsed
    strings = b'{"a":[' + b'"",' * 6_000
    response = await client.post(path, content=strings, headers={"content-type": "application/json"})
    assert response.status_code == 413
    assert "at most 4104 strings" in response.text
