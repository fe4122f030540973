"""A kind of model is one record: registering it is all that the trainer, checkpoints and the service need."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import torch
from torch import Tensor

from app.main import create_app
from app.settings import Settings
from models import checkpoint
from models.batch import Batch
from models.counted.ngram import Ngram
from models.errors import ConfigError
from models.kinds import KINDS, Kind, kind_named, kind_of, register
from models.model import Model
from tests.conftest import SENTENCES
from tests.trainer.test_cli import run
from trainer.evaluation.config import EvaluationConfig
from trainer.tasks.configs import VocabularyConfig
from trainer.tasks.kinds import BAG
from trainer.tasks.training import Fit, Material, Training

pytestmark = pytest.mark.anyio


@dataclass(frozen=True)
class PriorConfig:
    vocabulary: int
    labels: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", tuple(self.labels))


class Prior(Model):
    """The toy: it reads nothing, and answers how often each label was in the training data."""

    config: PriorConfig
    shares: Tensor

    def __init__(self, config: PriorConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("shares", torch.zeros(len(config.labels)))


class PriorRuntime:
    precision, exact, device = "float32", True, torch.device("cpu")

    def __init__(self, model: Prior) -> None:
        self.bias = model.shares.log()

    def classify(self, batch: Batch, explain: bool) -> tuple[Tensor, Tensor | None]:
        rows, steps = batch.ids.shape
        shares = torch.zeros(rows, steps, len(self.bias)) if explain else None
        return self.bias.expand(rows, -1), shares


@dataclass(frozen=True)
class PriorFit(Fit):
    material: Material

    def fit(self) -> tuple[Model, dict[str, object], str]:
        corpus = self.material.corpus
        model = Prior(PriorConfig(self.material.tokenizer.size, corpus.label_names))
        model.shares.copy_(torch.bincount(torch.from_numpy(corpus.labels.copy())).float() / len(corpus.labels))
        return model, {}, "shares of labels"


PRIOR = Training(
    help="Count how often each label is there.",
    configurations=(VocabularyConfig, EvaluationConfig),
    build=PriorFit,
    evaluate=BAG.evaluate,
)


@pytest.fixture
def prior() -> Iterator[Kind]:
    kind = register(
        Kind(
            name="prior",
            config=PriorConfig,
            model=Prior,
            task="classifier",
            lanes=KINDS["bag"].lanes,
            runtime=lambda model, _precision, _threads: PriorRuntime(model),
            training=f"{__name__}:PRIOR",
            columns=("text", "label"),
            tsv_columns=("text", "label"),
            text_columns=1,
            metric="accuracy",
            higher_is_better=True,
            sentence="A toy that knows only how often labels are.",
            shown=("labels",),
            counted=True,
        )
    )
    yield kind
    del KINDS["prior"]


async def test_a_registered_kind_is_trained_saved_loaded_served_and_listed(
    prior: Kind, labelled: Path, tmp_path: Path, capsys, monkeypatch
) -> None:
    data = ["--train", labelled, "--valid", labelled, "--language", "en", "--set", "vocabulary_size=300"]
    for name in ("toy", "other"):
        status, printed = run(capsys, monkeypatch, "prior", *data, "--out", tmp_path / "served" / name)
        assert status == 0, printed
    loaded = checkpoint.load(tmp_path / "served" / "toy")
    assert isinstance(loaded.model, Prior)
    assert loaded.model.shares.tolist() == [0.5, 0.5]
    assert loaded.metrics["evaluations"][0]["scores"]["accuracy"] == 0.5
    assert prior.sentence in loaded.card
    status, printed = run(capsys, monkeypatch, "compare", tmp_path / "served" / "toy", tmp_path / "served" / "other")
    assert (status, "accuracy" in printed) == (0, True)
    status, printed = run(capsys, monkeypatch, "evaluate", tmp_path / "served" / "toy", labelled)
    assert (status, '"accuracy": 0.5' in printed) == (0, True)

    app = create_app(Settings(checkpoints=tmp_path / "served", models=("toy",)))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            listed = (await client.get("/models")).json()["models"]
            assert [(model["kind"], model["labels"]) for model in listed] == [("prior", ["bad", "good"])]
            reply = await client.post("/classify", json={"text": SENTENCES[0], "explain": True})
            assert reply.status_code == 200, reply.text
            assert reply.json()["results"][0]["scores"] == pytest.approx({"bad": 0.5, "good": 0.5})


@pytest.mark.parametrize("kind", list(KINDS.values()), ids=list(KINDS))
def test_what_a_record_names_is_there(kind: Kind) -> None:
    training = kind.load_training()
    assert callable(kind.load_lanes())
    assert training.configurations
    assert training.help
    assert len(kind.columns) == len(kind.tsv_columns) >= kind.text_columns
    assert (kind.task == "classifier") == ("label" in kind.columns)


def test_a_kind_is_registered_once(prior: Kind) -> None:
    with pytest.raises(ConfigError, match="'prior' of Prior is registered already"):
        register(prior)


def test_an_unknown_kind_is_named() -> None:
    with pytest.raises(ConfigError, match="unknown kind of model 'tree'; known: language, "):
        kind_named("tree")
    with pytest.raises(ConfigError, match="Model is no registered kind"):
        kind_of(Model())


@pytest.mark.parametrize("kind", ["ngram", "bag"])
async def test_counted_models_are_compared_without_curves(
    kind: str, labelled: Path, tmp_path: Path, capsys, monkeypatch
) -> None:
    data = ["--train", labelled, "--valid", labelled, "--language", "en"]
    for order in (1, 2):
        settings = ["--set", "vocabulary_size=60", "--set", "tokenizer=word", "--set", f"order={order}"]
        status, printed = run(capsys, monkeypatch, kind, *data, *settings, "--out", tmp_path / f"order-{order}")
        assert status == 0, printed
    pair = [tmp_path / "order-1", tmp_path / "order-2"]
    status, printed = run(capsys, monkeypatch, "compare", *pair)
    assert (status, "setting order" in printed) == (0, True), printed
    status, printed = run(capsys, monkeypatch, "compare", *pair, "--plot", tmp_path / "curves.png")
    assert (status, "it has no learning curve" in " ".join(printed.split())) == (2, True)
    assert isinstance(checkpoint.load(pair[0]).model, Ngram) == (kind == "ngram")
