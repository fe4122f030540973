"""Stacks of recurrent layers. Their state is a value: passed in, and returned.

A layer's cell is one of three, all as PyTorch has them: Elman's (1990) plain one with tanh, `rnn`; the gated unit of
Cho et al. 2014 (arXiv:1406.1078), `gru`; and Hochreiter and Schmidhuber's (1997) with the forget gate of Gers et al.
(2000), `lstm`. The bias of its forget gate is 1 at first, so that gradients pass through the cell from the
beginning (Jozefowicz et al. 2015).
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, NamedTuple, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from models.config import Choice

SequenceT = TypeVar("SequenceT", Tensor, PackedSequence)


class RecurrentState(NamedTuple):
    """The state of a stack, (L, B, H) each: hidden, and, of LSTMs, cell."""

    hidden: Tensor
    cell: Tensor | None = None

    def map(self, function: Callable[[Tensor], Tensor]) -> "RecurrentState":
        """Apply a function to each part."""
        return RecurrentState(function(self.hidden), None if self.cell is None else function(self.cell))

    def detach(self) -> "RecurrentState":
        return self.map(Tensor.detach)

    def rows(self, index: Tensor) -> "RecurrentState":
        """The states of the rows in index, (R,) int64: rows may be left out or repeated."""
        return self.map(lambda part: part[:, index])

    def layer(self, depth: int) -> "RecurrentState":
        """The state of one layer, (1, B, H) each."""
        return self.map(lambda part: part[depth : depth + 1])

    @property
    def parts(self) -> tuple[Tensor, ...]:
        return (self.hidden,) if self.cell is None else (self.hidden, self.cell)


def make_lstm(inputs: int, hidden: int) -> nn.LSTM:
    """An `nn.LSTM` of one layer over (B, T, inputs), with forget gates biased to remember."""
    lstm = nn.LSTM(inputs, hidden, batch_first=True)
    for name, bias in lstm.named_parameters():
        if name.startswith("bias"):
            nn.init.zeros_(bias)
        if name.startswith("bias_ih"):
            nn.init.ones_(bias[hidden : 2 * hidden])  # gates in the order input, forget, cell, output
    return lstm


CELLS: Mapping[str, Callable[[int, int], nn.RNNBase]] = {
    "rnn": partial(nn.RNN, batch_first=True),
    "gru": partial(nn.GRU, batch_first=True),
    "lstm": make_lstm,
}
"""Each makes one layer over (B, T, inputs)."""
Cell = Annotated[str, Choice(tuple(CELLS))]


class LSTMWeights(NamedTuple):
    """The weights of one LSTM layer, float32, their gates in PyTorch's order: input, forget, candidate, output."""

    input: Tensor
    """(4H, I)"""
    recurrent: Tensor
    """(4H, H)"""
    input_bias: Tensor
    """(4H,); PyTorch has two biases, as cuDNN does, of which only the sum matters"""
    recurrent_bias: Tensor

    @property
    def bias(self) -> Tensor:
        return self.input_bias + self.recurrent_bias


def lstm_weights(layer: nn.Module) -> LSTMWeights:
    """The weights of a layer that `make_lstm` made, detached."""
    assert isinstance(layer, nn.LSTM)
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    return LSTMWeights(*(getattr(layer, name).detach().float() for name in names))


def run_layer(
    layer: nn.RNNBase, sequence: SequenceT, before: RecurrentState | None
) -> tuple[SequenceT, RecurrentState]:
    """Run one layer over (B, T, I), or a packed sequence, from a state (1, B, H); return (B, T, H) and the state.

    On a GPU in single precision, by tensor cores, even under autocast: that runs cuDNN's layers in float16 whatever
    its dtype, whose range is too small for the gradients of a mean over thousands of targets.
    """
    if sequence.is_cuda and torch.is_autocast_enabled("cuda"):
        with torch.autocast("cuda", enabled=False):
            return run_layer(layer, sequence.float(), None if before is None else before.map(Tensor.float))
    # PyTorch has a tensor as the state of GRUs and RNNs, and a tuple as that of LSTMs
    initial = None if before is None else before.hidden if before.cell is None else tuple(before)
    hidden, last = layer(sequence, initial)
    return hidden, RecurrentState(*last) if isinstance(last, tuple) else RecurrentState(last)


class RecurrentStack(nn.Module):
    """Recurrent layers of one size, with dropout between them."""

    def __init__(self, inputs: int, hidden: int, layers: int, dropout: nn.Module, cell: str = "lstm") -> None:
        """Dropout maps (B, T, H) to (B, T, H)."""
        super().__init__()
        self.layers = nn.ModuleList(CELLS[cell](hidden if depth else inputs, hidden) for depth in range(layers))
        self.dropout = dropout

    def forward(self, inputs: SequenceT, state: RecurrentState | None = None) -> tuple[SequenceT, RecurrentState]:
        """Run inputs (B, T, I), or a packed sequence; return the top layer (B, T, H) and the state after step T."""
        sequence, after = inputs, []
        for depth, layer in enumerate(self.layers):
            if depth and self.training:
                sequence = self.dropout(sequence)
            assert isinstance(layer, nn.RNNBase)
            sequence, last = run_layer(layer, sequence, None if state is None else state.layer(depth))  # (B, T, H)
            after.append(last.parts)
        return sequence, RecurrentState(*(torch.cat(parts) for parts in zip(*after, strict=True)))  # (L, B, H) each


class BidirectionalStack(nn.Module):
    """A stack in which each layer runs over the whole sequence in both directions.

    The backward half gets each row reversed within its length, so that padding comes last for both
    directions and never reaches a real position: no packing is needed, and the fused kernels run.
    """

    def __init__(self, inputs: int, hidden: int, layers: int, dropout: nn.Module, cell: str = "lstm") -> None:
        """hidden is the size of one direction: the output is twice as wide. Dropout is applied between layers."""
        super().__init__()
        widths = [inputs] + [2 * hidden] * (layers - 1)
        self.forward_layers = nn.ModuleList(CELLS[cell](width, hidden) for width in widths)
        self.backward_layers = nn.ModuleList(CELLS[cell](width, hidden) for width in widths)
        self.dropout = dropout

    def forward(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """Run inputs (B, T, E) with lengths (B,); return (B, T, 2H), meaningless at padding."""
        reverse = reverse_index(lengths, inputs.shape[1])  # (B, T)
        hidden = inputs
        for depth, (forward_layer, backward_layer) in enumerate(
            zip(self.forward_layers, self.backward_layers, strict=True)
        ):
            if depth:
                hidden = self.dropout(hidden)
            assert isinstance(forward_layer, nn.RNNBase)
            assert isinstance(backward_layer, nn.RNNBase)
            forward, _ = run_layer(forward_layer, hidden, None)  # (B, T, H)
            backward, _ = run_layer(backward_layer, gather_steps(hidden, reverse), None)  # (B, T, H), reversed
            hidden = torch.cat([forward, gather_steps(backward, reverse)], dim=-1)  # (B, T, 2H)
        return hidden


def reverse_index(lengths: Tensor, width: int) -> Tensor:
    """(B, T) int64: the index that reverses each row within its length; padding keeps its index."""
    steps = torch.arange(width, device=lengths.device).unsqueeze(0)  # (1, T)
    reverse = lengths.unsqueeze(1) - 1 - steps  # (B, T)
    return torch.where(reverse >= 0, reverse, steps)


def gather_steps(sequence: Tensor, index: Tensor) -> Tensor:
    """Reorder sequence (B, T, H) along time by index (B, T)."""
    return sequence.gather(1, index.unsqueeze(-1).expand_as(sequence))
