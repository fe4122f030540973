"""Stacks of LSTMs whose state is passed in and handed back.

The cell is Hochreiter and Schmidhuber's (1997) with the forget gate of Gers et al. (2000), as in
`torch.nn.LSTM`. The forget gate's bias starts at 1, so that a new cell remembers (Jozefowicz et
al. 2015).
"""

from typing import NamedTuple, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

SequenceT = TypeVar("SequenceT", Tensor, PackedSequence)


class LSTMState(NamedTuple):
    """The memory of a stack: hidden and cell, each (L, B, H)."""

    hidden: Tensor
    cell: Tensor

    def detach(self) -> "LSTMState":
        return LSTMState(self.hidden.detach(), self.cell.detach())

    def rows(self, index: Tensor) -> "LSTMState":
        """The states of the rows in index, (R,) int64: rows may be left out or repeated."""
        return LSTMState(self.hidden[:, index], self.cell[:, index])


def make_lstm(inputs: int, hidden: int) -> nn.LSTM:
    """An `nn.LSTM` of one layer over (B, T, inputs), its forget gates open."""
    lstm = nn.LSTM(inputs, hidden, batch_first=True)
    for name, bias in lstm.named_parameters():
        if name.startswith("bias"):
            nn.init.zeros_(bias)
        if name.startswith("bias_ih"):
            nn.init.ones_(bias[hidden : 2 * hidden])  # gates in the order input, forget, cell, output
    return lstm


class LSTMStack(nn.Module):
    """LSTM layers one above the other, all of one size, with dropout between them."""

    def __init__(self, inputs: int, hidden: int, layers: int, dropout: nn.Module) -> None:
        """Dropout maps (B, T, H) to (B, T, H)."""
        super().__init__()
        self.layers = nn.ModuleList(make_lstm(hidden if depth else inputs, hidden) for depth in range(layers))
        self.dropout = dropout

    def forward(self, inputs: SequenceT, state: LSTMState | None = None) -> tuple[SequenceT, LSTMState]:
        """Read inputs (B, T, inputs), or rows packed; return the top layer (B, T, H), and the state after step T."""
        sequence, after = inputs, []
        for depth, layer in enumerate(self.layers):
            if depth and self.training:
                sequence = self.dropout(sequence)
            before = None if state is None else (state.hidden[depth : depth + 1], state.cell[depth : depth + 1])
            sequence, last = layer(sequence, before)  # (B, T, H), (1, B, H) each
            after.append(last)
        hidden, cell = (torch.cat(parts) for parts in zip(*after, strict=True))  # (L, B, H) each
        return sequence, LSTMState(hidden, cell)


class BidirectionalLSTM(nn.Module):
    """A stack in which each layer reads the whole sequence in both directions.

    The backward LSTM reads each row reversed within its own length, so padding comes last for both
    directions and never reaches a real position; no packing is needed, and the fused kernels run.
    """

    def __init__(self, inputs: int, hidden: int, layers: int, dropout: nn.Module) -> None:
        """Hidden is the size of one direction: the output is twice as wide. Dropout stands between layers."""
        super().__init__()
        widths = [inputs] + [2 * hidden] * (layers - 1)
        self.forward_layers = nn.ModuleList(make_lstm(width, hidden) for width in widths)
        self.backward_layers = nn.ModuleList(make_lstm(width, hidden) for width in widths)
        self.dropout = dropout

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
