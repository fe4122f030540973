"""A translator in int8."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from onnx import ModelProto, TensorProto, ValueInfoProto
from torch import Tensor

from models.batch import Batch
from models.networks.translator import Translator
from models.runtime.int8.graph import Graph, Step
from models.runtime.int8.onnx import value_info
from models.runtime.int8.quantization import gate_order, quantize_hidden
from models.runtime.int8.reader import Int8Reader
from models.runtime.state import Memory, State

NORMED_RANGE = 5.0  # a layer norm's output is within so many of its gains around its bias, but for one in a million


class Int8Translator:
    """A Translator on a CPU.

    Attention is in float32, all else in int8. Its state is hidden (B, H) uint8 and cell (B, H) float32
    of bottom and top. What a layer norm puts out is quantized by a range for each feature, taken from
    the norm's gain and bias: no data is needed to calibrate it.
    """

    precision = "int8"
    exact = False  # attention adds up floats
    device = torch.device("cpu")

    def __init__(self, model: Translator, threads: int = 0) -> None:
        """So many sentences are encoded at the same time; 0 is one a core."""
        config = model.config
        self.vocabulary, self.hidden = config.vocabulary, config.hidden
        self._model = model
        embedding = model.embedding.weight.detach().float()
        self._encoder = Int8Reader(model.encoder, embedding * config.embedding**0.5, config.hidden // 2, threads)
        inputs, _, bias = lstm_weights(model.bottom)
        self._table = (embedding * config.embedding**0.5 @ inputs.T + bias)[:, gate_order(config.hidden)]  # (V', 4H)
        self._step = Step(_step_model(model), threads)

    def encode(self, source: Batch) -> tuple[Memory, State]:
        model = self._model
        rows = [ids[:length] for ids, length in zip(source.ids, source.lengths.tolist(), strict=True)]
        encoded = torch.nn.utils.rnn.pad_sequence(self._encoder.read(rows), batch_first=True)  # (N, S, H)
        memory = model.remember(encoded, source)
        hidden = quantize_hidden(memory.initial)  # (2, B, H)
        zeros = torch.zeros_like(memory.initial[0])
        state = State((hidden[0], zeros, hidden[1], zeros))
        return Memory(memory.values, memory.keys / math.sqrt(self.hidden), memory.mask), state

    def step(self, ids: Tensor, state: State, memory: Memory) -> tuple[Tensor, Tensor, State]:
        grouped = torch.tensor([len(memory), -1, self.hidden])
        given = {"first": self._table[ids], **dict(zip(_STATE, state.tensors, strict=True))}
        given |= {"values": memory.values, "keys": memory.keys, "mask": memory.mask, "grouped": grouped}
        logits, weights, *after = self._step(len(ids), ["logits", "weights", *_STATE_OUT], given)
        return logits, weights, State(tuple(after))


_STATE = ("hidden_0", "cell_0", "hidden_1", "cell_1")
_STATE_OUT = ("hidden_out_0", "cell_out_0", "hidden_out_1", "cell_out_1")


def _step_model(model: Translator) -> ModelProto:
    """From the bottom layer's input, the state and N memories of K rows each, to logits, weights and state."""
    hidden, vocabulary = model.config.hidden, model.config.vocabulary
    ones = torch.ones(hidden)
    context_range = _normed_range(model.encoder_norm)  # a context is a mean of the encoder's outputs
    readout_range = _normed_range(model.readout_norm)
    graph = Graph(hidden)

    _, recurrent, _ = lstm_weights(model.bottom)
    graph.gates("hidden_0", recurrent, None, "recurrent_0")
    query = graph.cell("bottom", graph.node("Add", ["recurrent_0", "first"], "gates_0"), "cell_0", "cell_out_0")
    graph.quantize(query, "hidden_out_0")
    context = graph.quantize(_attend(graph, query, hidden), "whole_context", context_range)

    # the top layer reads query, context and its own hidden state; the readout, hidden state and context
    inputs, recurrent, bias = lstm_weights(model.top)
    joined = graph.node("Concat", ["hidden_out_0", context, "hidden_1"], "inputs_1", axis=1)
    wide, ranges = torch.cat([inputs, recurrent], dim=1), torch.cat([ones, context_range, ones])
    top = graph.cell("top", graph.gates(joined, wide, bias, "gates_1", ranges), "cell_1", "cell_out_1")
    joined = graph.node("Concat", [graph.quantize(top, "hidden_out_1"), context], "read_out", axis=1)
    graph.linear(joined, model.readout.weight, model.readout.bias, "features", torch.cat([ones, context_range]))
    norm = model.readout_norm
    gain = graph.constant("gain", norm.weight.detach().float().numpy())
    shift = graph.constant("shift", norm.bias.detach().float().numpy())
    graph.node("LayerNormalization", ["features", gain, shift], "normed", axis=-1, epsilon=norm.eps)
    softmax = model.embedding.weight.detach().float()[:vocabulary]
    graph.linear(graph.quantize("normed", "whole_normed", readout_range), softmax, model.bias, "logits", readout_range)

    number, index = TensorProto.FLOAT, TensorProto.INT64
    memory = [value_info(name, number, "sources", "length", hidden) for name in ("values", "keys")]
    given = [
        value_info("first", number, "rows", 4 * hidden), *_state_infos(_STATE, hidden), *memory,
        value_info("mask", TensorProto.BOOL, "sources", "length"), value_info("grouped", index, 3),
    ]  # fmt: skip
    made = [value_info("logits", number, "rows", vocabulary), value_info("weights", number, "rows", "length")]
    return graph.model(given, [*made, *_state_infos(_STATE_OUT, hidden)])


