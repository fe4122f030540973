"""Beam search of many sources at once, on tensors alone: for translating a whole corpus on a GPU.

The same search as models/decoding/beam_search.py, of which it gives the best hypothesis, but nothing joins a running
batch, symbols are not enforced, and several models can search as an ensemble.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from models.batch import PADDING_ID, Batch
from models.decoding.beam_search import MAX_OUTPUT_TOKENS
from models.runtime.interface import TranslatorRuntime

CHECKED_EVERY = 4
"""Steps between two looks at how many sources are done, each of which waits for the device."""


@dataclass(frozen=True)
class BestHypotheses:
    """The best hypothesis of each source: ids (N, L), padded, without the end token; lengths (N,).

    Where no hypothesis ended before the limit, finished (N,) is false and the length 0.
    """

    ids: Tensor
    lengths: Tensor
    finished: Tensor


@torch.inference_mode()
def search(
    runtimes: Sequence[TranslatorRuntime], source: Batch, end_id: int, beam_size: int, length_penalty: float = 1.0
) -> BestHypotheses:
    """Search for the translation of each source (N, S) with the mean probability of all models at each step."""
    encoded, states = (list(parts) for parts in zip(*(runtime.encode(source) for runtime in runtimes), strict=True))
    lengths = source.lengths.to(encoded[0].mask.device)
    states = [
        state.rows(torch.arange(len(lengths), device=lengths.device).repeat_interleave(beam_size)) for state in states
    ]
    beams = _Beams(lengths, end_id, beam_size, length_penalty)
    for step in range(1, beams.limit + 1):
        results = [
            runtime.step(beams.tokens.flatten(), state, output)
            for runtime, state, output in zip(runtimes, states, encoded, strict=True)
        ]
        rows = beams.advance(_mean([logprobs for logprobs, _, _ in results]), step)
        states = [state.rows(rows) for _, _, state in results]
        if step % CHECKED_EVERY == 0:
            remaining = beams.remaining()
            if not len(remaining):
                break
            if 2 * len(remaining) <= len(beams.rows):
                encoded = [output.rows(remaining) for output in encoded]
                states = [state.rows(_expand(remaining, beam_size)) for state in states]
                beams.keep(remaining)
    return BestHypotheses(beams.best_ids, beams.best_lengths, beams.best_scores > -math.inf)


class _Beams:
    """The open hypotheses of n sources, (n, K) each, and the best finished one of all N."""

    def __init__(self, lengths: Tensor, end_id: int, beam_size: int, length_penalty: float) -> None:
        device, count = lengths.device, len(lengths)
        self.end_id, self.width, self.length_penalty = end_id, beam_size, length_penalty
        self.limits = (2 * lengths + 10).clamp(max=MAX_OUTPUT_TOKENS)  # as `output_limit`
        self.limit = int(self.limits.max())
        self.rows = torch.arange(count, device=device)  # (n,) of those that are searched, the index among all
        self.tokens = torch.full((count, beam_size), end_id, device=device)
        self.totals = torch.full((count, beam_size), -math.inf, device=device)
        self.totals[:, 0] = 0.0  # the rows of a source are equal at first: only one counts
        self.history = torch.full((count, beam_size, self.limit), PADDING_ID, device=device)
        self.finished = torch.zeros(count, dtype=torch.int64, device=device)
        self.done = torch.zeros(count, dtype=torch.bool, device=device)
        self.best_scores = torch.full((count,), -math.inf, device=device)
        self.best_ids = torch.full((count, self.limit), PADDING_ID, device=device)
        self.best_lengths = torch.zeros(count, dtype=torch.int64, device=device)

    def advance(self, logprobs: Tensor, step: int) -> Tensor:
        """Extend all hypotheses by a token, from logprobs (n*K, V); return the row (n*K,) that each one extends."""
        count, width = self.tokens.shape
        values, columns = logprobs.topk(min(2 * width, logprobs.shape[1]), dim=1)  # (n*K, 2K)
        totals = (self.totals.view(-1, 1) + values).view(count, -1)
        best, flat = totals.topk(min(2 * width, totals.shape[1]), dim=1)  # (n, 2K)
        parents = flat // columns.shape[1]
        tokens = columns.view(count, -1).gather(1, flat)
        self._finish(best, parents, tokens, step)
        self.totals, chosen = best.masked_fill(tokens == self.end_id, -math.inf).topk(width, dim=1)  # (n, K)
        self.tokens, parents = tokens.gather(1, chosen), parents.gather(1, chosen)
        self.history = self.history.gather(1, parents.unsqueeze(2).expand_as(self.history))
        self.history[:, :, step - 1] = self.tokens
        self.done = self.done | (self.finished >= width) | (self.limits[self.rows] <= step)
        first = torch.arange(count, device=parents.device).unsqueeze(1) * width
        return (first + parents).flatten()

    def remaining(self) -> Tensor:
        """The indices of the sources that are not done."""
        return torch.nonzero(~self.done).flatten()

    def keep(self, index: Tensor) -> None:
        """Search on for some of the sources alone."""
        self.rows, self.tokens, self.totals, self.history, self.finished, self.done = (
            part[index] for part in (self.rows, self.tokens, self.totals, self.history, self.finished, self.done)
        )

    def _finish(self, best: Tensor, parents: Tensor, tokens: Tensor, step: int) -> None:
        """Record the hypotheses that end, among the K best candidates alone."""
        ends = (tokens == self.end_id) & (best > -math.inf) & ~self.done.unsqueeze(1)  # (n, 2K)
        ends[:, self.width :] = False
        scores, which = (best / step**self.length_penalty).masked_fill(~ends, -math.inf).max(dim=1)  # (n,)
        better = scores > self.best_scores[self.rows]
        parent = parents.gather(1, which.unsqueeze(1))  # (n, 1)
        ids = self.history.gather(1, parent.unsqueeze(2).expand(-1, 1, self.history.shape[2])).squeeze(1)  # (n, L)
        self.finished = self.finished + ends.sum(dim=1)
        self.best_scores[self.rows] = torch.where(better, scores, self.best_scores[self.rows])
        self.best_lengths[self.rows] = torch.where(better, step - 1, self.best_lengths[self.rows])
        self.best_ids[self.rows] = torch.where(better.unsqueeze(1), ids, self.best_ids[self.rows])


def _mean(logprobs: list[Tensor]) -> Tensor:
    """The logarithm of the mean probability."""
    if len(logprobs) == 1:
        return logprobs[0]
    return torch.logsumexp(torch.stack(logprobs), dim=0) - math.log(len(logprobs))


def _expand(index: Tensor, width: int) -> Tensor:
    """The rows of sources: K for each."""
    steps = torch.arange(width, device=index.device)
    return (index.unsqueeze(1) * width + steps).flatten()
