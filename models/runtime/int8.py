"""Products of 8-bit numbers on a CPU, exact whatever the batch.

Weights are int8 with a scale for each output channel, as usual. What is multiplied with them are an
LSTM's hidden states, which lie in (-1, 1): one fixed scale of 1/127 fits all of them. So nothing is
measured at run time ("dynamic" quantization looks at the greatest number of the whole batch, and a
row's result then depends on its company), sums are of whole numbers, and the result of a row is the
same alone and among 255 others, bit for bit. docs/engine.md has what it costs (nothing that
perplexity shows) and what else was measured.
"""

import torch
from torch import Tensor

ZERO = 128  # the uint8 that stands for 0.0: oneDNN's fast products take unsigned activations
STEPS = 127
# The products of CPUs without VNNI add pairs in 16 bits, which overflow unless weights keep to 7 bits.
WEIGHT_STEPS = 127 if torch.cpu._is_vnni_supported() else 63


def is_available() -> bool:
    """Whether this PyTorch has oneDNN's int8 products, and they work here."""
    try:
        Int8Linear(torch.eye(2), None)(torch.full((1, 2), ZERO, dtype=torch.uint8))
    except (RuntimeError, AttributeError, NotImplementedError):
        return False
    return True


class Int8Linear:
    """y = x W^T + b for x whose feature k lies within ±ranges[k]."""

    def __init__(self, weight: Tensor, bias: Tensor | None, ranges: Tensor | None = None) -> None:
        """weight is (N, K), bias (N,), ranges (K,), which default to 1; values beyond a range are clipped to it."""
        self._ranges = ranges
        whole, scale = quantize_weight(weight, ranges)
        self._packed = torch.ops.onednn.qlinear_prepack(whole, None)
        self._scale = scale
        self._zeros = torch.zeros(len(scale), dtype=torch.int32)
        self._bias = None if bias is None else bias.detach().float().contiguous()

    def __call__(self, quantized: Tensor) -> Tensor:
        """Multiply quantized (B, K) uint8; return (B, N) float32."""
        product: Tensor = torch.ops.onednn.qlinear_pointwise.default(
            quantized, 1 / STEPS, ZERO, self._packed, self._scale, self._zeros, self._bias,
            1.0, 0, torch.float32, "none", [], "",
        )  # fmt: skip
        return product

    def quantize(self, values: Tensor) -> Tensor:
        """Round values (B, K), of any size, to uint8 steps of their ranges."""
        return quantize_within(values, self._ranges)


class Int8Cell:
    """One LSTM layer's step, from what the input adds to the gates and the memories before.

    The four gates are one product; their order is input, forget, output, cell, so that those with a
    sigmoid lie together.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, ranges: Tensor | None = None) -> None:
        """weight is (4H, K) and bias (4H,), in PyTorch's order of gates."""
        order = gate_order(len(weight) // 4)
        self._gates = Int8Linear(weight[order], None if bias is None else bias[order], ranges)
        self._hidden = len(weight) // 4

    def __call__(self, quantized: Tensor, cell: Tensor, cell_out: Tensor, added: Tensor | None = None) -> Tensor:
        """Step from quantized (B, K) uint8 and cell (B, H); write the new cell to cell_out, return hidden (B, H).

        added (B, 4H) is added to the gates, in this class's order of them.
        """
        size = self._hidden
        gates = self._gates(quantized)  # (B, 4H)
        if added is not None:
            gates.add_(added)
        gates[:, : 3 * size].sigmoid_()
        candidate = gates[:, 3 * size :].tanh_()
        torch.mul(cell, gates[:, size : 2 * size], out=cell_out)
        cell_out.addcmul_(gates[:, :size], candidate)
        return torch.tanh(cell_out).mul_(gates[:, 2 * size : 3 * size])


def quantize_weight(weight: Tensor, ranges: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """weight (N, K) as int8 of at most WEIGHT_STEPS, and the scale of each of its rows, (N,).

    Where the features that it multiplies have ranges (K,) other than 1, these are folded into it.
    """
    weight = weight.detach().float() if ranges is None else weight.detach().float() * ranges
    scale = weight.abs().amax(dim=1).clamp_min(1e-12) / WEIGHT_STEPS
    return (weight / scale.unsqueeze(1)).round().clamp(-WEIGHT_STEPS, WEIGHT_STEPS).to(torch.int8), scale


def quantize_within(values: Tensor, ranges: Tensor | None) -> Tensor:
    """Round values (B, K), of any size, to uint8 steps of their ranges (K,), which default to 1."""
    scaled = values * (STEPS if ranges is None else STEPS / ranges)
    return scaled.add_(ZERO + 0.5).clamp_(0, 255).to(torch.uint8)


def gate_order(hidden: int) -> Tensor:
    """(4H,) int64: PyTorch's rows input, forget, cell, output as input, forget, output, cell."""
    rows = torch.arange(4 * hidden).view(4, hidden)
    return rows[[0, 1, 3, 2]].flatten()


def quantize_hidden(hidden: Tensor) -> Tensor:
    """Hidden states (B, H), all within (-1, 1), as uint8."""
    return hidden.mul(STEPS).add_(ZERO + 0.5).to(torch.uint8)
