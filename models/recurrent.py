"""Stacks of LSTMs whose state is passed in and handed back.

The cell is Hochreiter and Schmidhuber's (1997) with the forget gate of Gers et al. (2000), as in
`torch.nn.LSTM`. The forget gate's bias starts at 1, so that a new cell remembers (Jozefowicz et
al. 2015).
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn


class LSTMState(NamedTuple):
    """The memory of a stack: hidden and cell, each (L, B, H)."""

    hidden: Tensor
    cell: Tensor

    def detach(self) -> "LSTMState":
        return LSTMState(self.hidden.detach(), self.cell.detach())

    def rows(self, index: Tensor) -> "LSTMState":
        """The states of the rows in index, (R,) int64: rows may be left out or repeated."""
        return LSTMState(self.hidden[:, index], self.cell[:, index])


def make_lstm(inputs: int, hidden: int, layers: int = 1, dropout: float = 0.0) -> nn.LSTM:
    """An `nn.LSTM` over (B, T, inputs), with dropout between its layers and open forget gates."""
    lstm = nn.LSTM(inputs, hidden, layers, batch_first=True, dropout=dropout if layers > 1 else 0.0)
    for name, parameter in lstm.named_parameters():
        if name.startswith("bias_ih"):
            nn.init.zeros_(parameter)
            nn.init.ones_(parameter[hidden : 2 * hidden])  # gates in the order input, forget, cell, output
        elif name.startswith("bias_hh"):
            nn.init.zeros_(parameter)
    return lstm


class BidirectionalLSTM(nn.Module):
    """A stack in which each layer reads the whole sequence in both directions.

    The backward LSTM reads each row reversed within its own length, so padding comes last for both
    directions and never reaches a real position; no packing is needed, and the fused kernels run.
    """

    def __init__(self, inputs: int, hidden: int, layers: int, dropout: float) -> None:
        """Hidden is the size of one direction: the output is twice as wide."""
        super().__init__()
        widths = [inputs] + [2 * hidden] * (layers - 1)
        self.forward_layers = nn.ModuleList(make_lstm(width, hidden) for width in widths)
        self.backward_layers = nn.ModuleList(make_lstm(width, hidden) for width in widths)
        self.dropout = nn.Dropout(dropout)

    def forward(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """Read inputs (B, T, E) with lengths (B,); return (B, T, 2H), meaningless at padding."""
        mirror = mirror_index(lengths, inputs.shape[1])  # (B, T)
        hidden = inputs
        for depth, (ahead, back) in enumerate(zip(self.forward_layers, self.backward_layers, strict=True)):
            if depth:
                hidden = self.dropout(hidden)
            onward, _ = ahead(hidden)  # (B, T, H)
            backward, _ = back(gather_steps(hidden, mirror))  # (B, T, H), reversed
            hidden = torch.cat([onward, gather_steps(backward, mirror)], dim=-1)  # (B, T, 2H)
        return hidden


def mirror_index(lengths: Tensor, width: int) -> Tensor:
    """(B, T) int64: where each step's mirror image within its row's length stands; padding stays."""
    steps = torch.arange(width, device=lengths.device).unsqueeze(0)  # (1, T)
    mirrored = lengths.unsqueeze(1) - 1 - steps  # (B, T)
    return torch.where(mirrored >= 0, mirrored, steps)


def gather_steps(sequence: Tensor, index: Tensor) -> Tensor:
    """Reorder sequence (B, T, H) along time by index (B, T)."""
    return sequence.gather(1, index.unsqueeze(-1).expand_as(sequence))
