"""Unknown words of a source in its translation, by alignments that are written out here."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.decoding.spelled_words import spelled_words
from models.decoding.unknown_words import UnknownWords
from models.text.known_words import KnownWords

KNOWN = KnownWords.of(
    {
        "the", "letter", "went", "to", "from", "London", "Londra", "mektup", "gitti", "called", "me", "beni", "aradı",
        "Marcel", "saw", "gördü", "Dinosaur", "station", "istasyon", "of", "and", "ve", "evi",
    },
    "en",
)  # fmt: skip


class Pieces:
    """A tokenizer whose ids are the indices of pieces, added as they come."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def add(self, pieces: Sequence[str | bytes]) -> list[int]:
        self.pieces += [piece if isinstance(piece, bytes) else piece.encode() for piece in pieces]
        return list(range(len(self.pieces) - len(pieces), len(self.pieces)))

    def surface(self, index: int) -> bytes:
        return self.pieces[index]

    def decode(self, ids: Sequence[int]) -> str:
        return b"".join(self.pieces[index] for index in ids).decode(errors="replace").removeprefix(" ")


def translated(
    source: str, target: str, attention: Mapping[int, Sequence[int]], direction: str = "en-tr", known: Any = KNOWN
) -> str:
    """The text of a target for a source, "|" between the pieces of both.

    attention has the pieces of the source that a piece of the target attends to; others attend to the source's end.
    """
    tokenizer: Any = Pieces()
    inner, ids = tokenizer.add(source.split("|")), tokenizer.add(target.split("|"))
    weights = torch.zeros(len(ids) + 1, len(inner) + 2)
    for row in range(len(ids)):
        columns = attention.get(row, [len(inner)])
        weights[row, [column + 1 for column in columns]] = 1 / len(columns)
    (language, end) = tokenizer.add(["", ""])
    return UnknownWords(tokenizer, known, *direction.split("-")).replace([language, *inner, end], ids, weights)


@pytest.mark.parametrize(
    ("source", "target", "attention", "direction", "expected"),
    [
        # the translation's suffix stays, and the source's is left out
        (" the| letter| to| Ko|va|č", " Ko|č|'a| mektup", {0: [3], 1: [5], 3: [1]}, "en-tr", "Kovač'a mektup"),
        (" mektup| Ko|vač|'a| gitti", " the| letter| to| Ko|vi", {3: [1], 4: [2]}, "tr-en", "the letter to Kovač"),
        (" Ko|vač|'ın| evi", " Kova|'s| evi", {0: [0, 1], 1: [2]}, "tr-en", "Kovač's evi"),
        (" the| letter| of| O|'Bri|en|'s", " O|'Brn|'in| mektup", {0: [3], 1: [4]}, "en-tr", "O'Brien'in mektup"),
        # two names that went into one word, and one that was dropped beside another
        (" saw| Pené|lope| Etxe|berria", " Pené|berria|'yı| gördü", {0: [1], 1: [4, 2]}, "en-tr",
         "Penélope Etxeberria'yı gördü"),
        (" the| letter| of| Giu|lia| Asan|te", " Giu|lia|'nın| mektup", {0: [3], 1: [4]}, "en-tr",
         "Giulia Asante'nın mektup"),
        # pieces that are repeated, in one word and in several
        (" saw| Wick|rama", " Wick|rama|ma|ma|ma| gördü", {index: [2] for index in range(5)}, "en-tr",
         "Wickrama gördü"),
        (" saw| Wick|rama", " Wick| Rama| Rama|'yı| gördü", {0: [1], 1: [2], 2: [2]}, "en-tr", "Wickrama'yı gördü"),
        # names that are changed to others, and one that the training text has
        (" saw| Marce|lo", " Marcel|'i| gördü", {0: [1, 2]}, "en-tr", "Marcelo'i gördü"),
        (" saw| Abdu| Yıl|dırım", " Abdu| Abdu|'yu| gördü", {0: [1], 1: [2, 3]}, "en-tr", "Abdu Yıldırım'yu gördü"),
        # two sentences' worth of the same name
        (" Ko|vač| saw| Ko|vač", " Kavo| saw| Kovac", {0: [0, 1], 1: [2], 2: [3, 4]}, "tr-en", "Kovač saw Kovač"),
        # a character in bytes
        (" saw| K|ő|s", " Kos|'u| gördü", {0: [1, 2, 3]}, "en-tr", "Kős'u gördü"),
    ],
)  # fmt: skip
def test_a_garbled_name_is_put_right(
    source: str, target: str, attention: dict[int, list[int]], direction: str, expected: str
) -> None:
    assert translated(source, target, attention, direction) == expected


