"""Sampling tokens from logits, for a whole batch at once. Randomness is an argument: a number for (seed, choice, step).

Sampling is batch-invariant: the token of a row depends on nothing but its own logits, settings and random number.
Sums are taken in an order that the batch's size does not change.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

BLOCK = 64
MIN_TEMPERATURE = 1e-6
"""Below this temperature, sampling is greedy: dividing by it would overflow the logits."""
_GOLDEN = 0x9E3779B97F4A7C15


@dataclass(frozen=True)
class SamplingConfig:
    """How to choose the next token.

    temperature divides the logits, and 0 is greedy; top_k keeps the k likeliest tokens; top_p the
    smallest set that holds so much probability (nucleus, Holtzman et al. 2020, arXiv:1904.09751); typical_p, of the
    tokens that these keep, the smallest set of those whose information is nearest to the entropy, again of so much
    probability (locally typical sampling, Meister et al. 2023, arXiv:2202.00666), where 1 keeps all;
    repetition_penalty divides the positive and multiplies the negative logits of tokens already in
    the text (CTRL, Keskar et al. 2019, arXiv:1909.05858). As OpenAI's API has them: presence_penalty is subtracted
    once from the logit of each generated token, frequency_penalty once for each time it was generated, and
    logit_bias is added, a pair (id, bias) a token.
    """

    temperature: float = 0.8
    top_k: int | None = None
    top_p: float | None = None
    repetition_penalty: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    logit_bias: tuple[tuple[int, float], ...] = ()
    typical_p: float = 1.0

    @property
    def truncates(self) -> bool:
        """Whether only some of the tokens can be sampled."""
        return bool(self.top_k or self.top_p or self.typical_p < 1)

    @property
    def adjusts_logits(self) -> bool:
        """Whether penalties or biases change the logits before a token is sampled."""
        return bool(self.repetition_penalty != 1 or self.presence_penalty or self.frequency_penalty or self.logit_bias)


@dataclass(frozen=True)
class TokenHistory:
    """What penalties depend on: the ids in a text, each once, and how often each was generated."""

    seen: Sequence[int]
    generated: Mapping[int, int]


def random_key(seed: int, choice: int) -> int:
    """The key for `uniforms` of a request's seed and a choice's index, each a whole number from 0 below 2**64."""
    key = seed.to_bytes(8, "little") + choice.to_bytes(8, "little")
    return int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "little")


def uniforms(keys: NDArray[np.uint64], steps: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Uniform numbers in [0, 1), each a function of its key and step alone: SplitMix64 (Steele et al. 2014).

    Counter-based rather than a generator with a state: a request resumed on another replica continues the sequence.
    """
    mixed = keys + (steps + np.uint64(1)) * np.uint64(_GOLDEN)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed = (mixed ^ (mixed >> np.uint64(31))) >> np.uint64(11)
    numbers: NDArray[np.float64] = mixed.astype(np.float64) / 2.0**53
    return numbers


@dataclass(frozen=True)
class SamplingStep:
    """The parameters of one sampling step for a batch.

    scale (B, 1) float32 is 1 / temperature; uniform (B,) float64 lies in [0, 1); masked (B, 1) int64 is
    an id that can't be sampled, V where all can.
    """

    scale: Tensor
    uniform: Tensor
    masked: Tensor

    def rows(self, index: Sequence[int] | slice) -> "SamplingStep":
        """Those of some rows."""
        return SamplingStep(self.scale[index], self.uniform[index], self.masked[index])


def sample(logits: Tensor, step: SamplingStep) -> Tensor:
    """Sample an id a row, (B,) int64, from logits (B, V), by inverting the cumulative distribution."""
    probabilities = torch.softmax(logits * step.scale, dim=1)
    padding = padded_size(logits.shape[1]) - logits.shape[1]
    # padded by at least one column, so that masking id V is masking nothing
    padded = torch.nn.functional.pad(probabilities, (0, padding)).scatter_(1, step.masked, 0.0)
    return _invert_cdf(padded, step.uniform).clamp_max(logits.shape[1] - 1)


