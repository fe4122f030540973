"""What happens inside a recurrent layer: its gates and states, step by step."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from models.networks.classifier import Classifier
from models.networks.language_model import LanguageModel
from models.networks.recurrent import lstm_weights

Direction = Literal["forward", "backward"]
Find = Literal["cell", "hidden", "counters"]


@dataclass(frozen=True)
class Gates:
    """Of one LSTM layer in one direction, each (T, H) float32. Row t is of token t, in both directions.

    The gates are between 0 and 1, the candidate between -1 and 1 (Gers et al. 2000):
    cell = forget * previous_cell + input * candidate, hidden = output * tanh(cell).
    """

    input: Tensor
    forget: Tensor
    candidate: Tensor
    output: Tensor
    previous_cell: Tensor
    cell: Tensor
    hidden: Tensor

    series: ClassVar[tuple[str, ...]] = ("input", "forget", "candidate", "output", "cell", "hidden")

    @property
    def change(self) -> Tensor:
        """(T, H): how far each step moved each unit's cell."""
        return (self.cell - self.previous_cell).abs()

    def rank(self, find: Find, skipped: int = 0) -> Tensor:
        """(H,): the higher, the more of what is to be found a unit has, after the first steps, which are skipped.

        cell and hidden add up how far the cell or the hidden state moved from step to step. counters is high where a
        cell moves far, and always in the same direction.
        """
        if find == "hidden":
            return self.hidden[max(0, skipped - 1) :].diff(dim=0).abs().sum(dim=0)
        total = self.change[skipped:].sum(dim=0)
        if find == "cell":
            return total
        net = (self.cell - self.previous_cell)[skipped:].sum(dim=0)
        return net.square() / total.clamp_min(1e-9)


@dataclass(frozen=True)
class RNNStates:
    """As Gates, of Elman's plain cell (1990), which has no gates."""

    previous_hidden: Tensor
    hidden: Tensor

    series: ClassVar[tuple[str, ...]] = ("hidden",)

    @property
    def change(self) -> Tensor:
        """(T, H): how far each step moved each unit's hidden state."""
        return (self.hidden - self.previous_hidden).abs()

    def rank(self, find: Find, skipped: int = 0) -> Tensor:
        """As `Gates.rank`; the hidden state stands for the cell."""
        total = self.change[skipped:].sum(dim=0)
        if find != "counters":
            return total
        net = (self.hidden - self.previous_hidden)[skipped:].sum(dim=0)
        return net.square() / total.clamp_min(1e-9)


@dataclass(frozen=True)
class GRUGates(RNNStates):
    """As Gates, of a GRU (Cho et al. 2014, arXiv:1406.1078, as PyTorch has it).

    hidden = update * previous_hidden + (1 - update) * candidate; the reset gate scales what the candidate gets of the
    previous hidden state.
    """

    reset: Tensor
    update: Tensor
    candidate: Tensor

    series: ClassVar[tuple[str, ...]] = ("reset", "update", "candidate", "hidden")


CellStates = Gates | RNNStates
LEAST_SPREAD = 1e-4
"""The standard deviation below which a unit counts as one that does not move."""
SERIES = {"lstm": Gates.series, "gru": GRUGates.series, "rnn": RNNStates.series}
"""The fields that are a unit's series, by the name of the cell."""


def separation(series: Tensor, marked: Tensor) -> Tensor:
    """(H,): how well each unit's state, series (T, H), separates the marked tokens (T,) from the others.

    It is the correlation of the state with the mark, which is 1 or 0 (the point-biserial one): 1 where the state has
    one value at all marked tokens and a lower one at all others, -1 where that one is higher. It ranks units as the
    difference of the two means over the pooled standard deviation does, but stays finite. Of a unit that varies less
    than LEAST_SPREAD it is nearly 0, and NaN where all tokens are marked, or none.
    """
    state, mark = series.double(), marked.double()  # (T, H), (T,)
    state, mark = state - state.mean(dim=0), mark - mark.mean()
    spread = state.square().mean(dim=0).sqrt().clamp_min(LEAST_SPREAD)  # (H,)
    return mark @ state / len(mark) / (spread * mark.square().mean().sqrt())


def directions(model: LanguageModel | Classifier) -> tuple[Direction, ...]:
    """The directions in which a model has layers."""
    both = isinstance(model, Classifier) or model.backward_lstm is not None
    return ("forward", "backward") if both else ("forward",)


def compute_gates(model: LanguageModel | Classifier, ids: Sequence[int], layer: int, direction: Direction) -> Gates:
    """Run ids, (T,), from the zero state and return the gates of an LSTM's layer, counted from 0.

    direction is one of `directions`. The weights are the model's float32 ones, not those of an int8 runtime.
    """
    return _run_lstm(*_layer_and_inputs(model, ids, layer, direction))


