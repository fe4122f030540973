"""From scores to tokens, a whole batch at once. Randomness is an argument: a number for (seed, choice, step).

What a row chooses depends on nothing but its own scores, settings and number: sums are taken in an
order that the batch's size does not change.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

BLOCK = 64
COLDEST = 1e-6
"""Below this temperature, the likeliest is taken."""
_GOLDEN = 0x9E3779B97F4A7C15


@dataclass(frozen=True)
class SamplingConfig:
    """How to choose the next token.

    temperature divides the logits, and 0 takes the likeliest; top_k keeps the k likeliest; top_p the
    smallest set that holds so much probability (nucleus, Holtzman et al. 2020, arXiv:1904.09751);
    repetition_penalty divides the positive and multiplies the negative logits of tokens already in
    the text (CTRL, Keskar et al. 2019, arXiv:1909.05858). As OpenAI's API has them: presence_penalty is taken
    once from the logit of each token that was generated, frequency_penalty as often as it was, and
    logit_bias is added, a pair (id, bias) a token.
    """

    temperature: float = 0.8
    top_k: int | None = None
    top_p: float | None = None
    repetition_penalty: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    logit_bias: tuple[tuple[int, float], ...] = ()

    @property
    def adjusts(self) -> bool:
        """Whether logits are changed before anything is chosen by them."""
        return bool(self.repetition_penalty != 1 or self.presence_penalty or self.frequency_penalty or self.logit_bias)


@dataclass(frozen=True)
class Past:
    """The ids in a text, each once, and how often each was generated."""

    seen: Sequence[int]
    generated: Mapping[int, int]


def draw_key(seed: int, choice: int) -> int:
    """What `draws` needs to know of a text's seed and choice, each a whole number from 0 below 2**64."""
    key = seed.to_bytes(8, "little") + choice.to_bytes(8, "little")
    return int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "little")


