"""What happens inside an LSTM: its gates, its cell and its hidden state, step by step."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from models.networks.classifier import Classifier
from models.networks.language_model import LanguageModel
from models.networks.recurrent import lstm_weights

Direction = Literal["forward", "backward"]
Find = Literal["cell", "hidden", "counters"]


@dataclass(frozen=True)
class Gates:
    """Of one layer in one direction, each (T, H) float32. Row t is of token t, in both directions.

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


def directions(model: LanguageModel | Classifier) -> tuple[Direction, ...]:
    """The directions in which a model has layers."""
    both = isinstance(model, Classifier) or model.backward_lstm is not None
    return ("forward", "backward") if both else ("forward",)


def compute_gates(model: LanguageModel | Classifier, ids: Sequence[int], layer: int, direction: Direction) -> Gates:
    """Run ids, (T,), from the zero state and return the gates of a layer, counted from 0.

    direction is one of `directions`. The weights are the model's float32 ones, not those of an int8 runtime.
    """
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
        return _run_layer(stack[layer], inputs.flip(1) if backward else inputs, backward)
    recurrent = model.backward_lstm if backward else model.lstm
    assert recurrent is not None
    inputs = inputs.flip(1) if backward else inputs
    for lower in recurrent.layers[:layer]:
        inputs, _ = lower(inputs)  # (1, T, H)
    return _run_layer(recurrent.layers[layer], inputs, backward)


def _run_layer(lstm: nn.Module, inputs: Tensor, backward: bool) -> Gates:
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
