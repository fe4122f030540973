"""The tokens of a translated sentence: where each stands in the text that is shown, and what else was likely."""

import math
from collections.abc import Sequence
from difflib import SequenceMatcher

from app.engine.jobs import TargetToken
from models.decoding.beam_search import Hypothesis
from models.text.symbols import SYMBOLS
from models.text.tokenizers import END_TEXT, Tokenizer


def token_names(tokenizer: Tokenizer, ids: Sequence[int], items: Sequence[str] = ()) -> list[str]:
    """The text of each token, with the space at its beginning; of a symbol, the item that it stands for."""
    names = [tokenizer.surface(index).decode("utf-8", errors="replace") or END_TEXT for index in ids]
    of_symbols = dict(zip(SYMBOLS, items, strict=False))
    return [of_symbols.get(name, name) for name in names]


def unit_tokens(
    hypotheses: Sequence[Hypothesis], tokenizer: Tokenizer, shown: str, start: int, items: Sequence[str]
) -> list[TargetToken]:
    """The tokens of the hypotheses that a sentence's translation comes from.

    shown is that translation, which stands at `start`: what the hypotheses say, with other ends, numbers and names.
    """
    texts = [tokenizer.decode(hypothesis.ids) for hypothesis in hypotheses]
    begin_at, end_at = _alignment("".join(texts), shown)
    tokens: list[TargetToken] = []
    before = 0  # characters of the hypotheses before this one
    for text, hypothesis in zip(texts, hypotheses, strict=True):
        ids = [*hypothesis.ids, *([tokenizer.end_id] if hypothesis.finished else [])]
        names, spans = token_names(tokenizer, ids, items), _spans(ids, text, tokenizer)
        for name, (first, last), score in zip(names, spans, hypothesis.tokens, strict=True):
            others = token_names(tokenizer, [index for index, _ in score.top], items)
            top = tuple((other, math.exp(logprob)) for other, (_, logprob) in zip(others, score.top, strict=True))
            begin = begin_at[before + first]
            end = max(begin, end_at[before + last])
            tokens.append(TargetToken(name, start + begin, start + end, math.exp(score.logprob), top))
        before += len(text)
    return tokens


def _spans(ids: Sequence[int], text: str, tokenizer: Tokenizer) -> list[tuple[int, int]]:
    """Where each token begins and ends in the text of them all; one that is only a part of a character is empty."""
    removed = len(tokenizer.decode_continuation(ids)) - len(text)  # a space that the first token begins with
    spans: list[tuple[int, int]] = []
    written, begin = b"", 0
    for index in ids:
        written += tokenizer.surface(index)
        end = min(max(0, len(written.decode("utf-8", errors="ignore")) - removed), len(text))
        spans.append((begin, max(begin, end)))
        begin = spans[-1][1]
    return spans


def _alignment(written: str, shown: str) -> tuple[list[int], list[int]]:
    """For each offset in the text that was written, those in the one that is shown: of a beginning, of an end."""
    begins, ends = [0] * (len(written) + 1), [0] * (len(written) + 1)
    matcher = SequenceMatcher(None, _folded(written), _folded(shown), autojunk=False)
    for _, first, last, shown_first, shown_last in matcher.get_opcodes():
        for offset in range(first, last + 1):
            at = shown_last if offset == last else min(shown_first + offset - first, shown_last)
            begins[offset] = at
            if offset > first or offset == 0:
                ends[offset] = at
    return begins, ends


def _folded(text: str) -> str:
    """A text without capitals, character by character."""
    return "".join(character.lower()[0] for character in text)