def _attend(graph: Graph, query: str, hidden: int) -> str:
    """The context (N*K, H) of a query (N*K, H), and `weights` (N*K, S): one product a source serves its K rows."""
    for name, values in {"flat": (-1, hidden), "rows_axis": (1,), "all_rows": (-1,)}.items():
        graph.constant(name, np.array(values, np.int64))
    nowhere = graph.constant("nowhere", np.array(-np.inf, np.float32))
    graph.node("Reshape", [query, "grouped"], "queries")  # (N, K, H)
    graph.node("Transpose", ["keys"], "keys_across", perm=[0, 2, 1])
    graph.node("MatMul", ["queries", "keys_across"], "scores")  # (N, K, S)
    graph.node("Unsqueeze", ["mask", "rows_axis"], "mask_of_rows")
    graph.node("Where", ["mask_of_rows", "scores", nowhere], "masked_scores")
    graph.node("Softmax", ["masked_scores"], "grouped_weights", axis=-1)
    graph.node("MatMul", ["grouped_weights", "values"], "grouped_context")  # (N, K, H)
    graph.node("Shape", ["masked_scores"], "source_size", start=2)
    graph.node("Concat", ["all_rows", "source_size"], "weights_shape", axis=0)
    graph.node("Reshape", ["grouped_weights", "weights_shape"], "weights")
    return graph.node("Reshape", ["grouped_context", "flat"], "context")


def _state_infos(names: Sequence[str], hidden: int) -> list[ValueInfoProto]:
    kinds = (TensorProto.UINT8, TensorProto.FLOAT) * 2
    return [value_info(name, kind, "rows", hidden) for name, kind in zip(names, kinds, strict=True)]


def lstm_weights(lstm: torch.nn.RNNBase) -> tuple[Tensor, Tensor, Tensor]:
    """Input weights (4H, I), recurrent weights (4H, H) and the sum of the biases (4H,) of a layer."""
    weights = [parameter.detach().float() for parameter in lstm.parameters()]
    return weights[0], weights[1], weights[2] + weights[3]


def _normed_range(norm: torch.nn.LayerNorm) -> Tensor:
    return (norm.weight.detach().abs() * NORMED_RANGE + norm.bias.detach().abs()).float().clamp_min(1e-6)
