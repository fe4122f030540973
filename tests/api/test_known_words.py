"""The shipped language models list words of their training text, and no others that their pieces can spell."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from app.main import create_app
from app.settings import Settings
from models import checkpoint

pytestmark = pytest.mark.anyio
CHECKPOINTS = Path(__file__).parents[2] / "checkpoints"
TEXTS = {
    "language-en": ["she looked very", "he saw the doorb", "they were fa", "It is withi", "in 19", "Lon", "he said"],
    "language-tr": ["çok güzel bir fil", "bu sayfayı sürükleyerek", "genel", "1969 yıl", "İstan", "ayarları boş"],
}


@pytest.fixture(scope="module")
async def shipped() -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(Settings(checkpoints=CHECKPOINTS, models=tuple(TEXTS)))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield client


@pytest.mark.parametrize(("model", "text"), [(model, text) for model, texts in TEXTS.items() for text in texts])
@pytest.mark.parametrize("partial", [False, True])
async def test_only_known_words_are_listed(shipped: httpx.AsyncClient, model: str, text: str, partial: bool) -> None:
    known = checkpoint.load(CHECKPOINTS / model).known_words
    assert known
    body = {"text": text, "model": model, "partial": partial, "top": 20}
    reply = (await shipped.post("/next-word-probs", json=body)).json()
    assert reply["next"]
    assert [entry["word"] for entry in reply["next"] if entry["word"] not in known] == []
    assert sum(entry["probability"] for entry in reply["next"]) + reply["other"] == pytest.approx(1)


async def test_a_word_that_is_named_has_its_probability(shipped: httpx.AsyncClient) -> None:
    body = {"text": "she was very", "model": "language-en", "candidates": ["veryaked", "tired"]}
    reply = (await shipped.post("/next-word-probs", json=body)).json()
    assert {entry["word"] for entry in reply["next"]} == {"veryaked", "tired"}


@pytest.mark.parametrize("word", ["veryaked", "verybby", "doorbeared", "falevated"])
def test_words_that_no_text_has_are_unknown(word: str) -> None:
    known = checkpoint.load(CHECKPOINTS / "language-en").known_words
    assert known
    assert word not in known