def draws(keys: NDArray[np.uint64], steps: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Uniform numbers in [0, 1), each a function of its key and step alone: SplitMix64 (Steele et al. 2014)."""
    mixed = keys + (steps + np.uint64(1)) * np.uint64(_GOLDEN)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed = (mixed ^ (mixed >> np.uint64(31))) >> np.uint64(11)
    numbers: NDArray[np.float64] = mixed.astype(np.float64) / 2.0**53
    return numbers


@dataclass(frozen=True)
class Draw:
    """What a step needs to draw from a batch's probabilities.

    scale (B, 1) float32 multiplies the logits; numbers (B,) float64 lie in [0, 1); barred (B, 1) int64 is
    an id that may not be drawn, V where all may.
    """

    scale: Tensor
    numbers: Tensor
    barred: Tensor


def draw(logits: Tensor, how: Draw) -> Tensor:
    """Draw an id a row, (B,) int64, from logits (B, V)."""
    probabilities = torch.softmax(logits * how.scale, dim=1)
    padding = padded_size(logits.shape[1]) - logits.shape[1]
    padded = torch.nn.functional.pad(probabilities, (0, padding)).scatter_(1, how.barred, 0.0)
    return _invert(padded, how.numbers).clamp_max(logits.shape[1] - 1)


def padded_size(size: int) -> int:
    """Whole blocks with room for a vocabulary's size and one more."""
    return (size // BLOCK + 1) * BLOCK


class Sampler:
    """The settings of a batch's rows as tensors, made once for as long as the rows stay the same."""

    def __init__(self, configs: Sequence[SamplingConfig], device: torch.device) -> None:
        cold = [config.temperature < COLDEST for config in configs]  # whose logits would grow past all bounds
        temperatures = [1.0 if frozen else config.temperature for frozen, config in zip(cold, configs, strict=True)]
        self.scale = torch.tensor([1 / value for value in temperatures], device=device).unsqueeze(1)  # (B, 1)
        self._configs = configs
        self.adjusted = [row for row, config in enumerate(configs) if config.adjusts]
        self._greedy = [row for row, config in enumerate(configs) if cold[row]]
        self._cut = [row for row, config in enumerate(configs) if not cold[row] and (config.top_k or config.top_p)]
        self._drawn = sorted(set(self.adjusted) - {*self._greedy, *self._cut})
        self._special = sorted({*self._greedy, *self._cut, *self._drawn})

    @property
    def reads_logits(self) -> bool:
        """Whether some rows are not simply drawn."""
        return bool(self._special)

    def choose(self, drawn: Tensor, logits: Tensor, how: Draw, pasts: Sequence[Past]) -> Tensor:
        """Put the ids of the rows that are not simply drawn in their places among drawn (B,), given logits (B, V),
        in which what is barred is -inf. pasts are those of the rows in `adjusted`.
        """
        if not self._special:
            return drawn
        own = logits[self._special]  # (R, V)
        place = {row: number for number, row in enumerate(self._special)}
        for row, past in zip(self.adjusted, pasts, strict=True):
            _adjust(own[place[row]], self._configs[row], past)
        chosen = drawn.clone()
        if self._greedy:
            chosen[self._greedy] = own[[place[row] for row in self._greedy]].argmax(dim=1)
        if self._cut:
            probabilities = torch.softmax(own[[place[row] for row in self._cut]] * how.scale[self._cut], dim=1)
            chosen[self._cut] = self._choose_cut(probabilities, how.numbers[self._cut])
        if self._drawn:
            rows = Draw(how.scale[self._drawn], how.numbers[self._drawn], how.barred[self._drawn])
            chosen[self._drawn] = draw(own[[place[row] for row in self._drawn]], rows)
        return chosen

    def _choose_cut(self, probabilities: Tensor, numbers: Tensor) -> Tensor:
        """Choose for the rows in _cut: rank more and more candidates until each row has all that it keeps."""
        size = probabilities.shape[1]
        configs = [self._configs[row] for row in self._cut]
        top_k = torch.tensor([min(config.top_k or size, size) for config in configs], device=probabilities.device)
        top_p = torch.tensor([config.top_p or 2.0 for config in configs], device=probabilities.device)
        chosen = torch.empty(len(configs), dtype=torch.int64, device=probabilities.device)
        left = torch.arange(len(configs), device=probabilities.device)
        for count in (64, 1024, size):
            ranked, ids = top(probabilities[left], min(count, size))  # (R, count) each, falling
            cumulative = ranked.double().cumsum(dim=1)
            before = cumulative - ranked
            kept = (torch.arange(ranked.shape[1], device=ranked.device) < top_k[left].unsqueeze(1)) & (
                before < top_p[left].unsqueeze(1)
            )
            kept[:, 0] = True
            complete = ~kept[:, -1] | (top_k[left] <= count) | torch.tensor(count >= size, device=ranked.device)
            last = kept.sum(dim=1, keepdim=True) - 1
            target = cumulative.gather(1, last) * numbers[left].unsqueeze(1)
            position = torch.minimum((cumulative <= target).sum(dim=1, keepdim=True), last)
            chosen[left[complete]] = ids.gather(1, position).squeeze(1)[complete]
            left = left[~complete]
            if not len(left):
                break
        return chosen


def top(values: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The `count` greatest of each row of values (B, V), falling, and their columns (B, count).

    As torch.topk, but several times faster on a CPU where count is small: the greatest stand in the
    blocks whose maxima are greatest, so only those are ranked.
    """
    size = values.shape[1]
    whole = size // BLOCK * BLOCK
    if 4 * count * BLOCK >= size:
        found: tuple[Tensor, Tensor] = values.topk(min(count, size), dim=1)
        return found
    maxima = values[:, :whole].reshape(len(values), -1, BLOCK).amax(dim=2)  # (B, V/64)
    if whole < size:
        maxima = torch.cat([maxima, values[:, whole:].amax(dim=1, keepdim=True)], dim=1)
    blocks = maxima.topk(count, dim=1).indices  # (B, count)
    columns = (blocks.unsqueeze(2) * BLOCK + torch.arange(BLOCK, device=values.device)).flatten(1)  # (B, 64 count)
    candidates = values.gather(1, columns.clamp_max(size - 1))
    if whole < size:
        candidates.masked_fill_(columns >= size, float("-inf"))
    greatest, places = candidates.topk(count, dim=1)
    return greatest, columns.gather(1, places)


def row_sums(values: Tensor) -> Tensor:
    """The sums (B,) of the rows of values (B, V), added up in an order that does not depend on B."""
    size = values.shape[1]
    whole = size // BLOCK * BLOCK
    sums = values[:, :whole].reshape(len(values), -1, BLOCK).sum(dim=2).sum(dim=1)
    return sums + values[:, whole:].sum(dim=1) if whole < size else sums


def _invert(weights: Tensor, numbers: Tensor) -> Tensor:
    """Where the running sums of weights (B, N * 64) pass numbers (B,): first the block, then the place in it."""
    blocks = weights.reshape(len(weights), -1, BLOCK)
    sums = blocks.sum(dim=2).double()  # (B, N)
    cumulative = sums.cumsum(dim=1)
    target = cumulative[:, -1:] * numbers.unsqueeze(1)  # (B, 1)
    block = (cumulative[:, :-1] <= target).sum(dim=1, keepdim=True)
    before = cumulative.gather(1, block) - sums.gather(1, block)
    columns = block * BLOCK + torch.arange(BLOCK, device=sums.device)  # (B, 64)
    inside = weights.gather(1, columns).double().cumsum(dim=1)
    place = (inside[:, :-1] <= target - before).sum(dim=1, keepdim=True)
    return columns.gather(1, place).squeeze(1)


def _adjust(logits: Tensor, config: SamplingConfig, past: Past) -> None:
    """Change logits (V,), where they lie, as a row's settings and its text ask for."""

    def index(ids: Iterable[int]) -> Tensor:
        return torch.tensor(list(ids), dtype=torch.int64, device=logits.device)

    def numbers(values: Iterable[float]) -> Tensor:
        return torch.tensor(list(values), dtype=logits.dtype, device=logits.device)

    if config.repetition_penalty != 1:
        seen = index(past.seen)
        found = logits[seen]
        logits[seen] = torch.where(found > 0, found / config.repetition_penalty, found * config.repetition_penalty)
    if (config.presence_penalty or config.frequency_penalty) and past.generated:
        counts = numbers(past.generated.values())
        logits[index(past.generated)] -= config.presence_penalty + config.frequency_penalty * counts
    if config.logit_bias:
        logits[index(token for token, _ in config.logit_bias)] += numbers(bias for _, bias in config.logit_bias)
