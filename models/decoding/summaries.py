"""Summaries by beam search, and where their words were copied from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from models.batch import pad
from models.decoding.beam_search import Hypothesis, SearchConfig
from models.decoding.word_pieces import continues_word
from models.networks.summarizer import Summarizer
from models.text.tokenizers import Token, Tokenizer

DEFAULT_BEAM_SIZE = 4
MAX_SUMMARY_TOKENS = 60
MIN_LENGTH = 4
"""Of a summary in tokens, the end's included: one word is none."""
NO_REPEAT = 3
"""No group of so many tokens is in a summary twice (Paulus et al. 2017, arXiv:1705.04304)."""


@dataclass(frozen=True)
class SummaryWord:
    """A word of a summary, summary[start:end]; source is the span of the text that it was copied from, or None.

    copied is the share of its probability that comes from copying rather than from the vocabulary, of 1: the mean over
    its tokens.
    """

    start: int
    end: int
    copied: float
    source: tuple[int, int] | None


def summary_search(beam_size: int, max_tokens: int = MAX_SUMMARY_TOKENS, length_penalty: float = 1.0) -> SearchConfig:
    """How summaries are searched for; max_tokens is without the end token."""
    return SearchConfig(
        beam_size, length_penalty, max_length=max_tokens + 1, min_length=min(MIN_LENGTH, max_tokens + 1),
        no_repeat=NO_REPEAT,
    )  # fmt: skip


def shown_summary(model: Summarizer, tokenizer: Tokenizer, hypothesis: Hypothesis) -> str:
    """The text of a hypothesis: a title begins with a capital, unless its first word has capitals of its own."""
    return capitalized(tokenizer.decode(hypothesis.ids)) if model.config.titles else tokenizer.decode(hypothesis.ids)


def capitalized(text: str) -> str:
    """The text with its first letter as a capital, where its first word has none and the capital is one character."""
    first = text.split(" ", 1)[0]
    upper = text[:1].upper()
    return upper + text[1:] if first == first.lower() and len(upper) == 1 else text


@torch.inference_mode()
def copied_words(
    model: Summarizer, source: Sequence[int], tokens: Sequence[Token], ids: Sequence[int], tokenizer: Tokenizer
) -> list[SummaryWord]:
    """The words of a summary, whose tokens are ids; tokens are those of the source between its first and its last.

    Where a text has the tokens of a word more than once, the source is where the most of it was copied from.
    """
    if not ids:
        return []
    weights, probabilities = _copy_weights(model, source, [tokenizer.end_id, *ids], [*ids, tokenizer.end_id])
    positions: dict[int, list[int]] = {}
    for position, token in enumerate(tokens):
        positions.setdefault(token.id, []).append(position)
    words = []
    for first, last in _words(tokenizer, ids):
        word = ids[first:last]
        shares = []
        for step, index in enumerate(word, first):
            copied = sum(weights[step][position + 1] for position in positions.get(index, ()))
            shares.append(min(1.0, copied / probabilities[step]))
        best = max(
            (
                (sum(weights[first + offset][position + offset + 1] for offset in range(len(word))), -position)
                for position in positions.get(word[0], ())
                if [token.id for token in tokens[position : position + len(word)]] == list(word)
            ),
            default=None,
        )
        copied_span = None
        if best is not None and best[0] > 0:
            position = -best[1]
            spaces = len(tokens[position].text) - len(tokens[position].text.lstrip())
            copied_span = (tokens[position].start + spaces, tokens[position + len(word) - 1].end)
        words.append(_placed(tokenizer, ids, first, last, sum(shares) / len(shares), copied_span))
    return [word for word in words if word.end > word.start]


def _placed(
    tokenizer: Tokenizer,
    ids: Sequence[int],
    first: int,
    last: int,
    share: float,
    span: tuple[int, int] | None,
) -> SummaryWord:
    """A word of ids[first:last] in the summary, without the space before it."""
    before, through = tokenizer.decode(ids[:first]), tokenizer.decode(ids[:last])
    start = len(before) + len(through[len(before) :]) - len(through[len(before) :].lstrip())
    return SummaryWord(start, len(through), share, span)


def _words(tokenizer: Tokenizer, ids: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The first token and the end of each word; a mark of punctuation is a word."""
    starts = [index for index, token in enumerate(ids) if not index or not continues_word(tokenizer.surface(token))]
    yield from zip(starts, [*starts[1:], len(ids)], strict=True)


def _copy_weights(
    model: Summarizer, source: Sequence[int], inputs: Sequence[int], targets: Sequence[int]
) -> tuple[list[list[float]], list[float]]:
    """The copy weights (T, S) and the probability (T,) of each target token, in float32 and alone.

    Another pass than the search's: a runtime has no gate among its outputs, and alone its numbers don't depend on what
    else is searched for.
    """
    device = model.bias.device
    encoded, state = model.encode(pad([list(source)]).to(device))
    output = model.decode_features(torch.tensor([inputs], device=device), encoded, state)
    logprobs, _, _ = model.decode(torch.tensor([inputs], device=device), encoded, state)
    probabilities = logprobs[0].gather(1, torch.tensor(targets, device=device).unsqueeze(1)).squeeze(1).exp()
    copied = output.copied if output.copied is not None else torch.zeros_like(output.attention)
    return copied[0].tolist(), probabilities.clamp_min(1e-30).tolist()
