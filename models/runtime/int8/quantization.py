"""Quantization for batch-invariant products of 8-bit numbers on a CPU.

Weights are int8 with a scale for each output channel, as usual. They are multiplied by an
LSTM's hidden states, which lie in (-1, 1): one fixed scale of 1/127 fits all of them. So nothing is
measured at run time ("dynamic" quantization takes the scale from the greatest number of the whole batch, and a
row's result then depends on the other rows), sums are of whole numbers, and the products are batch-invariant, bit
for bit. The options and their cost: docs/decisions/batch-invariant-int8.md and seven-bit-weights.md.
"""

import torch
from torch import Tensor

ZERO = 128  # the uint8 that stands for 0.0: the fast products of CPUs take one side unsigned
STEPS = 127
WEIGHT_STEPS = 63
"""Weights keep to 7 bits on every CPU. Those without VNNI add pairs of products in 16 bits, which 8 bits overflow;
and a state from one machine must continue to the same text on another, so all of them use the same weights."""


def quantize_weight(weight: Tensor, ranges: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """weight (N, K) as int8 of at most WEIGHT_STEPS, and the scale of each of its rows, (N,).

    Where the features that it multiplies have ranges (K,) other than 1, these are folded into it.
    """
    weight = weight.detach().float() if ranges is None else weight.detach().float() * ranges
    scale = weight.abs().amax(dim=1).clamp_min(1e-12) / WEIGHT_STEPS
    return (weight / scale.unsqueeze(1)).round_().clamp_(-WEIGHT_STEPS, WEIGHT_STEPS).to(torch.int8), scale


def quantize_within(values: Tensor, ranges: Tensor) -> Tensor:
    """Round values (B, K), of any size, to uint8 steps of their ranges (K,)."""
    return (values * (STEPS / ranges)).add_(ZERO + 0.5).clamp_(0, 255).to(torch.uint8)


def gate_order(hidden: int) -> Tensor:
    """(4H,) int64: PyTorch's rows input, forget, cell, output as input, forget, output, cell."""
    rows = torch.arange(4 * hidden).view(4, hidden)
    return rows[[0, 1, 3, 2]].flatten()


def quantize_hidden(hidden: Tensor) -> Tensor:
    """Hidden states (B, H), all within (-1, 1), as uint8."""
    return hidden.mul(STEPS).add_(ZERO + 0.5).to(torch.uint8)