def compute_states(
    model: LanguageModel | Classifier, ids: Sequence[int], layer: int, direction: Direction
) -> CellStates:
    """As compute_gates, of any cell."""
    module, inputs, backward = _layer_and_inputs(model, ids, layer, direction)
    return _RUN[model.config.cell](module, inputs, backward)


def _layer_and_inputs(
    model: LanguageModel | Classifier, ids: Sequence[int], layer: int, direction: Direction
) -> tuple[nn.Module, Tensor, bool]:
    """A layer, what it reads (1, T, E) in the order in which it reads, and whether that is backward."""
    index = torch.tensor([list(ids)], device=model.embedding.weight.device)
    inputs = model.embedding(index)  # (1, T, E)
    backward = direction == "backward"
    if isinstance(model, Classifier):
        stack = model.lstm.backward_layers if backward else model.lstm.forward_layers
        for depth in range(layer):
            forward_lstm, backward_lstm = model.lstm.forward_layers[depth], model.lstm.backward_layers[depth]
            inputs = torch.cat(
                [forward_lstm(inputs)[0], backward_lstm(inputs.flip(1))[0].flip(1)], dim=-1
            )  # (1, T, 2H)
        return stack[layer], inputs.flip(1) if backward else inputs, backward
    recurrent = model.backward_lstm if backward else model.lstm
    assert recurrent is not None
    inputs = inputs.flip(1) if backward else inputs
    for lower in recurrent.layers[:layer]:
        inputs, _ = lower(inputs)  # (1, T, H)
    return recurrent.layers[layer], inputs, backward


def _run_lstm(lstm: nn.Module, inputs: Tensor, backward: bool) -> Gates:
    """Run a layer over inputs (1, T, E), which are reversed if backward; the result is in the text's order.

    By hand, because PyTorch's fused LSTM returns hidden states and no gates.
    """
    weights = lstm_weights(lstm)
    size = weights.recurrent.shape[1]
    from_inputs = nn.functional.linear(inputs[0], weights.input, weights.bias)  # (T, 4H)
    hidden, cell = from_inputs.new_zeros(size), from_inputs.new_zeros(size)
    steps = []
    for step in from_inputs:
        gates = (step + weights.recurrent @ hidden).split(size)  # (H,) each
        input_gate, forget_gate, output_gate = (gates[index].sigmoid() for index in (0, 1, 3))
        candidate = gates[2].tanh()
        previous, cell = cell, forget_gate * cell + input_gate * candidate
        hidden = output_gate * cell.tanh()
        steps.append(torch.stack([input_gate, forget_gate, candidate, output_gate, previous, cell, hidden]))
    result = torch.stack(steps, dim=1).float()  # (7, T, H)
    return Gates(*(result.flip(1) if backward else result))


def _run_gru(gru: nn.Module, inputs: Tensor, backward: bool) -> GRUGates:
    """As _run_lstm, of a GRU."""
    assert isinstance(gru, nn.GRU)
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    input_weight, recurrent_weight, input_bias, recurrent_bias = (
        gru.get_parameter(name).detach().float() for name in names
    )
    hidden = inputs.new_zeros(gru.hidden_size)
    steps = []
    for step in nn.functional.linear(inputs[0], input_weight, input_bias):  # (3H,)
        recurrent = nn.functional.linear(hidden, recurrent_weight, recurrent_bias)  # (3H,)
        (of_reset, of_update, new), (old_reset, old_update, old) = step.chunk(3), recurrent.chunk(3)  # (H,) each
        reset, update = (of_reset + old_reset).sigmoid(), (of_update + old_update).sigmoid()
        candidate = (new + reset * old).tanh()
        previous, hidden = hidden, update * hidden + (1 - update) * candidate
        steps.append(torch.stack([previous, hidden, reset, update, candidate]))
    result = torch.stack(steps, dim=1).float()  # (5, T, H)
    return GRUGates(*(result.flip(1) if backward else result))


def _run_rnn(rnn: nn.Module, inputs: Tensor, backward: bool) -> RNNStates:
    """As _run_lstm, of a plain cell: PyTorch returns all that there is, its hidden states."""
    hidden = rnn(inputs)[0][0].float()  # (T, H)
    previous = torch.cat([torch.zeros_like(hidden[:1]), hidden[:-1]])  # (T, H)
    return RNNStates(*(part.flip(0) if backward else part for part in (previous, hidden)))


_RUN: Mapping[str, Callable[[nn.Module, Tensor, bool], CellStates]] = {
    "lstm": _run_lstm,
    "gru": _run_gru,
    "rnn": _run_rnn,
}
