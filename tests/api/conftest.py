"""A service with a tiny model of every kind."""

from collections.abc import AsyncIterator

import httpx
import pytest
import torch

from app.catalog.registry import Registry
from app.main import create_app
from app.settings import Settings
from models.text.tokenizers import SubwordTokenizer
from tests.tiny_kinds import further


@pytest.fixture(scope="session")
def all_kinds(registry: Registry, tokenizer: SubwordTokenizer, tmp_path_factory: pytest.TempPathFactory) -> Registry:
    models = [*registry.models.values(), *further(tmp_path_factory.mktemp("further"), tokenizer)]
    return Registry(models, torch.device("cpu"))


@pytest.fixture
async def client_of_all_kinds(all_kinds: Registry, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A client of it, in this process."""
    app = create_app(settings, all_kinds)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield client
