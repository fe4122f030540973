"""Copying from the source: a decoder's vocabulary distribution mixed with its attention.

A pointer-generator (See, Liu and Manning 2017, arXiv:1704.04368). At each step a gate says with which probability the
next token is copied from the source, and the attention weights say from which position:

    P(w) = (1 - c) P_vocabulary(w) + sum over positions i with the token w of gate * attention_i
    c    = sum over all positions i that can be copied of gate * attention_i

The mass at positions that can't be copied stays with the vocabulary, so that P sums to 1.
"""

import torch
from torch import Tensor

MOST = 1 - 1e-6
"""The copied mass at most, so that the logarithm of the rest is finite."""
LEAST = 1e-30
"""Added to a probability, so that its logarithm is finite."""


def copyable_tokens(ids: Tensor, lengths: Tensor) -> Tensor:
    """The tokens of sources (B, S) that may be copied; -1 at the first token, which names the language, at the end and
    at padding."""
    steps = torch.arange(ids.shape[1], device=ids.device).unsqueeze(0)  # (1, S)
    return ids.masked_fill((steps == 0) | (steps >= lengths.unsqueeze(1) - 1), -1)


def copy_weights(gate: Tensor, attention: Tensor, copyable: Tensor) -> Tensor:
    """The probability with which each position is copied, (..., T, S) float32.

    gate (..., T) is a logit; attention (..., T, S) the weights; copyable (..., S) as of `copyable_tokens`.
    """
    return torch.sigmoid(gate.float()).unsqueeze(-1) * attention.float() * (copyable >= 0).unsqueeze(-2)


def target_logprobs(vocabulary: Tensor, total: Tensor, matching: Tensor) -> Tensor:
    """log P of targets, (N,), from log P_vocabulary of each, its total of copy weights, and the total of those at
    positions that have the target's token."""
    return torch.logaddexp(torch.log1p(-total.clamp(max=MOST)) + vocabulary, torch.log(matching + LEAST))


def mix_logprobs_(logprobs: Tensor, weights: Tensor, copyable: Tensor) -> Tensor:
    """log P of every token, in place of log P_vocabulary (N*K, V); the K rows of a source are adjacent.

    weights (N*K, S) are the copy weights, copyable (N, S) the tokens of the sources.
    """
    sources, width = copyable.shape
    rows = len(logprobs) // sources
    tokens = copyable.clamp(min=0)
    logprobs += torch.log1p(-weights.sum(dim=-1, keepdim=True).clamp(max=MOST))
    # each position gets the mass of all positions with its token, so that all of them write the same value
    same = (tokens.unsqueeze(1) == tokens.unsqueeze(2)).to(weights.dtype)  # (N, S, S)
    from_source = (weights.view(sources, rows, width) @ same).view(-1, width)  # (N*K, S)
    index = tokens.repeat_interleave(rows, dim=0)  # (N*K, S)
    mixed = torch.logaddexp(logprobs.gather(1, index), torch.log(from_source + LEAST))
    return logprobs.scatter_(1, index, mixed)
