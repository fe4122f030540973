"""The captioner: its network, its data, its training and its scores."""

import gzip
from pathlib import Path

import numpy as np
import pytest
import torch

from models import checkpoint
from models.decoding.captions import MAX_WORDS, describe
from models.errors import ConfigError, DataError
from models.networks.captioner import Captioner, CaptionerConfig
from models.text.tokenizers import WordTokenizer
from tests.pictures.digits import write_mnist
from tests.trainer.test_cli import run
from trainer.data import mnist
from trainer.data.digit_lines import MEASURED, TRAINED, Lines, compose
from trainer.data.mnist import MnistSource, read_idx
from trainer.evaluation.captions import edit_distance


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """MNIST in small: 30 digits, of which the last 10 are held back."""
    monkeypatch.setattr(mnist, "HELD_BACK", 10)
    write_mnist(tmp_path, 30)
    return tmp_path


@pytest.fixture
def lines(folder: Path) -> Lines:
    source = MnistSource("mnist:.", folder, "train")
    generator = np.random.default_rng(1)
    return compose(source.images, source.labels, np.array([1, 3, 5]), TRAINED, generator)


def test_a_padded_picture_is_read_as_it_is_alone(captioner: Captioner, lines: Lines, words: WordTokenizer) -> None:
    together = describe(captioner, lines.pictures, lines.widths, ["en", "tr", "en"], words.end_id)
    for row, language in enumerate(("en", "tr", "en")):
        width = int(lines.widths[row])
        alone = describe(
            captioner, lines.pictures[row : row + 1, :, :width], lines.widths[row : row + 1], [language], words.end_id
        )[0]
        assert alone.ids == together[row].ids
        assert alone.probabilities == pytest.approx(together[row].probabilities, rel=1e-4)
        assert len(alone.attention) == len(alone.ids)
        for weights, others in zip(alone.attention, together[row].attention, strict=True):
            assert weights == pytest.approx(others, abs=1e-5)


def test_teacher_forcing_is_step_by_step(captioner: Captioner, lines: Lines) -> None:
    ids = torch.tensor([[22, 5, 6, 7]] * 3)
    encoded, state = captioner.encode(lines.pictures, lines.widths)
    logits, weights, _ = captioner.decode(ids, encoded, state)
    for step in range(4):
        one, attention, state = captioner.decode(ids[:, step : step + 1], encoded, state)
        assert torch.allclose(one[:, 0], logits[:, step], atol=1e-5)
        assert torch.allclose(attention[:, 0], weights[:, step], atol=1e-5)


def test_a_caption_ends(captioner: Captioner, lines: Lines, words: WordTokenizer) -> None:
    torch.nn.init.zeros_(captioner.head.weight)
    with torch.no_grad():
        captioner.head.bias.copy_(torch.arange(words.size))  # never the end
    (caption, *_) = describe(captioner, lines.pictures, lines.widths, ["en"] * 3, words.end_id)
    assert len(caption.ids) == MAX_WORDS


@pytest.mark.parametrize("fields", [{"hidden": 7}, {"languages": ()}, {"languages": ("en", "en")}, {"channels": 0}])
def test_a_wrong_size_is_named(fields: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="CaptionerConfig"):
        CaptionerConfig(**{"vocabulary": 22, "languages": ("en",), **fields})  # type: ignore[arg-type]


def test_a_language_that_was_not_trained_is_an_error(captioner: Captioner) -> None:
    with pytest.raises(ConfigError, match="'de' is none of en, tr"):
        captioner.language_id("de")


def test_held_back_digits_are_never_trained_on(folder: Path) -> None:
    train, valid = (MnistSource("mnist:.", folder, split) for split in ("train", "validation"))
    assert (len(train.images), len(valid.images)) == (20, 10)
    everything = read_idx(folder / mnist.FILES[0], 3)
    assert np.array_equal(np.concatenate([train.images, valid.images]), everything)
    assert [row for (row,) in train.rows()][:2] == ["zero sıfır", "one bir"]


def test_pictures_are_a_function_of_their_seed(folder: Path) -> None:
    source = MnistSource("mnist:.", folder, "train")
    made = [
        compose(source.images, source.labels, np.array([5, 2]), MEASURED, np.random.default_rng(seed))
        for seed in (1, 1, 2)
    ]
    assert torch.equal(made[0].pictures, made[1].pictures)
    assert made[0].digits == made[1].digits != made[2].digits
    assert [len(digits) for digits in made[0].digits] == [5, 2]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"no gzip", "gzip"),
        (gzip.compress(b"no idx", mtime=0), "not an IDX"),
        (gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0, 9, 1]), mtime=0), "1 bytes"),
    ],
    ids=["no gzip", "no IDX", "cut short"],
)
def test_a_damaged_file_is_named(content: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "labels.gz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=reason):
        read_idx(path, 1)


@pytest.mark.parametrize(
    ("words_", "others", "distance"), [("a b c", "a b c", 0), ("", "a b", 2), ("a c", "a b c", 1), ("b a", "a b", 2)]
)
def test_edit_distance(words_: str, others: str, distance: int) -> None:
    assert edit_distance(words_.split(), others.split()) == edit_distance(others.split(), words_.split()) == distance


def test_the_command_trains_measures_and_evaluates(folder: Path, tmp_path: Path, capsys, monkeypatch) -> None:
    out = tmp_path / "digits"
    small = ("epoch_pictures=8", "batch_size=4", "scored_pictures=4", "epochs=1", "hidden=12", "channels=2")
    settings = [part for setting in (*small, "tokenizer=word", "embedding=6") for part in ("--set", setting)]
    data = ["--data", folder, "--train", "mnist:.", "--valid", "mnist:."]
    monkeypatch.setattr("trainer.evaluation.captions.PICTURES", 4)
    status, printed = run(capsys, monkeypatch, "captioner", *data, "--language", "en,tr", *settings, "--out", out)
    assert status == 0, printed
    assert "leakage" not in printed
    loaded = checkpoint.load(out)
    assert isinstance(loaded.model, Captioner)
    scores = loaded.metrics["evaluations"][0]["scores"]
    assert scores["pictures"] == 4
    assert 0 <= scores["picture_accuracy"] <= 1 >= scores["word_accuracy"]  # which insertions can make negative
    assert set(scores["en"]) == set(scores["tr"]) == {"word_accuracy", "word_accuracy_95", "picture_accuracy"}
    assert "word_accuracy" in loaded.card
    status, printed = run(capsys, monkeypatch, "evaluate", out, "--data", folder, "mnist:.")
    assert status == 0, printed


def test_a_captioner_is_trained_on_pictures(labelled: Path, tmp_path: Path, capsys, monkeypatch) -> None:
    (tmp_path / "names.txt").write_text("one\ntwo\n")
    data = ["--train", tmp_path / "names.txt", "--valid", tmp_path / "names.txt", "--language", "en"]
    status, printed = run(
        capsys, monkeypatch, "captioner", *data, "--set", "tokenizer=word", "--out", tmp_path / "digits"
    )
    assert (status, "mnist:FOLDER" in printed) == (2, True)
