"""The short way of ordinary requests answers as FastAPI does, on every route that takes a body."""

import json
import random
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.catalog.registry import Registry, serve
from app.http.direct import JSON_TYPES
from app.http.routing import ROUTES
from app.main import create_app
from app.settings import Settings
from models import checkpoint
from models.text.tokenizers import SubwordTokenizer
from tests.api.test_shell import VALUES
from tests.conftest import save_tiny
from tests.tiny_images import tiny_pixel_rnn

pytestmark = pytest.mark.anyio
DIRECT, BY_FASTAPI = "application/json", "application/json ; charset=utf-8"
TEXT = "Where is the old station?"
COMPLETION = {"prompt": TEXT, "max_tokens": 3, "seed": 5, "logprobs": 2}
BODIES: dict[str, dict[str, Any]] = {
    "/generate": {"prompt": TEXT, "max_new_tokens": 3, "seed": 5, "n": 2, "logprobs": 1},
    "/next-word-probs": {"text": TEXT, "top": 3, "candidates": ["man", "dog"]},
    "/classify": {"text": [TEXT, "köpek"], "explain": True},
    "/translate": {"text": [TEXT], "target": "tr", "alternatives": 1},
    "/inspect": {"text": TEXT, "model": "sentiment-en"},
    "/vectorize": {"text": [TEXT]},
    "/tokenize": {"text": TEXT, "model": "language-en"},
    "/detokenize": {"tokens": [5, 6], "model": "language-en"},
    "/v1/completions": {"model": "language-en", **COMPLETION},
    "/hf/language-en": {"inputs": TEXT, "parameters": {"max_new_tokens": 3, "seed": 5}},
    "/hf/sentiment-en": {"inputs": [TEXT]},
    "/hf/language-en/v1/completions": COMPLETION,
    "/hf/language-en/tokenize": {"text": TEXT},
    "/hf/language-en/detokenize": {"tokens": [5, 6]},
    "/draw": {"prompt": "seven", "n": 2, "seed": 5},
    "/v1/images/generations": {"prompt": "seven", "n": 2, "seed": 5},
    "/summarize": {"text": [TEXT], "words": True},
    "/train": {"text": TEXT, "steps": 1, "seed": 5},
    "/libretranslate/translate": {"q": TEXT, "source": "en", "target": "tr", "alternatives": 1},
    "/libretranslate/detect": {"q": TEXT},
    "/v2/models/sentiment-en/infer": {"inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": [TEXT]}]},
}
POSTS = [
    group.prefix + route.path
    for group in ROUTES
    for route in group.routes
    if route.method == "POST" and not route.options and not (route.takes_pictures or route.uploads)
]
"""Those that take JSON alone."""


@pytest.fixture
async def client(
    registry: Registry, settings: Settings, tokenizer: SubwordTokenizer, tmp_path: Path
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service that also draws and trains."""
    save_tiny(tmp_path / "digits", tiny_pixel_rnn(tokenizer.size), tokenizer, "en")
    drawing = serve(checkpoint.load(tmp_path / "digits"), "float32")
    app = create_app(settings, Registry([*registry.models.values(), drawing], registry.device))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield client


def test_every_route_is_here() -> None:
    assert DIRECT in JSON_TYPES
    assert BY_FASTAPI not in JSON_TYPES
    for path in POSTS:
        pattern = re.compile(re.sub(r"{\w+}", "[a-z-]+", path))
        assert any(pattern.fullmatch(known) for known in BODIES), path


@pytest.mark.parametrize("path", BODIES)
async def test_the_reply_is_fastapis(client: httpx.AsyncClient, path: str) -> None:
    """The whole reply, of good and of bad bodies: status, headers and content."""
    draw = random.Random(path)
    body = BODIES[path]
    contents = [json.dumps(body).encode(), b"", b"{", b"[" * 100_000, b"\xff", b"[]", b"null", b'{"seed": 5}']
    for value in draw.sample(VALUES, 12):
        text = json.dumps(body | {draw.choice([*sorted(body.keys() - {"seed"}), "model"]): value})
        contents.append(text.encode("utf-8", "surrogatepass"))
    statuses = set()
    for content in contents:
        replies = []
        for media_type in (DIRECT, BY_FASTAPI):
            headers = {"content-type": media_type, "x-request-id": "same"}
            replies.append(await client.post(path, content=content, headers=headers))
        assert _comparable(replies[0]) == _comparable(replies[1])
        statuses.add(replies[0].status_code)
    assert 200 in statuses
    assert len(statuses) > 1


def _comparable(reply: httpx.Response) -> Any:
    """All of a reply but the random id and the time of a completion."""
    content = re.sub(r'"id":"cmpl-\w+"|"created":\d+', "", reply.text)
    headers = {name: value for name, value in reply.headers.items() if name not in ("date", "retry-after")}
    return reply.status_code, headers, content
