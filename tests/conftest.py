"""Tiny models, made once a run: laws hold for them as for large ones."""

import inspect
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import hypothesis
import pytest
import torch
from fastapi import FastAPI

from app.catalog.loading import Choice, load_models
from app.catalog.registry import Registry
from app.main import create_app
from app.settings import Settings
from models import checkpoint
from models.model import Model
from models.networks.classifier import Classifier, ClassifierConfig
from models.networks.language_model import LanguageModel, LanguageModelConfig
from models.networks.summarizer import Summarizer, SummarizerConfig
from models.networks.translator import Translator, TranslatorConfig
from models.text.tokenizers import SubwordTokenizer
from tests.helpers import serving

WAIT_S = 60.0
_timeout = inspect.signature(httpx.get).parameters["timeout"].default  # one object, the default of all calls
_timeout.connect = _timeout.read = _timeout.write = _timeout.pool = WAIT_S  # 5 s can be short on a loaded machine

SENTENCES = [
    "the man sees the dog and the dog sees the man.",
    "a good film, a very good film: we liked it!",
    "the story was bad, and the music was worse.",
    "Where is the station? It is near the old bridge.",
    "adam köpeği görüyor, köpek de adamı görüyor.",
    "çok güzel bir film, herkese tavsiye ederim!",
    "hikâye kötüydü, müzik daha da kötüydü.",
    "İstasyon nerede? Eski köprünün yanında.",
]
TRAINING = {
    "command": "carousel-train …",
    "settings": {},
    "data": {"train": [], "valid": []},
    "parameters": 0,
    "step": 1,
    "total_steps": 1,
    "seconds": 1.0,
    "environment": {"machine": "none", "versions": {}},
}


hypothesis.settings.register_profile("carousel", deadline=None)  # a busy machine is no failure
hypothesis.settings.load_profile("carousel")
torch.set_num_threads(1)  # tiny tensors: a second thread only waits for the first


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def tokenizer() -> SubwordTokenizer:
    return SubwordTokenizer.train(SENTENCES * 3, 420)


@pytest.fixture
def cell() -> str:
    """Of the tiny models; a test may be parametrized to have others."""
    return "lstm"


@pytest.fixture
def language_model(tokenizer: SubwordTokenizer, cell: str) -> LanguageModel:
    torch.manual_seed(1)
    return LanguageModel(LanguageModelConfig(tokenizer.size, embedding=12, hidden=16, layers=2, cell=cell)).eval()


@pytest.fixture
def classifier(tokenizer: SubwordTokenizer, cell: str) -> Classifier:
    torch.manual_seed(2)
    config = ClassifierConfig(tokenizer.size, ("bad", "good", "neither"), embedding=12, hidden=8, layers=2, cell=cell)
    return Classifier(config).eval()


@pytest.fixture
def translator(tokenizer: SubwordTokenizer, cell: str) -> Translator:
    torch.manual_seed(3)
    directions = (("en", "tr"), ("tr", "en"))
    config = TranslatorConfig(tokenizer.size, ("en", "tr"), directions, embedding=12, hidden=16, cell=cell)
    return Translator(config).eval()


@pytest.fixture(scope="session")
def summarizer(tokenizer: SubwordTokenizer) -> Summarizer:
    torch.manual_seed(4)
    config = SummarizerConfig(
        tokenizer.size, ("en",), (("en", "en"),), embedding=12, hidden=16, source_tokens=40, titles=True
    )
    return Summarizer(config).eval()


def save_tiny(directory: Path, model: Model, tokenizer: SubwordTokenizer, *languages: str) -> None:
    """Save a model as it is, with the least that a checkpoint needs."""
    weights = dict(model.named_parameters())
    checkpoint.save(directory, model, weights, tokenizer, languages, TRAINING, {"evaluations": []}, "# tiny\n")


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """A file of texts with labels."""
    rows = [{"text": text, "label": "good" if index % 2 else "bad"} for index, text in enumerate(SENTENCES)]
    path = tmp_path / "labelled.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory, tokenizer: SubwordTokenizer, summarizer: Summarizer) -> Path:
    """A folder with two language models, two classifiers, a translator and a summarizer, all untrained."""
    folder = tmp_path_factory.mktemp("checkpoints")
    torch.manual_seed(7)
    for language in ("en", "tr"):
        model = LanguageModel(LanguageModelConfig(tokenizer.size, embedding=12, hidden=16))
        save_tiny(folder / f"language-{language}", model, tokenizer, language)
        judge = Classifier(ClassifierConfig(tokenizer.size, ("negative", "positive"), embedding=12, hidden=8))
        save_tiny(folder / f"sentiment-{language}", judge, tokenizer, language)
    directions = (("en", "tr"), ("tr", "en"))
    translator = Translator(TranslatorConfig(tokenizer.size, ("en", "tr"), directions, embedding=12, hidden=16))
    save_tiny(folder / "translation-en-tr", translator, tokenizer, "en", "tr")
    save_tiny(folder / "titles-en", summarizer, tokenizer, "en")
    return folder


@pytest.fixture(scope="session")
def registry(checkpoints: Path) -> Registry:
    return load_models(Choice(checkpoints), torch.device("cpu"))


@pytest.fixture
def settings() -> Settings:
    return Settings(
        lessons=True,
        max_prompt_characters=500,
        max_text_characters=400,
        max_source_characters=300,
        max_inspect_characters=300,
        max_texts=4,
        max_new_tokens=40,
        max_choices=4,
        max_body_bytes=20_000,
    )


@pytest.fixture
async def client(registry: Registry, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service with the tiny models, in this process."""
    app = create_app(settings, registry)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield client


@pytest.fixture(scope="session")
def all_kinds(registry: Registry, tokenizer: SubwordTokenizer, tmp_path_factory: pytest.TempPathFactory) -> Registry:
    """With a tiny model of every kind."""
    from tests.tiny_kinds import further  # which needs this module

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


@dataclass(frozen=True)
class Live:
    """url has no slash at its end."""

    url: str
    app: FastAPI


Serve = Callable[..., Live]


@pytest.fixture(scope="module")
def serve(registry: Registry) -> Iterator[Serve]:
    """Starts servers in threads of this process; they stop at the end of the module."""
    with ExitStack() as running:

        def start(models: Registry | None = None, **settings: Any) -> Live:
            made = Settings(port=0, shutdown_timeout_s=1, **settings)
            app = create_app(made, models or registry)
            return Live(running.enter_context(serving(app, made)), app)

        yield start
