"""The shipped translator keeps names that its training text does not have."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from app.main import create_app
from app.settings import Settings
from models import checkpoint
from trainer.evaluation.kept import KeptSentence, measure_kept, name_sentences

pytestmark = pytest.mark.anyio
CHECKPOINTS = Path(__file__).parents[2] / "checkpoints"
MODEL = "translation-en-tr"
SENTENCES = 16
OTHERS = {
    "en": "The teacher gave the book to {}.",
    "tr": "Öğretmen bana {} hakkında bir soru sordu.",
}


@pytest.fixture(scope="module")
async def shipped() -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(Settings(checkpoints=CHECKPOINTS, models=(MODEL,)))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield client


async def translate(client: httpx.AsyncClient, texts: list[str], source: str, **options: object) -> list[dict]:
    target = "tr" if source == "en" else "en"
    body = {"text": texts, "source": source, "target": target, **options}
    reply = await client.post("/translate", json=body)
    assert reply.status_code == 200, reply.text
    results: list[dict] = reply.json()["results"]
    return results


@pytest.mark.parametrize("source", ["en", "tr"])
async def test_names_are_kept(shipped: httpx.AsyncClient, source: str) -> None:
    """In other sentences than those that are measured too."""
    known = checkpoint.load(CHECKPOINTS / MODEL).known_words
    assert known
    drawn = name_sentences(source, SENTENCES, seed=7)
    names = [[name for _, name in one.items] for one in drawn]
    others = [OTHERS[source].format(" ".join(pair)) for pair in names]
    sentences = [*drawn, *(KeptSentence(text, one.items) for text, one in zip(others, drawn, strict=True))]
    texts = [sentence.text for sentence in sentences]
    replies = await translate(shipped, texts, source, beam_size=1)
    answers = [reply["text"] for reply in replies]
    assert measure_kept(sentences, lambda *_: answers, "").share >= 0.9
