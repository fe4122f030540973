"""Which part of a translation comes from which part of its source, in characters."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from models.text.tokenizers import Tokenizer

Span = tuple[int, int]


@dataclass(frozen=True)
class Alignment:
    """Spans of a source and of its translation, in characters; weights (target, source): how much of a target span
    comes from a source span."""

    source: Sequence[Span]
    target: Sequence[Span]
    weights: Sequence[Sequence[float]]


def token_places(ids: Sequence[int], text: str, tokenizer: Tokenizer) -> list[Span]:
    """Where each token begins and ends in the text of them all; one that is only a part of a character is empty."""
    removed = len(tokenizer.decode_continuation(ids)) - len(text)  # a space that the first token begins with
    places: list[Span] = []
    written, begin = b"", 0
    for index in ids:
        written += tokenizer.surface(index)
        end = min(max(0, len(written.decode("utf-8", errors="ignore")) - removed), len(text))
        places.append((begin, max(begin, end)))
        begin = places[-1][1]
    return places


def shown_places(written: str, shown: str) -> tuple[list[int], list[int]]:
    """For each place between the characters of a text, the place in another: as a beginning, and as an end."""
    if len(written) == len(shown) and _folded(written) == _folded(shown):
        return list(range(len(written) + 1)), list(range(len(written) + 1))
    begins, ends = [0] * (len(written) + 1), [0] * (len(written) + 1)
    matcher = SequenceMatcher(None, _folded(written), _folded(shown), autojunk=False)
    for _, first, last, shown_first, shown_last in matcher.get_opcodes():
        for place in range(first, last + 1):
            at = shown_last if place == last else min(shown_first + place - first, shown_last)
            begins[place] = at
            if place > first or place == 0:
                ends[place] = at
    return begins, ends


def shown_spans(spans: Sequence[Span], written: str, shown: str) -> list[Span]:
    """Where spans of a text stand in another, which says nearly the same."""
    begins, ends = shown_places(written, shown)
    return [(begins[begin], max(begins[begin], ends[end])) for begin, end in spans]


def _folded(text: str) -> str:
    """A text without capitals, character by character."""
    return "".join(character.lower()[0] for character in text)
