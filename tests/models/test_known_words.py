"""The filter of a training text's words: everything in it is known, and hardly anything else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ModelError
from models.text.known_words import KnownWords, parts

TEXTS = st.lists(st.text(max_size=40), max_size=20)


@given(TEXTS, st.sampled_from(["en", "tr"]), st.randoms(use_true_random=False))
def test_every_word_of_the_text_is_known_in_any_order(texts: list[str], language: str, rng) -> None:
    words = list(dict.fromkeys(part for text in texts for part in parts(text)))
    known = KnownWords.of(words, language)
    assert all(word in known for word in words)
    assert all(word in known for text in texts for word in text.split())  # with punctuation, hyphens, digits
    rng.shuffle(words)
    assert KnownWords.of(words, language).to_bytes() == known.to_bytes()
    again = KnownWords.from_bytes(known.to_bytes())
    assert again.to_bytes() == known.to_bytes()
    assert all(word in again for word in words)


def test_hardly_any_other_is() -> None:
    letters = "abcdefghij"
    spelled = ["".join(letters[int(digit)] for digit in str(number)) for number in range(20_000)]
    known = KnownWords.of(spelled[:10_000], "en")
    assert sum(word in known for word in spelled[10_000:]) < 0.015 * 10_000
    assert len(known.to_bytes()) < 10_000 * 10 / 8 + 100


def test_the_bits_are_the_same_in_every_version() -> None:
    content = b'{"format": 1, "hashes": 7, "words": 2, "language": "en"}\n'
    known = KnownWords.of({"window", "door"}, "en").to_bytes()
    assert known.startswith(content)
    assert known[len(content) :].hex() == "9bcd56"


@pytest.mark.parametrize(
    ("language", "text", "known", "unknown"),
    [
        ("en", "the dog sees London", ["The", "THE", "London", "LONDON", "dog", "Dog"], ["london", "cat", "Cat"]),
        ("en", "don't go to 1969 or the 1960s", ["don't", "don\u2019t", "1970s", "2024", "12"], ["won't", "1960th"]),
        (
            "en",
            "a well-known man",
            ["well-known", "known-well", "-", "man-", "'man'", "..."],
            ["well-liked", "wellknown"],
        ),
        ("tr", "ışık istanbul'da", ["Işık", "IŞIK", "İstanbul'da"], ["İşik", "Istanbul'da", "istanbul"]),
    ],
)
def test_capitals_numbers_hyphens(language: str, text: str, known: list[str], unknown: list[str]) -> None:
    words = KnownWords.of(set(parts(text)), language)
    assert [word for word in known if word not in words] == []
    assert [word for word in unknown if word in words] == []


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"{}\nabc", b'{"format": 1, "hashes": 7, "words": 2, "language": "en"}\n', b"not JSON\nabc",
     b'{"format": 2, "hashes": 7, "words": 2, "language": "en"}\nabc',
     b'{"format": 1, "hashes": 999999, "words": 2, "language": "en"}\nabc'],
)  # fmt: skip
def test_what_is_no_filter_is_refused(content: bytes) -> None:
    with pytest.raises(ModelError, match="not a filter of words"):
        KnownWords.from_bytes(content)
