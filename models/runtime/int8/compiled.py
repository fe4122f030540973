"""Bidirectional LSTMs in int8 whose recurrences are compiled: as `encoder`, faster, where Numba is installed."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from onnx import TensorProto
from torch import Tensor

from models.networks.recurrent import BidirectionalStack, LSTMWeights, lstm_weights
from models.runtime.int8.graph import Graph
from models.runtime.int8.language import MAX_TABLE_BYTES
from models.runtime.int8.onnx import start_session, value_info
from models.runtime.int8.quantization import STEPS, gate_order, quantize_hidden, quantize_weight, quantize_within
from models.runtime.int8.recurrence import BLOCK, run_direction

Array = NDArray[np.float32]


class CompiledEncoder:
    """An embedding and a BidirectionalStack, for one text at a time, from any thread.

    A token's contribution to the bottom layer's gates is looked up in a table, computed once, where the table takes no
    more than MAX_TABLE_BYTES; elsewhere, and above, the inputs of all steps are multiplied in int8 in one product.
    """

    def __init__(self, lstm: BidirectionalStack, embedding: Tensor, max_table_bytes: int = MAX_TABLE_BYTES) -> None:
        """embedding is (V, E), as the LSTM's input."""
        layers = list(zip(lstm.forward_layers, lstm.backward_layers, strict=True))
        weights = [[lstm_weights(direction) for direction in layer] for layer in layers]
        embedding = embedding.detach().float()
        self._hidden = weights[0][0].recurrent.shape[1]
        self._recurrent = [[_blocks(direction) for direction in layer] for layer in weights]
        self._inputs: list[_Inputs | None] = [None, *(_Inputs(layer, None) for layer in weights[1:])]
        if 32 * len(embedding) * self._hidden <= max_table_bytes:
            self._bottom: NDArray[Any] = _table(weights[0], embedding)  # (V, 8H)
        else:
            ranges = embedding.abs().amax(dim=0).clamp_min(1e-6)
            self._bottom = quantize_within(embedding, ranges).numpy()  # (V, E) uint8
            self._inputs[0] = _Inputs(weights[0], ranges)
        self.hidden_states(torch.zeros(1, dtype=torch.int64))  # compiles, or loads what was compiled

    def hidden_states(self, ids: Tensor) -> Tensor:
        """The hidden states (T, 2H) of the top layer, of a text's ids (T,).

        Raises IndexError for an id outside the vocabulary.
        """
        rows, steps = ids.numpy(), np.arange(len(ids))
        if rows.min() < 0 or rows.max() >= len(self._bottom):  # compiled code would read beyond the table
            raise IndexError(f"ids from {rows.min()} to {rows.max()}, in a vocabulary of {len(self._bottom)}")
        hidden = np.empty((len(ids), 2 * self._hidden), np.float32)
        for depth, (product, recurrent) in enumerate(zip(self._inputs, self._recurrent, strict=True)):
            if product is None:
                gates, indices = self._bottom, rows
            else:
                below = quantize_hidden(torch.from_numpy(hidden)).numpy() if depth else self._bottom[rows]
                gates, indices = product(below), steps  # (T, 8H)
            for direction, (weight, scale) in enumerate(recurrent):
                run_direction(gates, indices, weight, scale, direction, hidden)
        return torch.from_numpy(hidden)


class _Inputs:
    """The part of a layer's gates that comes from its inputs, forward and backward."""

    def __init__(self, layer: Sequence[LSTMWeights], ranges: Tensor | None) -> None:
        """ranges (K,) are those of the inputs, 1 if left out."""
        weight, bias = _input_weights(layer)
        graph = Graph(layer[0].recurrent.shape[1])
        graph.linear("inputs", weight, bias, "gates", ranges)
        inputs = value_info("inputs", TensorProto.UINT8, "steps", weight.shape[1])
        outputs = value_info("gates", TensorProto.FLOAT, "steps", len(weight))
        self._session = start_session(graph.model([inputs], [outputs]), threads=1)

    def __call__(self, inputs: NDArray[np.uint8]) -> Array:
        """Gates (T, 8H) from inputs (T, K)."""
        (gates,) = self._session.run(["gates"], {"inputs": inputs})
        result: Array = gates
        return result


def _input_weights(layer: Sequence[LSTMWeights]) -> tuple[Tensor, Tensor]:
    """The input weight (8H, K) and bias (8H,) of both directions, their gates in the order of `run_direction`."""
    order = gate_order(layer[0].recurrent.shape[1])
    weight = torch.cat([direction.input[order] for direction in layer])
    return weight, torch.cat([direction.bias[order] for direction in layer])


def _table(layer: Sequence[LSTMWeights], embedding: Tensor) -> Array:
    """The part (V, 8H) of every token in the gates of both directions."""
    weight, bias = _input_weights(layer)
    table: Array = torch.addmm(bias, embedding, weight.T).numpy()
    return table


def _blocks(layer: LSTMWeights) -> tuple[NDArray[np.int16], Array]:
    """The recurrent weight of a direction, (4H, N, BLOCK), and its scale (4H,)."""
    hidden = layer.recurrent.shape[1]
    quantized, scale = quantize_weight(layer.recurrent[gate_order(hidden)])
    padded = torch.nn.functional.pad(quantized, (0, -hidden % BLOCK)).to(torch.int16)
    return padded.view(4 * hidden, -1, BLOCK).contiguous().numpy(), (scale / STEPS).numpy()
