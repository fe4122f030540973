"""What happens inside an LSTM while it reads: its gates and its memory, step by step."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from models.networks.classifier import Classifier
from models.networks.language_model import LanguageModel

Direction = Literal["forward", "backward"]


@dataclass(frozen=True)
class Gates:
    """Of one layer in one direction, each (T, H) float32, and row t is of token t, whatever the direction.

    The gates are between 0 and 1, the candidate between -1 and 1: cell = forget * before + input * candidate,
    hidden = output * tanh(cell) (Gers et al. 2000).
    """

    input: Tensor
    forget: Tensor
    candidate: Tensor
    output: Tensor
    before: Tensor
    """The cell before the step."""
    cell: Tensor
    hidden: Tensor

    @property
    def change(self) -> Tensor:
        """(T, H): how far each step moved each unit's cell."""
        return (self.cell - self.before).abs()


def directions(model: LanguageModel | Classifier) -> tuple[Direction, ...]:
    """In which a model reads."""
    both = isinstance(model, Classifier) or model.backward_lstm is not None
    return ("forward", "backward") if both else ("forward",)


def read_gates(model: LanguageModel | Classifier, ids: Sequence[int], layer: int, direction: Direction) -> Gates:
    """Read ids, (T,), from an empty memory and keep what a layer, counted from 0, does.

    direction is one of `directions`. The weights are the model's own, not those of an int8 runtime.
    """
    index = torch.tensor([list(ids)], device=model.embedding.weight.device)
    inputs = model.embedding(index)  # (1, T, E)
    backward = direction == "backward"
    if isinstance(model, Classifier):
        stack = model.lstm.backward_layers if backward else model.lstm.forward_layers
        for depth in range(layer):
            ahead, back = model.lstm.forward_layers[depth], model.lstm.backward_layers[depth]
            inputs = torch.cat([ahead(inputs)[0], back(inputs.flip(1))[0].flip(1)], dim=-1)  # (1, T, 2H)
        return _read(stack[layer], inputs.flip(1) if backward else inputs, backward)
    chosen = model.backward_lstm if backward else model.lstm
    assert chosen is not None
    inputs = inputs.flip(1) if backward else inputs
    for lower in chosen.layers[:layer]:
        inputs, _ = lower(inputs)  # (1, T, H)
    return _read(chosen.layers[layer], inputs, backward)


def _read(lstm: nn.Module, inputs: Tensor, backward: bool) -> Gates:
    """Run a layer, with PyTorch's order of gates, over inputs (1, T, E), which are from the last to the first where
    it reads backward; what comes of it never is."""
    assert isinstance(lstm, nn.LSTM)
    size = lstm.hidden_size
    from_input, from_hidden, bias, other_bias = lstm.parameters()  # (4H, E), (4H, H), (4H,), (4H,)
    fed = nn.functional.linear(inputs[0], from_input, bias + other_bias)  # (T, 4H)
    hidden, cell = fed.new_zeros(size), fed.new_zeros(size)
    steps = []
    for step in fed:
        enters, keeps, candidate, shows = (step + from_hidden @ hidden).split(size)  # (H,) each
        enters, keeps, candidate, shows = enters.sigmoid(), keeps.sigmoid(), candidate.tanh(), shows.sigmoid()
        before, cell = cell, keeps * cell + enters * candidate
        hidden = shows * cell.tanh()
        steps.append(torch.stack([enters, keeps, candidate, shows, before, cell, hidden]))
    kept = torch.stack(steps, dim=1).float()  # (7, T, H)
    return Gates(*(kept.flip(1) if backward else kept))