def padded_size(size: int) -> int:
    """Whole blocks with room for a vocabulary's size and one more."""
    return (size // BLOCK + 1) * BLOCK


class Sampler:
    """The sampling settings of a batch's rows as tensors, built once for as long as the rows stay the same.

    Most rows are plain: `sample` on the runtime's side serves them, fused with the step. Greedy rows, rows with top-k
    or top-p, and rows with penalties need the logits, and are sampled again by `resample`.
    """

    def __init__(self, configs: Sequence[SamplingConfig], device: torch.device) -> None:
        greedy = [config.temperature < MIN_TEMPERATURE for config in configs]
        temperatures = [1.0 if cold else config.temperature for cold, config in zip(greedy, configs, strict=True)]
        self.scale = torch.tensor([1 / value for value in temperatures], device=device).unsqueeze(1)  # (B, 1)
        self._configs = configs
        self.adjusted = [row for row, config in enumerate(configs) if config.adjusts_logits]
        self._greedy = [row for row, config in enumerate(configs) if greedy[row]]
        self._truncated = [row for row, config in enumerate(configs) if not greedy[row] and config.truncates]
        self._adjusted_only = sorted(set(self.adjusted) - {*self._greedy, *self._truncated})
        self._special = sorted({*self._greedy, *self._truncated, *self._adjusted_only})

    @property
    def needs_logits(self) -> bool:
        """Whether some rows can't be sampled by `sample` alone."""
        return bool(self._special)

    def resample(
        self, sampled: Tensor, logits: Tensor, step: SamplingStep, histories: Sequence[TokenHistory]
    ) -> Tensor:
        """Replace those of the sampled ids (B,) whose rows need the logits (B, V), where masked ids are -inf.

        histories are those of the rows in `adjusted`.
        """
        if not self._special:
            return sampled
        selected = logits[self._special]  # (R, V), a copy: the caller's logits are not adjusted
        index = {row: position for position, row in enumerate(self._special)}
        for row, history in zip(self.adjusted, histories, strict=True):
            _adjust(selected[index[row]], self._configs[row], history)
        result = sampled.clone()
        if self._greedy:
            result[self._greedy] = selected[[index[row] for row in self._greedy]].argmax(dim=1)
        if self._truncated:
            scaled = selected[[index[row] for row in self._truncated]] * step.scale[self._truncated]
            probabilities = torch.softmax(scaled, dim=1)
            result[self._truncated] = self._sample_truncated(probabilities, step.uniform[self._truncated])
        if self._adjusted_only:
            rows = [index[row] for row in self._adjusted_only]
            result[self._adjusted_only] = sample(selected[rows], step.rows(self._adjusted_only))
        return result

    def _sample_truncated(self, probabilities: Tensor, uniform: Tensor) -> Tensor:
        """Sample the rows with top-k, top-p or typical_p.

        Sorting a whole vocabulary is expensive, and most rows keep few tokens; so the 64 likeliest are ranked first,
        then 1,024, then all, until every row has all tokens that top-k and top-p keep. Of these, typical_p selects.
        """
        size = probabilities.shape[1]
        configs = [self._configs[row] for row in self._truncated]
        top_k = torch.tensor([min(config.top_k or size, size) for config in configs], device=probabilities.device)
        top_p = torch.tensor([config.top_p or 2.0 for config in configs], device=probabilities.device)
        typical_p = torch.tensor([config.typical_p for config in configs], device=probabilities.device)
        sampled = torch.empty(len(configs), dtype=torch.int64, device=probabilities.device)
        remaining = torch.arange(len(configs), device=probabilities.device)
        for count in (64, 1024, size):
            ranked, ids = top(probabilities[remaining], min(count, size))  # (R, count) each, descending
            cumulative = ranked.double().cumsum(dim=1)
            before = cumulative - ranked
            kept = (torch.arange(ranked.shape[1], device=ranked.device) < top_k[remaining].unsqueeze(1)) & (
                before < top_p[remaining].unsqueeze(1)
            )
            kept[:, 0] = True
            complete = ~kept[:, -1] | (top_k[remaining] <= count) | torch.tensor(count >= size, device=ranked.device)
            last = kept.sum(dim=1, keepdim=True) - 1
            target = cumulative.gather(1, last) * uniform[remaining].unsqueeze(1)
            rank = torch.minimum((cumulative <= target).sum(dim=1, keepdim=True), last)
            for row in (complete & (typical_p[remaining] < 1)).nonzero().flatten().tolist():
                whole = ranked[row, : int(last[row]) + 1]
                rank[row] = _sample_typical(whole, float(typical_p[remaining[row]]), float(uniform[remaining[row]]))
            sampled[remaining[complete]] = ids.gather(1, rank).squeeze(1)[complete]
            remaining = remaining[~complete]
            if not len(remaining):
                break
        return sampled


def _sample_typical(probabilities: Tensor, mass: float, uniform: float) -> int:
    """Sample the index of one of some probabilities (K,), among the most typical that hold the mass."""
    shares = probabilities.double() / probabilities.double().sum()
    information = -shares.clamp_min(torch.finfo(torch.float64).tiny).log()
    entropy = (shares * information).sum()
    order = (information - entropy).abs().argsort(stable=True)  # (K,)
    cumulative = shares[order].cumsum(dim=0)
    last = int((cumulative < mass).sum().clamp_max(len(order) - 1))  # the one that reaches the mass is kept too
    rank = int((cumulative <= cumulative[last] * uniform).sum().clamp_max(last))
    return int(order[rank])


def top(values: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The `count` greatest of each row of values (B, V), descending, and their columns (B, count).

    As torch.topk, but several times faster on a CPU where count is small: the greatest values lie in the
    blocks with the greatest maxima, so only those blocks are ranked.
    """
    size = values.shape[1]
    whole = size // BLOCK * BLOCK
    if 4 * count * BLOCK >= size:
        greatest: tuple[Tensor, Tensor] = values.topk(min(count, size), dim=1)
        return greatest
    maxima = values[:, :whole].reshape(len(values), -1, BLOCK).amax(dim=2)  # (B, V/64)
    if whole < size:
        maxima = torch.cat([maxima, values[:, whole:].amax(dim=1, keepdim=True)], dim=1)
    blocks = maxima.topk(count, dim=1).indices  # (B, count)
    columns = (blocks.unsqueeze(2) * BLOCK + torch.arange(BLOCK, device=values.device)).flatten(1)  # (B, 64 count)
    candidates = values.gather(1, columns.clamp_max(size - 1))
    if whole < size:
        candidates.masked_fill_(columns >= size, float("-inf"))
    ranked, index = candidates.topk(count, dim=1)
    return ranked, columns.gather(1, index)


def row_sums(values: Tensor) -> Tensor:
    """The sums (B,) of the rows of values (B, V), added up in an order that does not depend on B.

    torch.sum promises no order: it may split rows of one batch size otherwise than those of another.
    """
    size = values.shape[1]
    whole = size // BLOCK * BLOCK
    sums = values[:, :whole].reshape(len(values), -1, BLOCK).sum(dim=2).sum(dim=1)
    return sums + values[:, whole:].sum(dim=1) if whole < size else sums


def _invert_cdf(weights: Tensor, uniform: Tensor) -> Tensor:
    """The column at which the running sum of each row of weights (B, N * 64) passes uniform (B,) of its total.

    In two stages, first the block and then the column in it: only N + 64 running sums are needed, in float64.
    """
    blocks = weights.reshape(len(weights), -1, BLOCK)
    sums = blocks.sum(dim=2).double()  # (B, N)
    cumulative = sums.cumsum(dim=1)
    target = cumulative[:, -1:] * uniform.unsqueeze(1)  # (B, 1)
    block = (cumulative[:, :-1] <= target).sum(dim=1, keepdim=True)
    before = cumulative.gather(1, block) - sums.gather(1, block)
    columns = block * BLOCK + torch.arange(BLOCK, device=sums.device)  # (B, 64)
    inside = weights.gather(1, columns).double().cumsum(dim=1)
    offset = (inside[:, :-1] <= target - before).sum(dim=1, keepdim=True)
    return columns.gather(1, offset).squeeze(1)


def _adjust(logits: Tensor, config: SamplingConfig, history: TokenHistory) -> None:
    """Apply a row's penalties and biases to its logits (V,), in place."""

    def index(ids: Iterable[int]) -> Tensor:
        return torch.tensor(list(ids), dtype=torch.int64, device=logits.device)

    def numbers(values: Iterable[float]) -> Tensor:
        return torch.tensor(list(values), dtype=logits.dtype, device=logits.device)

    penalty = config.repetition_penalty
    if penalty != 1:
        seen = index(history.seen)
        values = logits[seen]
        logits[seen] = torch.where(values > 0, values / penalty, values * penalty)
    if (config.presence_penalty or config.frequency_penalty) and history.generated:
        counts = numbers(history.generated.values())
        logits[index(history.generated)] -= config.presence_penalty + config.frequency_penalty * counts
    if config.logit_bias:
        logits[index(token for token, _ in config.logit_bias)] += numbers(bias for _, bias in config.logit_bias)
