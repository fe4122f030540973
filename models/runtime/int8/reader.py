"""Bidirectional LSTMs in int8 that read whole texts: each by itself, several of them at the same time.

ONNX Runtime's quantized LSTM reads a text in one call, both directions of it. It looks at the
greatest numbers of what it is given, so a batch would mix its texts' scales; and a text alone costs
it no more than its share of a batch, without padding. So texts are not batched but read side by
side, one thread each: a text's numbers are the very same in any company.
"""

import itertools
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper
from torch import Tensor, nn

from models.networks.recurrent import BidirectionalStack
from models.runtime.int8.onnx import MICROSOFT, make_model, quantized_lstm, start_session, value_info


class Int8Reader:
    """A BidirectionalStack behind a table of embeddings, and, where one is given, a linear head on max and mean."""

    def __init__(
        self, lstm: BidirectionalStack, embedding: Tensor, hidden: int, threads: int = 0, head: nn.Linear | None = None
    ) -> None:
        """embedding is (V, E), as the LSTM reads it; so many texts are read at the same time, 0 is one a core."""
        self._embedding = embedding.detach().float().numpy()
        self._session = start_session(_model(lstm, embedding.shape[1], hidden, head), threads=1)
        self._threads = threads or os.cpu_count() or 1
        self._pool = ThreadPoolExecutor(self._threads, "reader")

    def read(self, texts: Sequence[Tensor]) -> list[Tensor]:
        """Read texts, ids (T,) each; return (T, 2H) for each."""
        return [torch.from_numpy(hidden)[:, 0] for hidden in self._run(texts, "hidden")]

    def score(self, texts: Sequence[Tensor]) -> Tensor:
        """Read texts, ids (T,) each, and return what the head makes of each, (B, C)."""
        return torch.from_numpy(np.concatenate(self._run(texts, "logits")))

    def _run(self, texts: Sequence[Tensor], output: str) -> list[NDArray[np.float32]]:
        def run(ids: Tensor) -> NDArray[np.float32]:
            (made,) = self._session.run([output], {"inputs": self._embedding[ids.numpy()][:, None]})
            found: NDArray[np.float32] = made
            return found

        if len(texts) == 1:
            return [run(texts[0])]
        # dealt out by length, so that each thread has about as much to read, in one piece
        order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
        shares = [order[first :: self._threads] for first in range(self._threads)]
        done = self._pool.map(lambda share: [(place, run(texts[place])) for place in share], shares)
        made = dict(itertools.chain.from_iterable(done))
        return [made[place] for place in range(len(texts))]


def _model(lstm: BidirectionalStack, inputs: int, hidden: int, head: nn.Linear | None) -> ModelProto:
    """From inputs (T, 1, E) to hidden (T, 1, 2H), and with a head to logits (1, C)."""
    constants = [numpy_helper.from_array(np.array([0, 0, -1], np.int64), "beside")]
    nodes: list[NodeProto] = []
    layers = list(zip(lstm.forward_layers, lstm.backward_layers, strict=True))
    for depth, pair in enumerate(layers):
        names, own = quantized_lstm(f"layer_{depth}", [_parameters(one) for one in pair])
        constants += own
        below = "inputs" if depth == 0 else f"hidden_{depth}"
        above = "hidden" if depth == len(layers) - 1 else f"hidden_{depth + 1}"
        nodes += [
            helper.make_node(
                "DynamicQuantizeLSTM",
                [below, *names],
                [f"both_{depth}"],
                domain=MICROSOFT,
                hidden_size=hidden,
                direction="bidirectional",
            ),  # (T, 2, 1, H)
            helper.make_node("Transpose", [f"both_{depth}"], [f"turned_{depth}"], perm=[0, 2, 1, 3]),  # (T, 1, 2, H)
            helper.make_node("Reshape", [f"turned_{depth}", "beside"], [above]),  # (T, 1, 2H)
        ]
    outputs = [value_info("hidden", TensorProto.FLOAT, "steps", 1, 2 * hidden)]
    if head is not None:
        arrays = {"time": np.array([0]), "weight": head.weight.detach().numpy(), "bias": head.bias.detach().numpy()}
        constants += [numpy_helper.from_array(array, name) for name, array in arrays.items()]
        nodes += [
            helper.make_node("ReduceMax", ["hidden", "time"], ["highest"], keepdims=0),  # (1, 2H)
            helper.make_node("ReduceMean", ["hidden", "time"], ["mean"], keepdims=0),
            helper.make_node("Concat", ["highest", "mean"], ["pooled"], axis=1),  # (1, 4H)
            helper.make_node("Gemm", ["pooled", "weight", "bias"], ["logits"], transB=1),
        ]
        outputs.append(value_info("logits", TensorProto.FLOAT, 1, len(head.bias)))
    given = [value_info("inputs", TensorProto.FLOAT, "steps", 1, inputs)]
    return make_model(nodes, given, outputs, constants)


def _parameters(lstm: nn.Module) -> list[Tensor]:
    return [getattr(lstm, name) for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")]