@pytest.mark.parametrize(
    ("source", "target", "attention", "direction"),
    [
        (" saw| London", " Londra|'yı| gördü", {0: [1]}, "en-tr"),  # a known name is translated
        (" the| Kovač| station", " the| istasyon", {1: [1, 2]}, "en-tr"),  # no target word fits
        (" Dinosaur|lara| gitti", " Dinosaurs| went", {0: [0, 1]}, "tr-en"),  # a suffix, and no name
        (" Dinosaur|lara| gitti", " Dinosaur| went", {0: [0, 1]}, "tr-en"),
        (" saw| Kovač", " Kovač|'ı| gördü", {0: [1]}, "en-tr"),  # it is there already
        (" called| xylograph", " Ksilograf| aradı", {0: [1]}, "en-tr"),  # no capital
        (
            " Relettered| London",
            " gitmişti| Londra",
            {0: [0], 1: [1]},
            "en-tr",
        ),  # the first word's capital says nothing
    ],
)
def test_what_is_no_garbled_name_stays(
    source: str, target: str, attention: dict[int, list[int]], direction: str
) -> None:
    assert translated(source, target, attention, direction) == target.replace("|", "").removeprefix(" ")


NAMES = st.lists(st.sampled_from("abdeiklmnoruvyzçğışü"), min_size=4, max_size=9).map("".join).map(str.capitalize)
WORDS = st.sampled_from(["the", "letter", "went", "to", "London", "station", "saw", "and"])


@given(st.lists(st.tuples(WORDS, NAMES), min_size=1, max_size=4), st.data())
def test_every_unknown_name_with_a_word_that_attends_to_it_is_there_once(
    pairs: list[tuple[str, str]], data: Any
) -> None:
    """And the words between are those of the hypothesis, whatever has become of the names."""
    names = [name for _, name in pairs]
    garbled = [data.draw(NAMES.filter(lambda word: word not in {*names, "Marcel"})) for _ in names]
    source = "|".join(f" {word}| {name}" for word, name in pairs)
    target = "|".join(f" {word}| {name}" for (word, _), name in zip(pairs, garbled, strict=True))
    text = translated(source, target, {index: [index] for index in range(2 * len(pairs))}, "en-tr")
    unknown = KNOWN.of_language("en")
    expected = [
        word
        for (left, name), other in zip(pairs, garbled, strict=True)
        for word in (left, other if name in unknown or other in KNOWN.of_language("tr") else name)
    ]
    assert text.split() == expected


@given(st.lists(WORDS, min_size=1, max_size=6), st.lists(NAMES, min_size=1, max_size=6))
def test_without_unknown_words_nothing_changes(source: list[str], target: list[str]) -> None:
    left, right = ("|".join(f" {word}" for word in words) for words in (source, target))
    attention = {index: [index % len(source)] for index in range(len(target))}
    assert translated(left, right, attention) == " ".join(target)


@given(st.text(max_size=30), st.integers(1, 5))
def test_words_are_spans_of_the_text_as_it_is_decoded(text: str, size: int) -> None:
    tokenizer: Any = Pieces()
    content = text.encode("utf-8", errors="ignore")
    ids = tokenizer.add([content[at : at + size] for at in range(0, len(content), size)])
    spelled, words = spelled_words(ids, tokenizer)
    assert spelled.encode("utf-8", errors="surrogateescape").decode("utf-8", errors="replace") == tokenizer.decode(ids)
    for word in words:
        assert spelled[word.start : word.end] == word.text + word.suffix
        covered = b"".join(tokenizer.surface(ids[token]) for token in word.tokens)
        assert word.text.encode() in covered


def test_how_names_are_divided() -> None:
    tokenizer: Any = Pieces()
    text = " Jean-Pierre's O'Brien al-Hassan'ı Kovač-style although'Seven x2 Tom’un don't"
    _, words = spelled_words(tokenizer.add([text]), tokenizer)
    assert [(word.text, word.suffix) for word in words] == [
        ("Jean-Pierre", "'s"), ("O'Brien", ""), ("al-Hassan", "'ı"), ("Kovač", ""), ("style", ""), ("although", ""),
        ("Seven", ""), ("Tom", "’un"), ("don", "'t"),
    ]  # fmt: skip
