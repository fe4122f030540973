"""A service with a tiny captioner."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import torch

from app.main import create_app
from app.settings import Settings
from models import checkpoint
from models.networks.captioner import Captioner, CaptionerConfig
from models.text.tokenizers import WordTokenizer
from tests.conftest import TRAINING
from trainer.data.mnist import NAMES


@pytest.fixture(scope="session")
def words() -> WordTokenizer:
    return WordTokenizer(["</s>", "<unk>", *(name for names in NAMES.values() for name in names)])


@pytest.fixture
def captioner(words: WordTokenizer) -> Captioner:
    torch.manual_seed(5)
    return Captioner(CaptionerConfig(words.size, ("en", "tr"), channels=2, hidden=12, embedding=6)).eval()


@pytest.fixture
def captioners(tmp_path: Path, captioner: Captioner, words: WordTokenizer) -> Path:
    """A folder with a captioner, untrained."""
    weights, folder = dict(captioner.named_parameters()), tmp_path / "captioners"
    metrics: dict[str, list[object]] = {"evaluations": []}
    checkpoint.save(folder / "digits", captioner, weights, words, ("en", "tr"), TRAINING, metrics, "# tiny\n")
    return folder


@pytest.fixture
async def pictures(captioners: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service with the captioner, in this process."""
    app = create_app(Settings(checkpoints=captioners, max_image_pixels=1_000_000, max_body_bytes=200_000))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield client
