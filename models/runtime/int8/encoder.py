"""Bidirectional LSTMs in int8 by ONNX Runtime, a text at a time.

Its quantized LSTM reads a text in one call, in both directions. It scales its inputs by the greatest numbers that it
is given, so the texts of a batch would share their scales, and a text's result would depend on the others. Each text
is a run of its own instead, needs no padding, and the encoder is batch-invariant.
"""

import torch
from onnx import TensorProto, helper
from torch import Tensor

from models.networks.recurrent import BidirectionalStack, lstm_weights
from models.runtime.int8.onnx import MICROSOFT, integers, make_model, quantized_lstm, start_session, value_info


class Int8Encoder:
    """An embedding and a BidirectionalStack, for one text at a time, from any thread."""

    def __init__(self, lstm: BidirectionalStack, embedding: Tensor, hidden: int) -> None:
        """embedding is (V, E), as the LSTM's input."""
        self._embedding = embedding.detach().float().numpy()
        self._session = start_session(_model(lstm, embedding.shape[1], hidden), threads=1)

    def hidden_states(self, ids: Tensor) -> Tensor:
        """The hidden states (T, 2H) of the top layer, of a text's ids (T,)."""
        (hidden,) = self._session.run(["hidden"], {"inputs": self._embedding[ids.numpy()][:, None]})
        return torch.from_numpy(hidden)[:, 0]


def _model(lstm: BidirectionalStack, inputs: int, hidden: int) -> bytes:
    """From inputs (T, 1, E) to hidden (T, 1, 2H)."""
    constants = [integers("directions_joined", 0, 0, -1)]
    nodes = []
    layers = list(zip(lstm.forward_layers, lstm.backward_layers, strict=True))
    for depth, directions in enumerate(layers):
        lstm_inputs, lstm_constants = quantized_lstm(f"layer_{depth}", [lstm_weights(layer) for layer in directions])
        constants += lstm_constants
        below = "inputs" if depth == 0 else f"hidden_{depth}"
        above = "hidden" if depth == len(layers) - 1 else f"hidden_{depth + 1}"
        nodes += [
            helper.make_node(
                "DynamicQuantizeLSTM",
                [below, *lstm_inputs],
                [f"by_direction_{depth}"],
                domain=MICROSOFT,
                hidden_size=hidden,
                direction="bidirectional",
            ),  # (T, 2, 1, H)
            helper.make_node("Transpose", [f"by_direction_{depth}"], [f"by_row_{depth}"], perm=[0, 2, 1, 3]),
            helper.make_node("Reshape", [f"by_row_{depth}", "directions_joined"], [above]),  # (T, 1, 2H)
        ]
    outputs = [value_info("hidden", TensorProto.FLOAT, "steps", 1, 2 * hidden)]
    return make_model(nodes, [value_info("inputs", TensorProto.FLOAT, "steps", 1, inputs)], outputs, constants)
