"""The tokens of a translated sentence: where each stands in the text that is shown, and what else was likely."""

import math
from collections.abc import Sequence

from app.engine.jobs import TargetToken
from models.decoding.beam_search import Hypothesis
from models.text.alignment import shown_offsets, token_spans
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
    begin_at, end_at = shown_offsets("".join(texts), shown)
    tokens: list[TargetToken] = []
    before = 0  # characters of the hypotheses before this one
    for text, hypothesis in zip(texts, hypotheses, strict=True):
        ids = [*hypothesis.ids, *([tokenizer.end_id] if hypothesis.finished else [])]
        names, spans = token_names(tokenizer, ids, items), token_spans(ids, text, tokenizer)
        for name, (first, last), score in zip(names, spans, hypothesis.tokens, strict=True):
            others = token_names(tokenizer, [index for index, _ in score.top], items)
            top = tuple((other, math.exp(logprob)) for other, (_, logprob) in zip(others, score.top, strict=True))
            begin = begin_at[before + first]
            end = max(begin, end_at[before + last])
            tokens.append(TargetToken(name, start + begin, start + end, math.exp(score.logprob), top))
        before += len(text)
    return tokens
