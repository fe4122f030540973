"""Sentences that are made by rule to teach classifiers negation, emoji and neutrality, and to measure that."""

from pathlib import Path

import pytest

from models.errors import DataError
from models.text.emoji import LANGUAGES
from trainer.data.sentiment.emoji import emoji
from trainer.data.sentiment.negation import FAMILIES, negation
from trainer.data.sentiment.neutral import neutral
from trainer.data.sentiment.source import parse_sentiment
from trainer.data.sentiment.words import LABELS, Part, load_words, words_of


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("rule", [negation, emoji])
def test_no_text_is_trained_on_and_measured(language: str, rule) -> None:
    parts: tuple[Part, ...] = ("train", "held_back", "unseen")
    texts = {}
    for part in parts:
        rows = list(rule(language, part))
        assert list(rule(language, part)) == rows
        counts = [sum(label == name for _, label in rows) for name in LABELS]
        assert sum(counts) == len(rows)
        assert min(counts) > len(rows) / 5
        assert len(rows) >= 300
        texts[part] = {text.rstrip(".!").lower() for text, _ in rows}
    assert not texts["train"] & (texts["held_back"] | texts["unseen"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_word_has_one_label_in_its_family(language: str) -> None:
    words = load_words(language)
    for family in FAMILIES:
        entries = [word for label in LABELS for word in words[family][label]]
        assert len(entries) == len(set(entries)), family
        templates = [template for name in ("affirming", "turning") for template in words[family][name]]
        held_back = [template for name in ("affirming", "turning") for template in words[family][f"unseen_{name}"]]
        assert not set(templates) & set(held_back), family


@pytest.mark.parametrize(
    ("language", "text", "label"),
    [
        ("en", "not good", "negative"),
        ("en", "no problems", "positive"),
        ("en", "not red", "neutral"),
        ("tr", "fena değil", "positive"),
        ("tr", "iyi değil", "negative"),
        ("tr", "kırmızı değil", "neutral"),
    ],
)
def test_negation_turns_an_opinion_round(language: str, text: str, label: str) -> None:
    rows = [*negation(language, "train"), *negation(language, "held_back")]
    labels = {label for row, label in rows if row.rstrip(".!").lower() == text}
    assert labels == {label}


def test_every_tenth_word_is_unseen() -> None:
    words = [*"abcdefghijkl"]
    assert words_of(words, "unseen") == ["j"]
    assert words_of(words, "train") == words_of(words, "held_back") == [*"abcdefghikl"]


def test_no_emoji_has_two_labels() -> None:
    lists = load_words("emoji")["emoji"]
    symbols = [symbol for names in lists.values() for symbol in names.split()]
    assert len(symbols) == len(set(symbols))


def test_neutral_text_has_no_word_of_opinion() -> None:
    texts = ["The train leaves at eight.", "What a BEAUTIFUL day it was.", "Yes.", "The file was not saved."]
    assert sorted(neutral(texts, "en")) == [(texts[3], "neutral"), (texts[0], "neutral")]
    assert list(neutral(["GÜZEL bir gün.", "Tren sekizde kalkıyor."], "tr")) == [("Tren sekizde kalkıyor.", "neutral")]


class TestSources:
    def test_a_rule(self) -> None:
        source = parse_sentiment("sentiment:negation-tr", Path(), "train")
        assert list(source.rows()) == list(negation("tr", "train"))
        held_back = parse_sentiment("sentiment:negation-tr", Path(), "validation")
        assert list(held_back.rows()) == list(negation("tr", "held_back"))
        unseen = parse_sentiment("sentiment:negation-tr-unseen", Path(), "validation")
        assert list(unseen.rows()) == list(negation("tr", "unseen"))
        assert source.describe()["sha256"] != held_back.describe()["sha256"]

    def test_neutral_texts_of_a_column(self, tmp_path: Path) -> None:
        (tmp_path / "pairs.tsv").write_text("He left at noon.\tÖğlen gitti.\n", encoding="utf-8")
        source = parse_sentiment("sentiment:neutral-tr:pairs.tsv:2", tmp_path, "train")
        assert list(source.rows()) == [("Öğlen gitti.", "neutral")]

    @pytest.mark.parametrize("name", ["negation-de", "irony-en", "negation-en:file.tsv", "neutral-en", "negation"])
    def test_other_names_are_refused(self, name: str) -> None:
        with pytest.raises(DataError, match="not of the form"):
            parse_sentiment(f"sentiment:{name}", Path(), "train")

    def test_what_is_unseen_is_not_trained_on(self) -> None:
        with pytest.raises(DataError, match="not of the form"):
            parse_sentiment("sentiment:negation-en-unseen", Path(), "train")
