"""Bidirectional LSTMs in int8: each text is a run of its own, several of them at the same time.

ONNX Runtime's quantized LSTM reads a text in one call, in both directions. It scales its inputs by the greatest
numbers that it is given, so the texts of a batch would share their scales, and a text's result would depend on the
others. A text alone costs no more than its share of a batch, and needs no padding. So texts are not batched but
run in parallel, one thread each, which makes the encoder batch-invariant.
"""

import itertools
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from models.networks.recurrent import BidirectionalStack, lstm_weights
from models.runtime.int8.onnx import MICROSOFT, integers, make_model, quantized_lstm, start_session, value_info


class Int8Encoder:
    """An embedding, a BidirectionalStack and, optionally, a linear head on max and mean pooling."""

    def __init__(
        self, lstm: BidirectionalStack, embedding: Tensor, hidden: int, threads: int = 0, head: nn.Linear | None = None
    ) -> None:
        """embedding is (V, E), as the LSTM's input; threads is how many texts run in parallel, 0 is one a core."""
        self._embedding = embedding.detach().float().numpy()
        self._session = start_session(_model(lstm, embedding.shape[1], hidden, head), threads=1)
        self._threads = threads or os.cpu_count() or 1
        self._pool = ThreadPoolExecutor(self._threads, "encoder")

    def hidden_states(self, texts: Sequence[Tensor]) -> list[Tensor]:
        """The hidden states (T, 2H) of the top layer for each text, ids (T,)."""
        return [torch.from_numpy(hidden)[:, 0] for hidden in self._run(texts, "hidden")]

    def logits(self, texts: Sequence[Tensor]) -> Tensor:
        """The head's logits (B, C) for texts, ids (T,) each."""
        return torch.from_numpy(np.concatenate(self._run(texts, "logits")))

    def _run(self, texts: Sequence[Tensor], output: str) -> list[NDArray[np.float32]]:
        def run(ids: Tensor) -> NDArray[np.float32]:
            (array,) = self._session.run([output], {"inputs": self._embedding[ids.numpy()][:, None]})
            result: NDArray[np.float32] = array
            return result

        if len(texts) == 1:
            return [run(texts[0])]
        # sorted by length and dealt out in turn, so that the threads have about the same number of tokens each
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        shares = [order[first :: self._threads] for first in range(self._threads)]
        results = dict(
            itertools.chain.from_iterable(
                self._pool.map(lambda share: [(index, run(texts[index])) for index in share], shares)
            )
        )
        return [results[index] for index in range(len(texts))]


def _model(lstm: BidirectionalStack, inputs: int, hidden: int, head: nn.Linear | None) -> bytes:
    """From inputs (T, 1, E) to hidden (T, 1, 2H), and with a head to logits (1, C)."""
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
    if head is not None:
        arrays = {"time": np.array([0]), "weight": head.weight.detach().numpy(), "bias": head.bias.detach().numpy()}
        constants += [numpy_helper.from_array(array, name) for name, array in arrays.items()]
        nodes += [
            helper.make_node("ReduceMax", ["hidden", "time"], ["max"], keepdims=0),  # (1, 2H)
            helper.make_node("ReduceMean", ["hidden", "time"], ["mean"], keepdims=0),
            helper.make_node("Concat", ["max", "mean"], ["pooled"], axis=1),  # (1, 4H)
            helper.make_node("Gemm", ["pooled", "weight", "bias"], ["logits"], transB=1),
        ]
        outputs.append(value_info("logits", TensorProto.FLOAT, 1, len(head.bias)))
    return make_model(nodes, [value_info("inputs", TensorProto.FLOAT, "steps", 1, inputs)], outputs, constants)
