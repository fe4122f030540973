"""What the front keeps, over HTTP with the shipped translator: one request for each direction and format."""

from pathlib import Path

import httpx
import pytest

from app.main import create_app
from app.settings import Settings
from models import checkpoint
from tests.front_cases import CASES, FrontCase

pytestmark = pytest.mark.anyio
SHIPPED = Path(__file__).parents[2] / "checkpoints"
NAME = "translation-en-tr"
SERVED = [case for case in CASES if not case.text.isspace()]
"""A text of white space is refused."""
Translations = dict[tuple[str, str, str], str]
"""Of a source language, format and text."""


@pytest.fixture(scope="module")
def has_symbols() -> bool:
    return bool(checkpoint.load(SHIPPED / NAME).tokenizer.symbol_ids)


@pytest.fixture(scope="module")
async def translations() -> Translations:
    settings = Settings(checkpoints=SHIPPED, models=NAME, max_texts=len(CASES) * 2)
    app = create_app(settings)
    found: Translations = {}
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test", timeout=300) as client:
            for source, text_format in (("en", "text"), ("tr", "text"), ("en", "html"), ("tr", "html")):
                cases = [case for case in SERVED if (case.source, case.format) == (source, text_format)]
                texts = [text for case in cases for text in (case.text, case.same_as) if text is not None]
                body = {"text": texts, "source": source, "target": cases[0].target, "format": text_format}
                response = await client.post("/translate", json=body | {"beam_size": 2})
                assert response.status_code == 200, response.text
                for text, result in zip(texts, response.json()["results"], strict=True):
                    found[source, text_format, text] = result["text"]
    return found


@pytest.mark.parametrize("case", SERVED, ids=lambda case: f"{case.source}-{case.kind}")
async def test_cases(translations: Translations, has_symbols: bool, case: FrontCase) -> None:
    translation = translations[case.source, case.format, case.text]
    case.check(translation, has_symbols)
    if case.same_as is not None:
        assert translation == translations[case.source, case.format, case.same_as]
