"""`carousel-train image`: from MNIST's files to a checkpoint that draws."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from models import checkpoint
from models.networks.pixel_rnn import PixelRNN
from tests.trainer.test_cli import run
from trainer.data import mnist
from trainer.data.mnist import FILES, parse_mnist
from trainer.studies.drawings import measure_drawings

TINY = ("height=4", "width=4", "row_hidden=4", "row_features=2", "window_features=4", "context=4", "hidden=4", "head=3")
LOOP = ("epochs=2", "batch_size=20", "scored_images=20", "resamples=20", "vocabulary_size=22", "tokenizer=word")


HELD_BACK = 300


@pytest.fixture(autouse=True)
def _fewer_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mnist, "HELD_BACK", HELD_BACK)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images of 4 by 4 pixels: of an even digit the left half is ink, of an odd one the right half."""
    folder = tmp_path_factory.mktemp("mnist")
    generator = np.random.default_rng(1)
    labels = generator.integers(0, 10, HELD_BACK + 400).astype(np.uint8)
    images = np.zeros((len(labels), 4, 4), np.uint8)
    images[labels % 2 == 0, :, :2] = 255
    images[labels % 2 == 1, :, 2:] = 255
    for name, array in zip(FILES, (images, labels), strict=True):
        header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
        (folder / name).write_bytes(gzip.compress(header + array.tobytes(), 1))
    return folder


def test_it_is_trained_measured_and_shown(folder: Path, tmp_path: Path, capsys, monkeypatch) -> None:
    settings = [part for setting in (*TINY, *LOOP, "learning_rate=0.05") for part in ("--set", setting)]
    data = ["--train", f"mnist:{folder}", "--valid", f"mnist:{folder}", "--language", "en"]
    status, printed = run(capsys, monkeypatch, "image", *data, *settings, "--out", tmp_path / "halves")
    assert status == 0, printed
    loaded = checkpoint.load(tmp_path / "halves")
    assert isinstance(loaded.model, PixelRNN)
    assert loaded.model.config.classes[7] == ("seven", "yedi", "7")
    scores = loaded.metrics["evaluations"][0]["scores"]
    assert scores["images"] == HELD_BACK
    # sixteen pixels are a coin each at first, and in the end one of two images, of which the class says which
    assert scores["nats_given_class"] < 0.5 * 16 * np.log(2)
    # a mixture has at least a tenth of the likeliest class's probability
    assert scores["nats_given_class"] - 1e-6 <= scores["nats"] + np.log(10)
    assert scores["nats"] <= scores["nats_given_class"] + np.log(10) + 1e-6
    assert "![64 drawings](drawings.png)" in loaded.card
    assert (tmp_path / "halves" / "drawings.png").read_bytes().startswith(b"\x89PNG")
    measured = measure_drawings(tmp_path / "halves", f"mnist:{folder}", Path(), count=20, epochs=1, seed=1)
    assert measured["drawings"] == 20
    assert 0 <= measured["agreement"]["0.5"] <= 1


def test_what_is_held_back_is_not_trained_on(folder: Path) -> None:
    train, held_back = (parse_mnist(f"mnist:{folder}", Path(), split) for split in ("train", "validation"))
    assert len(train.images) == len(train.labels) == 400
    assert len(held_back.images) == HELD_BACK


def test_other_data_are_refused(folder: Path, tmp_path: Path, capsys, monkeypatch) -> None:
    status, printed = run(
        capsys, monkeypatch, "image", "--train", f"mnist:{folder}", "--valid", f"mnist:{folder}", "--language", "en",
        "--set", "vocabulary_size=22", "--set", "tokenizer=word", "--out", tmp_path / "model",
    )  # fmt: skip
    assert status == 2
    assert "scored_images" in printed
