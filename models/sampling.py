"""Sampling tokens from logits, for a whole batch at once. Randomness is an argument: a number for (seed, choice, step).

Sampling is batch-invariant: the token of a row depends on nothing but its own logits, settings and random number.
Sums are taken in an order that the batch's size does not change.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.adjustments import Adjustments, TextAdjustments, join_adjustments
from models.reductions import BLOCK
from models.truncation import NO_TOP_K, NO_TOP_P, Truncation, sample_truncated

MIN_TEMPERATURE = 1e-6
"""Below this temperature, sampling is greedy."""
GREEDY_SCALE, GREEDY_UNIFORM = 1e30, 2.0**-40
"""A greedy row is sampled as all others are: scaled by so much, the greatest logit alone has probability. Of equal ones
a uniform number that is next to 0 takes the first."""
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

    @cached_property
    def greedy(self) -> bool:
        """Whether the likeliest token is always taken."""
        return self.temperature < MIN_TEMPERATURE

    @cached_property
    def truncates(self) -> bool:
        """Whether only some of the tokens can be sampled."""
        return not self.greedy and bool(self.top_k or self.top_p or self.typical_p < 1)

    def adjustments(self, seen: Iterable[int]) -> TextAdjustments | None:
        """How penalties and biases change the logits of a text that has the seen ids; None where they do not."""
        penalties = (self.repetition_penalty, self.presence_penalty, self.frequency_penalty)
        if penalties == (1, 0, 0) and not self.logit_bias:
            return None
        return TextAdjustments(*penalties, dict(self.logit_bias), seen)


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
    adjustments: Adjustments | None = None
    truncation: Truncation | None = None

    def rows(self, index: Sequence[int] | slice) -> "SamplingStep":
        """Those of some rows."""
        adjustments = self.adjustments.rows(index) if self.adjustments else None
        truncation = self.truncation.rows(index) if self.truncation else None
        return SamplingStep(self.scale[index], self.uniform[index], self.masked[index], adjustments, truncation)


def sample(logits: Tensor, step: SamplingStep) -> Tensor:
    """Sample an id a row, (B,) int64, from logits (B, V), by inverting the cumulative distribution."""
    scaled = logits * step.scale
    if step.adjustments:
        scaled.scatter_(1, step.adjustments.ids, step.adjustments.apply(logits) * step.scale)
    probabilities = torch.softmax(scaled, dim=1)
    padding = padded_size(logits.shape[1]) - logits.shape[1]
    # padded by at least one column, so that masking id V is masking nothing
    padded = torch.nn.functional.pad(probabilities, (0, padding)).scatter_(1, step.masked, 0.0)
    sampled = _invert_cdf(padded, step.uniform).clamp_max(logits.shape[1] - 1)
    return truncate(sampled, probabilities, step)


def truncate(sampled: Tensor, probabilities: Tensor, step: SamplingStep) -> Tensor:
    """The sampled ids (B,), those of the rows with top-k, top-p or typical_p sampled from the tokens that these keep.

    probabilities (B, V) are the masked token's too. Where that has all of them, the sampled id stays.
    """
    if step.truncation is None:
        return sampled
    rows = step.truncation.limited
    selected = probabilities.cpu().numpy()[rows]  # (R, V), a copy
    masked, masses = step.masked.cpu().numpy()[rows, 0], np.ones(len(rows))
    for row in np.flatnonzero(masked < selected.shape[1]):
        selected[row, masked[row]] = 0.0
        masses[row] = selected[row].sum(dtype=np.float64)
    uniform = step.uniform.cpu().numpy()[rows]
    ids = sample_truncated(selected, masses, uniform, step.truncation.rows(rows))
    result = sampled.cpu().numpy().copy()
    result[rows] = np.where(masses > 0, ids, result[rows])
    return torch.from_numpy(result).to(sampled.device)


def padded_size(size: int) -> int:
    """Whole blocks with room for a vocabulary's size and one more."""
    return (size // BLOCK + 1) * BLOCK


class Sampler:
    """The sampling settings of a batch's rows as tensors, built once for as long as the rows stay the same."""

    def __init__(self, configs: Sequence[SamplingConfig], device: torch.device) -> None:
        scales = [GREEDY_SCALE if config.greedy else 1 / config.temperature for config in configs]
        self._scale = torch.tensor(scales, device=device).unsqueeze(1)  # (B, 1)
        greedy = [config.greedy for config in configs]
        self._greedy = torch.tensor(greedy, device=device) if any(greedy) else None
        self._truncation = None
        if any(config.truncates for config in configs):
            kept = [config if config.truncates else SamplingConfig() for config in configs]
            self._truncation = Truncation(
                np.array([config.top_k or NO_TOP_K for config in kept], np.int64),
                np.array([config.top_p or NO_TOP_P for config in kept], np.float64),
                np.array([config.typical_p for config in kept], np.float64),
            )

    def step(self, uniform: Tensor, masked: Tensor, texts: Sequence[TextAdjustments | None]) -> SamplingStep:
        """The parameters of a step: uniform (B,) and masked (B, 1) as SamplingStep has them, and the rows' texts."""
        device = self._scale.device
        uniform, masked = uniform.to(device), masked.to(device)
        if self._greedy is not None:
            uniform = uniform.masked_fill(self._greedy, GREEDY_UNIFORM)
        return SamplingStep(self._scale, uniform, masked, join_adjustments(texts, device), self._truncation)


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
