"""The table that languages are detected by, from lists of words."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from models.errors import DataError
from models.text.languages import LanguageTable
from trainer.cli.command import make_app
from trainer.studies.languages import read_lists

LISTS = {
    "en": {"the": 50, "house": 5, "walking": 3, "talking": 2, "Reading": 1, "hotel": 1, "1984": 9},
    "tr": {"ve": 50, "ev": 5, "evlerde": 3, "IŞIKLARDA": 2, "yollarda": 1, "hotel": 1},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for language, frequencies in LISTS.items():
        rows = [f"{word}\t{frequency}\n" for word, frequency in frequencies.items()]
        (tmp_path / f"{language}.tsv").write_text("".join(rows), encoding="utf-8")
    return tmp_path


def test_words_are_folded_and_their_frequencies_shares(folder: Path) -> None:
    lists = read_lists(folder)
    assert list(lists["tr"]) == ["ve", "ev", "evlerde", "işiklarda", "yollarda", "hotel"]
    assert lists["en"]["the"] == pytest.approx(50 / 62)
    assert "1984" not in lists["en"]


def test_the_table_knows_words_and_guesses_others(folder: Path) -> None:
    arguments = ["languages", str(folder), "--out", str(folder / "languages.npz"), "--steps", "100", "--listed", "3"]
    result = CliRunner().invoke(make_app(), arguments)
    assert result.exit_code == 0, result.output
    assert "6 words" in result.output
    table = LanguageTable.load(folder / "languages.npz")
    assert table.languages == ("en", "tr")
    assert table.listed("reading") is None
    for words, best in (
        (["the", "house"], 0),
        (["ev"], 1),
        (["looking"], 0),
        (["kollarda"], 1),
        (["the", "the", "ev"], 0),
    ):
        assert table.evidence(words).argmax() == best


def test_lists_that_are_none(folder: Path) -> None:
    (folder / "tr.tsv").write_text("ve\t5\nev\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"tr\.tsv, line 2"):
        read_lists(folder)
    (folder / "tr.tsv").unlink()
    with pytest.raises(DataError, match="fewer than two"):
        read_lists(folder)
