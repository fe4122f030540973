"""Which words a language model lists: those of its training text, which its checkpoint keeps."""

import json
import shutil
from pathlib import Path

import pytest

from models import checkpoint
from models.checkpoint_files import replace_files
from models.errors import CheckpointError
from models.kinds import KINDS
from tests.conftest import SENTENCES
from tests.trainer.test_cli import TINY, run

TEXT = "\n".join([*SENTENCES * 12, "the dog saw 1,969 good films in London"])
FILE = "words.bloom"
SMALL = [*TINY[:-1], "vocabulary_size=330", "--set", "batch_size=2", "--set", "bptt=16"]


@pytest.fixture
def trained(tmp_path: Path, capsys, monkeypatch) -> Path:
    """A language model, trained on a text that is also in the folder."""
    (tmp_path / "train.txt").write_text(TEXT, encoding="utf-8")
    (tmp_path / "valid.txt").write_text("the man sees the dog in 2024.\nthe film was good", encoding="utf-8")
    out, data = tmp_path / "model", ["--train", "train.txt", "--valid", "valid.txt", "--data", tmp_path]
    status, printed = run(capsys, monkeypatch, "language", *data, "--out", out, *SMALL)
    assert status == 0, printed
    return out


def test_training_keeps_the_words_of_the_training_text(trained: Path) -> None:
    loaded = checkpoint.load(trained)
    assert loaded.known_words
    assert all(word in loaded.known_words for word in ("dog", "Dog", "hikâye", "London", "2024"))
    assert not any(word in loaded.known_words for word in ("dogsees", "veryaked", "london"))
    record = loaded.training["data_report"]["known_words"]
    assert record == {"words": loaded.known_words.count, "unknown_in_validation": 0.0, "kept": True}
    assert f"lists the {loaded.known_words.count} words of the training text" in loaded.card


def test_the_command_adds_the_same_to_an_older_checkpoint(trained: Path, tmp_path: Path, capsys, monkeypatch) -> None:
    before = {path.name: path.read_bytes() for path in trained.iterdir()}
    replace_files(trained, {}, without=[FILE])
    assert checkpoint.load(trained).known_words is None
    status, printed = run(capsys, monkeypatch, "words", trained, "--data", tmp_path)
    assert status == 0
    assert json.loads(printed)["data"][0]["name"] == "train.txt"
    after = {path.name: path.read_bytes() for path in trained.iterdir()}
    changed = {name for name in before | after if before.get(name) != after.get(name)}
    assert changed <= {"config.json", "manifest.json"}  # which name the data a second time
    assert checkpoint.load(trained).known_words


def test_only_from_the_text_that_it_was_trained_on(trained: Path, tmp_path: Path, capsys, monkeypatch) -> None:
    with (tmp_path / "train.txt").open("a", encoding="utf-8") as file:
        file.write("veryaked\n")
    status, printed = run(capsys, monkeypatch, "words", trained, "--data", tmp_path)
    assert status == 2
    assert "train.txt: not the file that the checkpoint was trained" in printed


@pytest.mark.parametrize("name", ["sentiment-en", "sentiment-tr"])
def test_not_for_classifiers(checkpoints: Path, tmp_path: Path, capsys, monkeypatch, name: str) -> None:
    directory = Path(shutil.copytree(checkpoints / name, tmp_path / name))
    status, printed = run(capsys, monkeypatch, "words", directory)
    assert status == 2
    assert "only a language model or a translator" in printed


def test_not_where_the_training_text_lacks_too_many_words(trained: Path, tmp_path: Path, capsys, monkeypatch) -> None:
    (tmp_path / "other.txt").write_text("quite different words stand here, the dog too", encoding="utf-8")
    status, printed = run(capsys, monkeypatch, "words", trained, "--valid", "other.txt", "--data", tmp_path)
    assert status == 2
    assert "its training text lacks" in printed
    out = tmp_path / "another"
    data = ["--train", "train.txt", "--valid", "other.txt", "--data", tmp_path, "--out", out]
    assert run(capsys, monkeypatch, "language", *data, *SMALL)[0] == 0
    loaded = checkpoint.load(out)
    assert loaded.known_words is None
    assert loaded.training["data_report"]["known_words"]["kept"] is False


@pytest.mark.parametrize(("tokenizer", "kept"), [("subword", True), ("word", False), ("wordpunct", False)])
def test_counted_models_too_where_words_are_spelled_by_pieces(
    tmp_path: Path, capsys, monkeypatch, tokenizer: str, kept: bool
) -> None:
    assert KINDS["ngram"].task == "language"
    (tmp_path / "train.txt").write_text(TEXT, encoding="utf-8")
    data = ["--train", "train.txt", "--valid", "train.txt", "--data", tmp_path, "--out", tmp_path / "model"]
    settings = ["--language", "en", "--set", f"tokenizer={tokenizer}", "--set", "vocabulary_size=330"]
    status, printed = run(capsys, monkeypatch, "ngram", *data, *settings)
    assert status == 0, printed
    assert (checkpoint.load(tmp_path / "model").known_words is not None) == kept


def test_a_damaged_filter_is_named(trained: Path) -> None:
    replace_files(trained, {FILE: b"nothing"})
    with pytest.raises(CheckpointError, match=f"{FILE}: not a filter of words"):
        checkpoint.load(trained)


def test_translators_keep_the_words_of_both_languages_but_no_invented_names(
    tmp_path: Path, capsys, monkeypatch
) -> None:
    """Training changes names, and that is not the training text; a name is known where it has a suffix alone."""
    pairs = [
        ("the dog sees Tom and Mary.", "köpek Tom'u ve Mary'yi görür."),
        ("it sees Ankara", "Ankara'yı İzmir'den görür"),
    ]
    rows = "".join(f"{english}\t{turkish}\n" for english, turkish in pairs * 12)
    (tmp_path / "pairs.tsv").write_text(rows, encoding="utf-8")
    data = ["--train", "pairs.tsv", "--valid", "pairs.tsv", "--data", tmp_path, "--out", tmp_path / "model"]
    settings = ["--set", "epochs=1", "--set", "embedding=8", "--set", "hidden=8", "--set", "vocabulary_size=330"]
    settings += ["--set", "symbols=true", "--set", "renamed=1.0", "--languages", "en,tr"]
    status, printed = run(capsys, monkeypatch, "translator", *data, *settings)
    assert status == 0, printed
    loaded = checkpoint.load(tmp_path / "model")
    known = loaded.known_words
    assert known
    words = {"the", "dog", "sees", "Tom", "and", "Mary", "köpek", "Tom'u", "ve", "Mary'yi", "görür", "it"}
    assert all(word in known for word in {*words, "Ankara", "Ankara'yı", "İzmir", "İzmir'den"})
    assert known.count == len(words) + 4
    assert "are taken for names" in loaded.card
    before = (tmp_path / "model" / FILE).read_bytes()
    replace_files(tmp_path / "model", {}, without=[FILE])
    assert run(capsys, monkeypatch, "words", tmp_path / "model", "--data", tmp_path)[0] == 0
    assert (tmp_path / "model" / FILE).read_bytes() == before
