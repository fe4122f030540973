"""The language of a text, among those served first: words and short sentences of ten languages."""

import itertools
import unicodedata
from pathlib import Path

import pytest

from app.catalog.detection import Detected, detect, identify
from app.errors import NoModel
from models.errors import DataError
from models.text.front import upper
from models.text.languages import LanguageTable
from tests.languages import LANGUAGES, sentences, words

SERVED = ("en", "tr")
EVERYTHING = [(language, text) for language in LANGUAGES for text in (*words(language), *sentences(language))]


def language_of(text: str) -> str:
    return identify(text, SERVED).language


@pytest.mark.parametrize("language", SERVED)
def test_a_word_of_a_served_language_is_of_that(language: str) -> None:
    assert [word for word in words(language) if language_of(word) != language] == []


def test_words() -> None:
    detected = {(language, word): language_of(word) for language in LANGUAGES for word in words(language)}
    wrong = {one: name for one, name in detected.items() if name != one[0]}
    assert len(wrong) < 0.1 * len(detected), wrong
    taken = {one: name for one, name in wrong.items() if name in SERVED}
    assert len(taken) < 0.03 * len(detected), taken


def test_sentences() -> None:
    wrong = {text: language_of(text) for name in LANGUAGES for text in sentences(name) if language_of(text) != name}
    assert wrong == {}


def test_what_is_being_typed_is_not_refused() -> None:
    for language in SERVED:
        for text in sentences(language):
            first = text.index(" ") + 1
            for end in range(first, len(text)):
                assert identify(text[:end], SERVED).language in SERVED, text[:end]


def test_capitals_and_what_normalization_ignores_change_nothing() -> None:
    for language, text in EVERYTHING:
        detected = identify(text, SERVED)
        others = (
            upper(text, language),
            text.capitalize(),
            unicodedata.normalize("NFD", text),
            text.replace(" ", "\u00a0"),
            f"\ufeff{text[:1]}\u00ad{text[1:]}\u200b",
        )
        assert [one for one in others if identify(one, SERVED) != detected] == []


@pytest.mark.parametrize(
    "text",
    ["", " \n", "1984", "12.30 – 14:45", "https://example.org/der/neue/weg", "{name}: %d", "`kein Wort`", "😀", "?!"],
)
def test_no_claim_without_words(text: str) -> None:
    assert identify(text, ("tr", "en")) == Detected("tr", 0.0)
    assert detect(text, SERVED) == Detected("en", 0.0)


@pytest.mark.parametrize(("word", "language"), [("hotel", "en"), ("door", "en"), ("para", "tr"), ("su", "tr")])
def test_a_word_of_several_languages_is_of_the_served_one(word: str, language: str) -> None:
    assert language_of(word) == language


@pytest.mark.parametrize("text", [" ".join(order) for order in itertools.permutations(("we", "met", "last"))])
def test_a_few_common_words_of_a_served_language_are_of_that(text: str) -> None:
    assert language_of(text) == "en"
    assert language_of(f"{text} om vier uur bij het station") == "nl"


def test_a_text_in_another_language_is_refused_by_its_name() -> None:
    with pytest.raises(NoModel, match=r"'de'; there are models for en, tr") as raised:
        detect("Mein Bruder schläft.", SERVED, "text/1")
    assert raised.value.field == "text/1"
    assert detect("Mein Bruder schläft.", ("en", "de", "tr")).language == "de"


@pytest.mark.parametrize(
    ("text", "among", "language"),
    [
        ("これは本です", ("en", "ja"), "ja"),
        ("This is a book.", ("en", "ja"), "en"),
        ("これは本です", ("en", "tr"), "ja"),
        ("Бұл менің кітабым, ол үстелде жатыр.", ("en", "kk"), "kk"),
        ("Ĉu vi povas helpi min trovi la malnovan stacidomon?", ("en", "eo"), "eo"),
        ("Can you help me to find the old station?", ("en", "eo"), "en"),
        ("Ĉu vi povas helpi min trovi la malnovan stacidomon?", ("en", "tr"), "eo"),
    ],
)
def test_languages_that_the_table_does_not_know(text: str, among: tuple[str, ...], language: str) -> None:
    assert identify(text, among).language == language


def test_a_file_that_is_no_table(tmp_path: Path) -> None:
    (tmp_path / "languages.npz").write_bytes(b"no table")
    with pytest.raises(DataError, match="no table of languages"):
        LanguageTable.load(tmp_path / "languages.npz")
