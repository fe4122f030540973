"""Laws of the detokenizer: neither the cuts between tokens nor those between requests change the text."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from app.engine.detokenizer import Detokenizer

TEXTS = st.text(alphabet="abı漢🙂", max_size=30)
STOPS = st.text(alphabet="ab🙂", min_size=1, max_size=3)
CUTS = st.lists(st.integers(0, 100), max_size=12)


def tokens_of(text: str, cuts: list[int]) -> list[bytes]:
    """The bytes of a text, cut anywhere, within characters too."""
    content = text.encode()
    bounds = sorted({0, *(cut for cut in cuts if cut < len(content)), len(content)})
    return [content[begin:end] for begin, end in pairwise(bounds)]


@given(TEXTS, CUTS)
def test_without_a_stop_string_all_is_emitted(text: str, cuts: list[int]) -> None:
    detokenizer, emitted = Detokenizer(), ""
    for token in tokens_of(text, cuts):
        detokenizer.push(token, final=False)
        emitted += detokenizer.emit()
    assert emitted == detokenizer.text == text
    assert (detokenizer.held_text, detokenizer.held_bytes, detokenizer.stopped) == ("", b"", False)


@given(TEXTS, CUTS, STOPS)
def test_the_events_make_up_the_text_before_the_stop_string(text: str, cuts: list[int], stop: str) -> None:
    detokenizer, emitted = Detokenizer([stop]), ""
    for token in tokens_of(text, cuts):
        detokenizer.push(token, final=False)
        emitted += detokenizer.emit()
        if detokenizer.stopped:
            break
    before, match, _ = text.partition(stop)
    assert detokenizer.stopped == bool(match)
    assert emitted == detokenizer.text
    assert emitted + ("" if match else detokenizer.held_text) == before
    if not detokenizer.stopped:
        detokenizer.push(b"", final=True)
        assert emitted + detokenizer.emit() == before


@given(TEXTS, CUTS, STOPS, st.integers(0, 12))
def test_two_requests_are_one(text: str, cuts: list[int], stop: str, request_end: int) -> None:
    tokens = tokens_of(text, cuts)
    first = Detokenizer([stop])
    for token in tokens[:request_end]:
        first.push(token, final=False)
        if first.stopped:
            return
    second = Detokenizer([stop], first.held_text, first.held_bytes)
    for token in tokens[request_end:]:
        second.push(token, final=False)
        if second.stopped:
            break
    if not second.stopped:
        second.push(b"", final=True)
    assert first.text + second.text == text.partition(stop)[0]


def test_of_stop_strings_that_begin_together_the_longest_is_left_out() -> None:
    detokenizer = Detokenizer(["b", "bc"])
    detokenizer.push(b"abcd", final=False)
    assert (detokenizer.text, detokenizer.held_text) == ("a", "d")


def test_a_character_that_is_never_completed_is_replaced_at_the_end() -> None:
    detokenizer = Detokenizer()
    detokenizer.push("漢".encode()[:2], final=False)
    assert (detokenizer.emit(), detokenizer.held_bytes) == ("", "漢".encode()[:2])
    detokenizer.push(b"", final=True)
    assert detokenizer.emit() == "\ufffd"
