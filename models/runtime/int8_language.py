"""A language model in int8: a state of 5 bytes a unit, and steps of a fraction of a millisecond."""

import torch
from torch import Tensor

from models.language_model import LanguageModel
from models.runtime.int8 import ZERO, Int8Cell, Int8Linear, gate_order, quantize_hidden
from models.runtime.state import State

LARGEST_TABLE_BYTES = 256 * 2**20


class Int8Language:
    """A LanguageModel on a CPU. Its state is hidden (B, L, H) uint8 and cell (B, L, H) float32.

    What a token adds to the bottom layer's gates is looked up in a table, made once, where that
    takes no more than LARGEST_TABLE_BYTES; elsewhere the token's embedding is multiplied in int8.
    The projection before the softmax, where there is one, is folded into it.
    """

    precision = "int8"
    exact = True
    device = torch.device("cpu")

    def __init__(self, model: LanguageModel, largest_table_bytes: int = LARGEST_TABLE_BYTES) -> None:
        config = model.config
        self.vocabulary, self.layers, self.hidden = config.vocabulary, config.layers, config.hidden
        embedding = model.embedding.weight.detach().float()
        self._table: Tensor | None = None
        self._embedded: Tensor | None = None
        self._cells = []
        for layer in range(config.layers):
            inputs, recurrent, *biases = (
                getattr(model.lstm, f"{name}_l{layer}").detach().float()
                for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            )
            bias, weight, ranges = biases[0] + biases[1], torch.cat([inputs, recurrent], dim=1), None
            if layer == 0 and 16 * config.vocabulary * config.hidden <= largest_table_bytes:
                self._table = (embedding @ inputs.T + bias)[:, gate_order(config.hidden)]  # (V, 4H)
                weight, bias = recurrent, None
            elif layer == 0:
                ranges = torch.cat([embedding.abs().amax(dim=0).clamp_min(1e-6), torch.ones(config.hidden)])
            self._cells.append(Int8Cell(weight, bias, ranges))
            if ranges is not None:
                widened = torch.cat([embedding, torch.zeros(config.vocabulary, config.hidden)], dim=1)
                self._embedded = self._cells[0].quantize(widened)[:, : config.embedding].contiguous()  # (V, E)
        softmax, bias = embedding, model.bias.detach().float()
        if isinstance(model.projection, torch.nn.Linear):
            projection = model.projection
            softmax, bias = embedding @ projection.weight.detach().float(), bias + embedding @ projection.bias.detach()
        self._softmax = Int8Linear(softmax, bias)

    def start(self, rows: int) -> State:
        shape = (rows, self.layers, self.hidden)
        return State((torch.full(shape, ZERO, dtype=torch.uint8), torch.zeros(shape)))

    def prefill(self, ids: Tensor, state: State) -> State:
        for column in ids.unbind(dim=1):
            state = self._advance(column, state)
        return state

    def step(self, ids: Tensor, state: State) -> tuple[Tensor, State]:
        state = self._advance(ids, state)
        return self._softmax(state.tensors[0][:, -1].contiguous()), state

    def _advance(self, ids: Tensor, state: State) -> State:
        hidden, cell = state.tensors  # (B, L, H) each
        hidden_out, cell_out = torch.empty_like(hidden), torch.empty_like(cell)
        added = None
        for layer, layer_cell in enumerate(self._cells):
            recurrent = hidden[:, layer]
            if layer:
                inputs = torch.cat([hidden_out[:, layer - 1], recurrent], dim=1)
            elif self._embedded is not None:
                inputs = torch.cat([self._embedded[ids], recurrent], dim=1)
            else:
                assert self._table is not None
                inputs, added = recurrent.contiguous(), self._table[ids]
            made = layer_cell(inputs, cell[:, layer], cell_out[:, layer], added)
            quantize_hidden(made, out=hidden_out[:, layer])
            added = None
        return State((hidden_out, cell_out))
