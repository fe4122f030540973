"""From scores to tokens, a whole batch at once. Randomness is an argument: a number for (seed, choice, step).

What a row chooses depends on nothing but its own scores, settings and number: sums are taken in an
order that the batch's size does not change.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

BLOCK = 64
_GOLDEN = 0x9E3779B97F4A7C15


@dataclass(frozen=True)
class SamplingConfig:
    """How to choose the next token.

    temperature divides the logits, and 0 takes the likeliest; top_k keeps the k likeliest; top_p the
    smallest set that holds so much probability (nucleus, Holtzman et al. 2020, arXiv:1904.09751);
    repetition_penalty divides the positive and multiplies the negative logits of tokens already in
    the text (CTRL, Keskar et al. 2019, arXiv:1909.05858).
    """

    temperature: float = 0.8
    top_k: int | None = None
    top_p: float | None = None
    repetition_penalty: float = 1.0


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


class Sampler:
    """The settings of a batch's rows as tensors, made once for as long as the rows stay the same."""

    def __init__(self, configs: Sequence[SamplingConfig], device: torch.device) -> None:
        temperatures = [config.temperature or 1.0 for config in configs]
        self._scale = torch.tensor([1 / value for value in temperatures], device=device).unsqueeze(1)  # (B, 1)
        self._configs = configs
        self._greedy = [row for row, config in enumerate(configs) if config.temperature == 0]
        self._cut = [row for row, config in enumerate(configs) if config.temperature and (config.top_k or config.top_p)]
        self.penalized = [row for row, config in enumerate(configs) if config.repetition_penalty != 1.0]

    def choose(self, logits: Tensor, numbers: Tensor, seen: Sequence[Sequence[int]]) -> Tensor:
        """Choose an id a row, (B,) int64, from logits (B, V) and numbers (B,) float64 in [0, 1).

        seen are the ids already in the texts of the rows in `penalized`, each once.
        """
        if self.penalized:
            logits = logits.clone()
            for row, ids in zip(self.penalized, seen, strict=True):
                _penalize(logits[row], ids, self._configs[row].repetition_penalty)
        if len(self._greedy) == len(self._configs):
            return logits.argmax(dim=1)
        probabilities = torch.softmax(logits * self._scale, dim=1)  # (B, V)
        chosen = _invert(probabilities, numbers) if len(self._cut) < len(self._configs) else None
        if chosen is None:
            chosen = torch.empty(len(logits), dtype=torch.int64, device=logits.device)
        if self._cut:
            rows = torch.tensor(self._cut, device=logits.device)
            chosen[rows] = self._choose_cut(probabilities[rows], numbers[rows])
        if self._greedy:
            rows = torch.tensor(self._greedy, device=logits.device)
            chosen[rows] = logits[rows].argmax(dim=1)
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


def _invert(probabilities: Tensor, numbers: Tensor) -> Tensor:
    """Where the running sums of probabilities (B, V) pass numbers (B,): first the block, then the place in it."""
    size = probabilities.shape[1]
    whole = size // BLOCK * BLOCK
    sums = probabilities[:, :whole].reshape(len(probabilities), -1, BLOCK).sum(dim=2)  # (B, V/64)
    if whole < size:
        sums = torch.cat([sums, probabilities[:, whole:].sum(dim=1, keepdim=True)], dim=1)
    sums = sums.double()
    cumulative = sums.cumsum(dim=1)
    target = cumulative[:, -1:] * numbers.unsqueeze(1)  # (B, 1)
    block = torch.searchsorted(cumulative, target, right=True).clamp_max(cumulative.shape[1] - 1)
    before = cumulative.gather(1, block) - sums.gather(1, block)
    columns = (block * BLOCK + torch.arange(BLOCK, device=sums.device)).clamp_max(size - 1)  # (B, 64)
    inside = probabilities.gather(1, columns).double().cumsum(dim=1)
    place = (inside <= target - before).sum(dim=1, keepdim=True).clamp_max(BLOCK - 1)
    return columns.gather(1, place).squeeze(1)


def _penalize(logits: Tensor, ids: Sequence[int], penalty: float) -> None:
    index = torch.tensor(ids, dtype=torch.int64, device=logits.device)
    seen = logits[index]
    logits[index] = torch.where(seen > 0, seen / penalty, seen * penalty)
