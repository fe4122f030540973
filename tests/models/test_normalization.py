"""Text is normalized, and every character of it knows where it stood."""

import time
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.text.normalization import MAX_MARKS, align, is_normal, normalize

HOSTILE = st.text(
    st.characters(codec="utf-8")
    | st.sampled_from("aİgüş\u0306\u0327\u0301\u0323\u0f73\r\n\u00a0\u200b\u200d😍👩\u1100\u1161\u11a8Ａ“’"),
    max_size=40,
)
CASES = [
    ("Gu\u0308nes\u0327 c\u0327ok gu\u0308zel.", "Güneş çok güzel."),
    ("I\u0307stasyon", "İstasyon"),
    ("Where\u00a0is the\u3000station?", "Where is the station?"),
    ("\ufeffWhere is the sta\u00adtion?", "Where is the station?"),
    ("\u200eWhere is\u200b the station?", "Where is the station?"),
    ("Ｗｈｅｒｅ ｉｓ ｔｈｅ ｓｔａｔｉｏｎ？", "Where is the station?"),
    ("one\r\ntwo\rthree\u2028four\x85five", "one\ntwo\nthree\nfour\nfive"),
    ("\r\n\r\n", "\n\n"),
    ("👩\u200d👩\u200d👧 a\u200db", "👩\u200d👩\u200d👧 ab"),
    ("Ａ\u0301", "Á"),
    ("is open\u200b\u0301 gu\u00ad\u0308zel", "is ope\u0144 güzel"),
    ("\u1112\u1161\u11ab\u1100\u1173\u11af", "한글"),
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_what_looks_the_same_is_the_same(text: str, expected: str) -> None:
    assert normalize(text) == expected


def test_quotes_are_set_straight_on_request() -> None:
    assert normalize("Don’t say “no”, «non» or „nein‟.", quotes=True) == 'Don\'t say "no", "non" or "nein".'
    assert normalize("Don’t say “no”.") == "Don’t say “no”."


@example(text="\U0001f469\u200d\ufeff", quotes=False)
@example(text="\U0001f469\u200d\u3000", quotes=False)
@example(text="\U0001f469\u200d\ufb1d", quotes=False)
@given(text=HOSTILE, quotes=st.booleans())
@example(text="\u200d", quotes=False)
@example(text="n\u200b\u0301", quotes=False)
@example(text="e\u200d\u00ad\u0301\u200b\u0327", quotes=False)
def test_normalizing_twice_is_normalizing_once(text: str, quotes: bool) -> None:
    once = normalize(text, quotes)
    assert normalize(once, quotes) == once
    assert is_normal(once, quotes)
    assert unicodedata.is_normalized("NFC", once)
    assert is_normal(text, quotes) == (once == text)


@given(text=HOSTILE, quotes=st.booleans())
def test_every_character_comes_from_where_its_span_says(text: str, quotes: bool) -> None:
    aligned = align(text, quotes)
    assert aligned.text == normalize(text, quotes)
    assert len(aligned.starts) == len(aligned.ends) == len(aligned.text)
    assert list(aligned.starts) == sorted(aligned.starts)
    assert all(0 <= start < end <= len(text) for start, end in zip(aligned.starts, aligned.ends, strict=True))
    for start in range(len(aligned.text)):
        left, right = aligned.span(start, len(aligned.text))
        assert normalize(text[left:right], quotes).endswith(aligned.text[start + 1 :])


LONG = {
    "marks in order": "a" + "\u0301" * 19_999,
    "marks in turn": "a" + "\u0301\u0323" * 9_999,
    "marks in reverse": "a" + "\u0301" * 10_000 + "\u0323" * 9_999,
    "marks of two": "\u0f73" * 20_000,
    "parted marks": "a" + "\u0301\u200b\u0323\u00ad" * 5_000,
    "marks on many": ("a" + "\u0301\u0323" * 12) * 800,
    "joined": "\U0001f469\u200d" * 10_000,
    "joined in colours": "\U0001f469\U0001f3fd\u200d" * 6_600,
    "families": "\U0001f469\u200d\U0001f469\u200d\U0001f467" * 4_000,
    "joiners": "\u200d" * 20_000,
    "flags": "\U0001f1f9" * 20_000,
    "syllables": "\u1100\u1161\u11a8" * 6_666,
    "of two": "\u0958" * 20_000,
}


@pytest.mark.parametrize("name", LONG)
def test_hostile_text_takes_time_and_spans_by_its_length(name: str) -> None:
    """Twenty thousand characters, 0.2 s; what grows by their square takes seconds."""
    begun = time.process_time()
    aligned = align(LONG[name], emoji="en")
    assert time.process_time() - begun < 1
    assert normalize(aligned.text) == aligned.text
    spans = {(start, end) for start, end in zip(aligned.starts, aligned.ends, strict=True)}
    assert sum(end - start for start, end in spans) <= 2 * len(LONG[name])
    if "marks" in name:
        characters = zip(aligned.text, aligned.starts, aligned.ends, strict=True)
        assert sum(end - start for _, start, end in characters) <= 10 * len(LONG[name])


@pytest.mark.parametrize("count", [MAX_MARKS, MAX_MARKS + 1, 10 * MAX_MARKS])
def test_a_letter_has_so_many_marks(count: int) -> None:
    text = "e" + "\u0323\u0301" * count
    normal = normalize(f"{text} b")
    assert (
        unicodedata.normalize("NFD", normal) == "e" + "\u0323" * (MAX_MARKS // 2) + "\u0301" * (MAX_MARKS // 2) + " b"
    )
    assert is_normal(normal)
