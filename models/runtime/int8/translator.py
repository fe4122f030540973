"""A translator in int8."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from onnx import TensorProto, ValueInfoProto
from torch import Tensor

from models.batch import Batch
from models.networks.copying import LEAST, MOST
from models.networks.encoder_output import EncoderOutput
from models.networks.recurrent import lstm_weights
from models.networks.translator import Translator
from models.runtime.int8.encoder import Int8Encoder
from models.runtime.int8.graph import Graph, Step
from models.runtime.int8.onnx import value_info
from models.runtime.int8.parallel import TextThreads
from models.runtime.int8.quantization import gate_order, quantize_hidden
from models.runtime.state import State

NORMED_RANGE = 5.0  # a layer norm's output is within so many of its gains around its bias, but for one in a million


class Int8Translator:
    """A Translator on a CPU.

    Attention is in float32, all else in int8. Its state is hidden (B, H) uint8 and cell (B, H) float32
    of bottom and top. The output of a layer norm is quantized by a range for each feature, taken from
    the norm's gain and bias: no calibration data is needed.
    """

    precision = "int8"
    exact = False  # attention sums floats
    device = torch.device("cpu")

    def __init__(self, model: Translator, threads: int = 0) -> None:
        """threads is how many sentences are encoded in parallel; 0 is one a core."""
        config = model.config
        self.vocabulary, self.hidden = config.vocabulary, config.hidden
        self._model = model
        embedding = model.embedding.weight.detach().float() * config.embedding**0.5
        self._encoder = Int8Encoder(model.encoder, embedding, config.hidden // 2)
        self._texts = TextThreads(threads)
        bottom, order = lstm_weights(model.bottom), gate_order(config.hidden)
        # in this order before they are multiplied: the table is many times as large as the weights
        self._table = embedding @ bottom.input[order].T  # (V + languages, 4H)
        self._table += bottom.bias[order]
        self._step = Step(_step_model(model), threads)
        self._outputs = ["logprobs", "weights", *_STATE_OUT]

    def encode(self, source: Batch) -> tuple[EncoderOutput, State]:
        model = self._model
        rows = [ids[:length] for ids, length in zip(source.ids, source.lengths.tolist(), strict=True)]
        hidden_states = self._texts.map(self._encoder.hidden_states, rows)
        hidden = torch.nn.utils.rnn.pad_sequence(hidden_states, batch_first=True)  # (N, S, H)
        encoded, state = model.encoder_output(hidden, source)
        bottom, top = (quantize_hidden(layer.hidden[0]) for layer in (state.bottom, state.top))  # (N, H) each
        cell = torch.zeros(bottom.shape)
        # the scale of the attention's scores is folded into the keys: a product less in each step
        keys = encoded.keys / math.sqrt(self.hidden)
        return EncoderOutput(encoded.values, keys, encoded.copyable, encoded.mask), State((bottom, cell, top, cell))

    def step(self, ids: Tensor, state: State, encoded: EncoderOutput) -> tuple[Tensor, Tensor, State]:
        grouped = torch.tensor([len(encoded), -1, self.hidden])
        inputs = {"inputs": self._table[ids], **dict(zip(_STATE, state.tensors, strict=True))}
        inputs |= {"values": encoded.values, "keys": encoded.keys, "mask": encoded.mask, "grouped": grouped}
        if self._model.copy_gate is not None:
            inputs["copyable"] = encoded.copyable
        logprobs, weights, *after = self._step(len(ids), self._outputs, inputs)
        return logprobs, weights, State(tuple(after))


_STATE = ("hidden_0", "cell_0", "hidden_1", "cell_1")
_STATE_OUT = ("hidden_out_0", "cell_out_0", "hidden_out_1", "cell_out_1")


def _step_model(model: Translator) -> bytes:
    """From the bottom layer's part of the gates, the state and the encoder output of N sources with K rows each, to
    the log-probabilities of all tokens, attention weights, and state."""
    hidden, vocabulary = model.config.hidden, model.config.vocabulary
    ones = torch.ones(hidden)
    context_range = _normed_range(model.encoder_norm)  # a context is a mean of the values
    readout_range = _normed_range(model.readout_norm)
    graph = Graph(hidden)

    graph.gates("hidden_0", lstm_weights(model.bottom).recurrent, None, "recurrent_0")
    query = graph.cell("bottom", graph.node("Add", ["recurrent_0", "inputs"], "gates_0"), "cell_0", "cell_out_0")
    graph.quantize(query, "hidden_out_0")
    context = graph.quantize(_attend(graph, query, hidden), "quantized_context", context_range)

    # the top layer reads query, context and its own hidden state; the readout reads hidden state and context
    top = lstm_weights(model.top)
    joined = graph.node("Concat", ["hidden_out_0", context, "hidden_1"], "inputs_1", axis=1)
    both, ranges = torch.cat([top.input, top.recurrent], dim=1), torch.cat([ones, context_range, ones])
    hidden_top = graph.cell("top", graph.gates(joined, both, top.bias, "gates_1", ranges), "cell_1", "cell_out_1")
    joined = graph.node("Concat", [graph.quantize(hidden_top, "hidden_out_1"), context], "readout_inputs", axis=1)
    readout_inputs_range = torch.cat([ones, context_range])
    graph.linear(joined, model.readout.weight, model.readout.bias, "features", readout_inputs_range)
    norm = model.readout_norm
    gain = graph.constant("gain", norm.weight.detach().float().numpy())
    shift = graph.constant("shift", norm.bias.detach().float().numpy())
    graph.node("LayerNormalization", ["features", gain, shift], "normed", axis=-1, epsilon=norm.eps)
    softmax = model.embedding.weight.detach().float()[:vocabulary]
    graph.linear(
        graph.quantize("normed", "quantized_normed", readout_range), softmax, model.bias, "logits", readout_range
    )

    floats, integers = TensorProto.FLOAT, TensorProto.INT64
    encoded = [value_info(name, floats, "sources", "length", hidden) for name in ("values", "keys")]
    inputs = [
        value_info("inputs", floats, "rows", 4 * hidden), *_state_infos(_STATE, hidden), *encoded,
        value_info("mask", TensorProto.BOOL, "sources", "length"), value_info("grouped", integers, 3),
    ]  # fmt: skip
    outputs = [value_info("logprobs", floats, "rows", vocabulary), value_info("weights", floats, "rows", "length")]
    outputs += _state_infos(_STATE_OUT, hidden)
    if model.copy_gate is None:
        graph.node("LogSoftmax", ["logits"], "logprobs", axis=-1)
    else:
        graph.node("LogSoftmax", ["logits"], "of_vocabulary", axis=-1)
        graph.linear(joined, model.copy_gate.weight, model.copy_gate.bias, "copy_gate", readout_inputs_range)
        inputs.append(value_info("copyable", integers, "sources", "length"))
        _mix(graph)
    return graph.model(inputs, outputs)


def _attend(graph: Graph, query: str, hidden: int) -> str:
    """The context (N*K, H) of a query (N*K, H), and `weights` (N*K, S): one product a source serves its K rows."""
    for name, values in {"flat": (-1, hidden), "beam_axis": (1,), "all_rows": (-1,)}.items():
        graph.constant(name, np.array(values, np.int64))
    minus_infinity = graph.constant("minus_infinity", np.array(-np.inf, np.float32))
    graph.node("Reshape", [query, "grouped"], "queries")  # (N, K, H)
    graph.node("Transpose", ["keys"], "keys_transposed", perm=[0, 2, 1])
    graph.node("MatMul", ["queries", "keys_transposed"], "scores")  # (N, K, S)
    graph.node("Unsqueeze", ["mask", "beam_axis"], "beam_mask")
    graph.node("Where", ["beam_mask", "scores", minus_infinity], "masked_scores")
    graph.node("Softmax", ["masked_scores"], "grouped_weights", axis=-1)
    graph.node("MatMul", ["grouped_weights", "values"], "grouped_context")  # (N, K, H)
    graph.node("Shape", ["masked_scores"], "source_size", start=2)
    graph.node("Concat", ["all_rows", "source_size"], "weights_shape", axis=0)
    graph.node("Reshape", ["grouped_weights", "weights_shape"], "weights")
    return graph.node("Reshape", ["grouped_context", "flat"], "context")


def _mix(graph: Graph) -> None:
    """`logprobs`, the log-probabilities `of_vocabulary` mixed with what `copy_gate` (N*K, 1) and `weights` copy.

    As models/networks/copying.py, which explains it.
    """
    graph.constant("sources_axis", np.array([2], np.int64))
    graph.constant("no_token", np.array(0, np.int64))
    graph.constant("one", np.array(1, np.float32))
    graph.constant("most", np.array(MOST, np.float32))
    graph.constant("least", np.array(LEAST, np.float32))
    graph.constant("column", np.array([-1, 1], np.int64))
    graph.constant("last_axis", np.array([-1], np.int64))

    graph.node("Shape", ["grouped_weights"], "groups", end=2)
    graph.node("Concat", ["groups", "beam_axis"], "gate_shape", axis=0)
    graph.node("Sigmoid", ["copy_gate"], "gate_rows")
    graph.node("Reshape", ["gate_rows", "gate_shape"], "gate")  # (N, K, 1)
    graph.node("GreaterOrEqual", ["copyable", "no_token"], "can_copy")
    graph.node("Cast", ["can_copy"], "can_copy_float", to=TensorProto.FLOAT)
    graph.node("Unsqueeze", ["can_copy_float", "beam_axis"], "copy_mask")  # (N, 1, S)
    graph.node("Mul", ["grouped_weights", "gate"], "gated_weights")
    graph.node("Mul", ["gated_weights", "copy_mask"], "copied")  # (N, K, S)

    graph.node("ReduceSum", ["copied", "last_axis"], "total", keepdims=1)
    graph.node("Min", ["total", "most"], "clamped_total")
    graph.node("Sub", ["one", "clamped_total"], "rest")
    graph.node("Log", ["rest"], "log_rest")
    graph.node("Reshape", ["log_rest", "column"], "log_rest_rows")
    graph.node("Add", ["of_vocabulary", "log_rest_rows"], "generated")  # (N*K, V)

    # each position gets the mass of all positions with its token, so that all of them write the same value
    graph.node("Max", ["copyable", "no_token"], "tokens")
    graph.node("Unsqueeze", ["tokens", "beam_axis"], "token_row")  # (N, 1, S)
    graph.node("Unsqueeze", ["tokens", "sources_axis"], "token_column")
    graph.node("Equal", ["token_row", "token_column"], "equal")
    graph.node("Cast", ["equal"], "same", to=TensorProto.FLOAT)  # (N, S, S)
    graph.node("MatMul", ["copied", "same"], "from_source")
    graph.node("Reshape", ["from_source", "weights_shape"], "from_source_rows")  # (N*K, S)
    graph.node("Shape", ["copied"], "copied_shape")
    graph.node("Expand", ["token_row", "copied_shape"], "expanded")
    graph.node("Reshape", ["expanded", "weights_shape"], "index")
    graph.node("GatherElements", ["generated", "index"], "generated_logprobs", axis=1)
    graph.node("Exp", ["generated_logprobs"], "generated_probabilities")
    graph.node("Add", ["from_source_rows", "least"], "copied_probabilities")
    graph.node("Add", ["generated_probabilities", "copied_probabilities"], "mixed_probabilities")
    graph.node("Log", ["mixed_probabilities"], "mixed")
    graph.node("ScatterElements", ["generated", "index", "mixed"], "logprobs", axis=1)


def _state_infos(names: Sequence[str], hidden: int) -> list[ValueInfoProto]:
    elements = (TensorProto.UINT8, TensorProto.FLOAT) * 2
    return [value_info(name, element, "rows", hidden) for name, element in zip(names, elements, strict=True)]


def _normed_range(norm: torch.nn.LayerNorm) -> Tensor:
    return (norm.weight.detach().abs() * NORMED_RANGE + norm.bias.detach().abs()).float().clamp_min(1e-6)
