"""The limits in the settings apply to every route, and to default values too."""

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.catalog.registry import Registry
from app.http.routing import ROUTES
from app.http.schemas.limits import LIMITS, limited
from app.main import create_app
from app.settings import Settings

pytestmark = pytest.mark.anyio
SMALL = Settings(
    max_prompt_characters=30, max_text_characters=30, max_source_characters=30, max_texts=2, max_new_tokens=8,
    max_choices=2, max_beam_size=2,
)  # fmt: skip


@pytest.fixture
async def client(registry: Registry) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(SMALL, registry)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield client


@pytest.mark.parametrize("schema", LIMITS, ids=lambda schema: schema.__name__)
def test_no_default_is_past_a_limit(schema: Any) -> None:
    for field in limited(schema, SMALL).model_fields.values():
        for constraint in field.metadata:
            if isinstance(field.default, int) and hasattr(constraint, "le"):
                assert field.default <= constraint.le


def test_each_route_with_a_body_has_limits() -> None:
    endpoints = [route.endpoint for group in ROUTES for route in group.routes]
    schemas = [endpoint.__annotations__["body"] for endpoint in endpoints if "body" in endpoint.__annotations__]
    assert len(schemas) >= 11
    assert all(schema in LIMITS for schema in schemas)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/generate", {"prompt": "the man", "model": "language-en"}),
        ("/v1/completions", {"prompt": "the man", "model": "language-en"}),
        ("/hf/language-en", {"inputs": "the man"}),
        ("/translate", {"text": "The man.", "source": "en", "target": "tr"}),
        ("/summarize", {"text": "The man."}),
    ],
)
async def test_a_request_without_options_is_within_the_limits(client: httpx.AsyncClient, path: str, body: Any) -> None:
    assert (await client.post(path, json=body)).status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("/v1/completions", {"model": "language-en", "prompt": "a" * 31}, "prompt: .* 30 characters; given: 31"),
        ("/v1/completions", {"model": "language-en", "prompt": [1] * 31}, "prompt: .* at most 30 items; given: 31"),
        ("/v1/completions", {"model": "language-en", "prompt": ["a"] * 3}, "prompt: .* at most 2 items; given: 3"),
        ("/v1/completions", {"model": "language-en", "max_tokens": 9}, "max_tokens: .* equal to 8; given: 9"),
        ("/v1/completions", {"model": "language-en", "best_of": 3}, "best_of: .* equal to 2; given: 3"),
        ("/hf/language-en", {"inputs": "a", "parameters": {"max_new_tokens": 9}}, "max_new_tokens: .* 8; given"),
        ("/hf/language-en", {"inputs": "a" * 31}, "inputs: .* at most 30 characters; given: 31"),
        ("/hf/sentiment-en", {"inputs": ["a"] * 3}, "inputs: .* at most 2 items; given: 3"),
    ],
)  # fmt: skip
async def test_past_a_limit(client: httpx.AsyncClient, path: str, body: Any, message: str) -> None:
    response = await client.post(path, json=body)
    assert response.status_code in (400, 422)
    error = response.json()["error"]
    assert re.search(message, error if isinstance(error, str) else error["message"])
