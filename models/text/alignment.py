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


def token_spans(ids: Sequence[int], text: str, tokenizer: Tokenizer) -> list[Span]:
    """Where each token begins and ends in the text of them all; one that is only a part of a character is empty."""
    removed = len(tokenizer.decode_continuation(ids)) - len(text)  # a space that the first token begins with
    spans: list[Span] = []
    written, begin = b"", 0
    for index in ids:
        written += tokenizer.surface(index)
        end = min(max(0, len(written.decode("utf-8", errors="ignore")) - removed), len(text))
        spans.append((begin, max(begin, end)))
        begin = spans[-1][1]
    return spans


def shown_offsets(written: str, shown: str) -> tuple[list[int], list[int]]:
    """For each offset in a text, those in another that says nearly the same: of a beginning, of an end."""
    if len(written) == len(shown) and _folded(written) == _folded(shown):
        return list(range(len(written) + 1)), list(range(len(written) + 1))
    begins, ends = [0] * (len(written) + 1), [0] * (len(written) + 1)
    matcher = SequenceMatcher(None, _folded(written), _folded(shown), autojunk=False)
    for _, first, last, shown_first, shown_last in matcher.get_opcodes():
        for offset in range(first, last + 1):
            at = shown_last if offset == last else min(shown_first + offset - first, shown_last)
            begins[offset] = at
            if offset > first or offset == 0:
                ends[offset] = at
    return begins, ends


def shown_spans(spans: Sequence[Span], written: str, shown: str) -> list[Span]:
    """Where spans of a text stand in another, which says nearly the same."""
    begins, ends = shown_offsets(written, shown)
    return [(begins[begin], max(begins[begin], ends[end])) for begin, end in spans]


def _folded(text: str) -> str:
    """A text without capitals, character by character."""
    return "".join(character.lower()[0] for character in text)
