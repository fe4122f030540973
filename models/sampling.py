"""From scores to a token. Randomness is an argument: a number drawn for (seed, choice, step)."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor


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


def draw(seed: int, choice: int, step: int) -> float:
    """A uniform number in [0, 1), always the same for the same three whole numbers from 0."""
    key = b"".join(number.to_bytes(8, "little") for number in (seed, choice, step))
    return int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "little") / 2**64


def choose(logits: Tensor, config: SamplingConfig, seen: Iterable[int], number: float) -> int:
    """Choose an id from logits (V,), given the ids already seen and a number in [0, 1)."""
    logits = logits.float()
    if config.repetition_penalty != 1.0 and (ids := sorted(set(seen))):
        penalized = logits[ids]
        penalty = config.repetition_penalty
        logits = logits.index_copy(
            0,
            torch.tensor(ids, device=logits.device),
            torch.where(penalized > 0, penalized / penalty, penalized * penalty),
        )
    if config.temperature == 0:
        return int(logits.argmax())
    probabilities = torch.softmax((logits - logits.max()).double() / config.temperature, dim=-1)  # (V,)
    ranked, order = probabilities.sort(descending=True, stable=True)
    kept = keep(ranked, config.top_k, config.top_p)
    cumulative = ranked[:kept].cumsum(0)
    position = int(torch.searchsorted(cumulative, number * cumulative[-1], right=True))
    return int(order[min(position, kept - 1)])


def keep(ranked: Tensor, top_k: int | None, top_p: float | None) -> int:
    """How many of the probabilities ranked (V,), in falling order, are candidates: one at least."""
    kept = ranked.numel() if top_k is None else min(top_k, ranked.numel())
    if top_p is not None:
        before = ranked.cumsum(0) - ranked  # the probability of all that is likelier
        kept = min(kept, int((before < top_p).sum()))
    return max(kept, 1)
