import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.text.sentences import match_capitalization, split_sentences


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("Bir cümle. İkinci cümle.", ["Bir cümle.", "İkinci cümle."]),
        ("No end", ["No end"]),
        ("Line one\n\n line two", ["Line one", "line two"]),
        ("Mr. Smith met Dr. Brown. They talked.", ["Mr. Smith met Dr. Brown.", "They talked."]),
        ("It costs 3.50 in the U. S. today.", ["It costs 3.50 in the U. S. today."]),
        ('He said "Go." Then he left.', ['He said "Go."', "Then he left."]),
        ("Wait... what? ok. fine", ["Wait... what? ok. fine"]),
        ("x" * 301, ["x" * 300, "x"]),
        ("word " * 61 + "end", ["word " * 59 + "word", "word end"]),
        ("", []),
        (" \n ", []),
    ],
)
def test_known_cases(text: str, sentences: list[str]) -> None:
    assert [sentence.text for sentence in split_sentences(text)] == sentences


@given(st.text(st.sampled_from("aA.!? \n\"'…)Ş"), max_size=40))
def test_nothing_but_white_space_is_lost(text: str) -> None:
    sentences = split_sentences(text)
    assert "".join("".join(sentence.text.split()) for sentence in sentences) == "".join(text.split())
    for sentence in sentences:
        assert text[sentence.start : sentence.end] == sentence.text == sentence.text.strip()


@pytest.mark.parametrize(
    ("text", "source", "language", "expected"),
    [
        ("istasyon nerede?", "Where is it?", "tr", "İstasyon nerede?"),
        ("ılık su", "Warm water", "tr", "Ilık su"),
        ("it is here", "Burada", "en", "It is here"),
        ("burada", "here", "tr", "burada"),
        ("Burada", "Here", "tr", "Burada"),
        ("3 kişi", "Three people", "tr", "3 kişi"),
        ("", "Here", "tr", ""),
    ],
)
def test_a_translation_begins_as_its_source(text: str, source: str, language: str, expected: str) -> None:
    assert match_capitalization(text, source, language) == expected
