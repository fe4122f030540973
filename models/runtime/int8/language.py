"""A language model in int8: a state of 5 bytes a unit, and steps of a fraction of a millisecond.

As `quantization` has it, scales are fixed and products are summed in whole numbers, so the results are
batch-invariant. A whole step, with or without sampling, is one graph.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper
from torch import Tensor

from models.networks.language_model import LanguageModel
from models.networks.recurrent import LSTMWeights, lstm_weights
from models.runtime.int8.graph import Graph, Step
from models.runtime.int8.onnx import MICROSOFT, integers, make_model, quantized_lstm, start_session, value_info
from models.runtime.int8.quantization import STEPS, ZERO, gate_order, quantize_within
from models.runtime.int8.sampling import (
    add_sampling,
    adjusted_sampling_inputs,
    adjusted_sampling_model,
    sampling_infos,
    sampling_inputs,
)
from models.runtime.state import State
from models.sampling import SamplingStep, truncate

MAX_TABLE_BYTES = 256 * 2**20


class Int8Language:
    """A LanguageModel on a CPU. Its state is hidden uint8, then cell float32, (B, H) each, of every layer.

    A token's contribution to the bottom layer's gates is looked up in a table, computed once, where the table
    takes no more than MAX_TABLE_BYTES; elsewhere the token's embedding is multiplied in int8.
    The projection before the softmax, where there is one, is folded into it. A prompt is read by
    ONNX Runtime's quantized LSTM in one call, each prompt by itself, several in parallel.
    """

    precision = "int8"
    exact = True
    has_zeros = False
    device = torch.device("cpu")

    def __init__(self, model: LanguageModel, threads: int = 0, max_table_bytes: int = MAX_TABLE_BYTES) -> None:
        """threads compute a step of PARALLEL_ROWS rows or more; 0 is one a core."""
        config = model.config
        self.vocabulary, self.layers, self.hidden = config.vocabulary, config.layers, config.hidden
        embedding = model.embedding.weight.detach().float()
        weights = [lstm_weights(layer) for layer in model.lstm.layers]
        ranges = None
        if 16 * config.vocabulary * config.hidden <= max_table_bytes:
            bottom, order = weights[0], gate_order(config.hidden)
            # in this order before they are multiplied: the table is many times as large as the weights
            self._inputs = embedding @ bottom.input[order].T  # (V, 4H) float
            self._inputs += bottom.bias[order]
        else:
            ranges = embedding.abs().amax(dim=0).clamp_min(1e-6)
            self._inputs = quantize_within(embedding, ranges)  # (V, E) uint8
        graph = Graph(config.hidden)
        _add_layers(graph, weights, ranges)
        softmax, bias = _softmax_weights(model)
        graph.linear(f"hidden_out_{config.layers - 1}", softmax, bias, "logits")
        sizes = (self._inputs, config.layers, config.hidden)
        self._step = Step(_step_model(graph, *sizes, with_sampling=False), threads)
        add_sampling(graph, config.vocabulary)
        self._sample = Step(_step_model(graph, *sizes, with_sampling=True), threads)
        self._sample_adjusted = Step(adjusted_sampling_model(config.vocabulary), threads)
        self._embedding = embedding.numpy()
        self._prefill = start_session(_prefill_model(weights, config.embedding, config.hidden), 1)
        self._pool = ThreadPoolExecutor(threads or os.cpu_count() or 1, "prefill")
        self._state_in, self._state_out = _state_names("", config.layers), _state_names("_out", config.layers)

    def start(self, rows: int) -> State:
        hidden = torch.full((rows, self.hidden), ZERO, dtype=torch.uint8)
        return State((*[hidden] * self.layers, *[torch.zeros(rows, self.hidden)] * self.layers))

    def prefill(self, texts: Sequence[Tensor], state: State) -> State:
        rows = [(ids, state.rows(slice(row, row + 1))) for row, ids in enumerate(texts)]
        after = [self._read(*rows[0])] if len(rows) == 1 else list(self._pool.map(lambda row: self._read(*row), rows))
        return State(tuple(torch.from_numpy(np.concatenate(parts)) for parts in zip(*after, strict=True)))

    def step(self, ids: Tensor, state: State) -> tuple[Tensor, State]:
        logits, *after = self._step(len(state), ["logits", *self._state_out], self._step_inputs(ids, state))
        return logits, State(tuple(after))

    def sample(
        self, ids: Tensor, state: State, step: SamplingStep, return_logits: bool
    ) -> tuple[Tensor, Tensor | None, State]:
        if step.adjustments or step.truncation:
            logits, after = self.step(ids, state)
            inputs = {"logits": logits} | adjusted_sampling_inputs(step)
            sampled, probabilities = self._sample_adjusted(len(state), ["sampled", "probabilities"], inputs)
            return truncate(sampled, probabilities, step), logits if return_logits else None, after
        inputs = self._step_inputs(ids, state) | sampling_inputs(step)
        sampled, *rest = self._sample(len(state), ["sampled", *["logits"] * return_logits, *self._state_out], inputs)
        return sampled, rest[0] if return_logits else None, State(tuple(rest[return_logits:]))

    def _step_inputs(self, ids: Tensor, state: State) -> dict[str, Tensor]:
        return {"inputs": self._inputs.index_select(0, ids), **dict(zip(self._state_in, state.tensors, strict=True))}

    def _read(self, ids: Tensor, state: State) -> list["NDArray[np.generic]"]:
        """The state after ids (T,), from a state of one row."""
        inputs = {name: tensor.numpy() for name, tensor in zip(self._state_in, state.tensors, strict=True)}
        arrays: list[NDArray[np.generic]] = self._prefill.run(
            None, {"inputs": self._embedding[ids.numpy()][:, None], **inputs}
        )
        return arrays


def _softmax_weights(model: LanguageModel) -> tuple[Tensor, Tensor]:
    """Weights (V, H) and bias (V,) from the top layer to the logits, the projection folded in."""
    weight, bias = model.embedding.weight.detach().float(), model.bias.detach().float()
    if isinstance(model.projection, torch.nn.Linear):
        projection = model.projection
        return weight @ projection.weight.detach().float(), bias + weight @ projection.bias.detach()
    return weight, bias


def _add_layers(graph: Graph, weights: Sequence[LSTMWeights], ranges: Tensor | None) -> None:
    """All layers, from `inputs`, the bottom layer's part of the gates, or, if ranges (E,) are given, embeddings."""
    below = "inputs"
    for depth, layer in enumerate(weights):
        if depth == 0 and ranges is None:
            graph.gates("hidden_0", layer.recurrent, None, "recurrent_0")
            gates = graph.node("Add", ["recurrent_0", "inputs"], "gates_0")
        else:
            both = torch.cat([layer.input, layer.recurrent], dim=1)
            hidden_ranges = torch.ones(layer.recurrent.shape[1])
            both_ranges = torch.cat([ranges, hidden_ranges]) if depth == 0 and ranges is not None else None
            joined = graph.node("Concat", [below, f"hidden_{depth}"], f"inputs_{depth}", axis=1)
            gates = graph.gates(joined, both, layer.bias, f"gates_{depth}", both_ranges)
        hidden = graph.cell(f"layer_{depth}", gates, f"cell_{depth}", f"cell_out_{depth}")
        below = graph.quantize(hidden, f"hidden_out_{depth}")


def _step_model(graph: Graph, inputs: Tensor, layers: int, hidden: int, with_sampling: bool) -> bytes:
    """From the rows of inputs and the state to logits and state, and optionally a sampled id."""
    element = TensorProto.FLOAT if inputs.dtype == torch.float32 else TensorProto.UINT8
    graph_inputs = [value_info("inputs", element, "rows", inputs.shape[1]), *_state_infos("", layers, hidden)]
    outputs = [value_info("logits", TensorProto.FLOAT, "rows", None), *_state_infos("_out", layers, hidden)]
    if with_sampling:
        more_inputs, sampled = sampling_infos()
        graph_inputs += more_inputs
        outputs.append(sampled)
    return graph.model(graph_inputs, outputs)


def _state_names(suffix: str, layers: int) -> list[str]:
    return [f"{part}{suffix}_{layer}" for part in ("hidden", "cell") for layer in range(layers)]


def _state_infos(suffix: str, layers: int, hidden: int) -> list[ValueInfoProto]:
    elements = [TensorProto.UINT8] * layers + [TensorProto.FLOAT] * layers
    names = _state_names(suffix, layers)
    return [value_info(name, element, "rows", hidden) for name, element in zip(names, elements, strict=True)]


def _prefill_model(weights: Sequence[LSTMWeights], inputs: int, hidden: int) -> bytes:
    """From inputs (T, 1, E) and a state of one row to the state after them."""
    nodes: list[NodeProto] = []
    constants = [
        numpy_helper.from_array(np.array(1 / STEPS, np.float32), "scale"),
        numpy_helper.from_array(np.array(ZERO, np.uint8), "zero"),
        integers("lstm_shape", 1, 1, hidden),
        integers("state_shape", 1, hidden),
        integers("direction_axis", 1),
    ]
    below = "inputs"
    for depth, layer in enumerate(weights):
        name = f"layer_{depth}"
        starts = [f"{name}_hidden", f"{name}_cell"]
        lstm_inputs, lstm_constants = quantized_lstm(name, [layer], starts)
        constants += lstm_constants
        ends = [f"{name}_outputs", f"{name}_hidden_end", f"{name}_cell_end"]
        nodes += [
            helper.make_node("DequantizeLinear", [f"hidden_{depth}", "scale", "zero"], [f"{name}_float"]),
            helper.make_node("Reshape", [f"{name}_float", "lstm_shape"], [starts[0]]),
            helper.make_node("Reshape", [f"cell_{depth}", "lstm_shape"], [starts[1]]),
            helper.make_node("DynamicQuantizeLSTM", [below, *lstm_inputs], ends, domain=MICROSOFT, hidden_size=hidden),
            helper.make_node("Squeeze", [ends[0], "direction_axis"], [f"{name}_above"]),  # (T, 1, H)
            helper.make_node("Reshape", [ends[1], "state_shape"], [f"{name}_last"]),
            helper.make_node("QuantizeLinear", [f"{name}_last", "scale", "zero"], [f"hidden_out_{depth}"]),
            helper.make_node("Reshape", [ends[2], "state_shape"], [f"cell_out_{depth}"]),
        ]
        below = f"{name}_above"
    graph_inputs = [
        value_info("inputs", TensorProto.FLOAT, "steps", 1, inputs),
        *_state_infos("", len(weights), hidden),
    ]
    return make_model(nodes, graph_inputs, _state_infos("_out", len(weights), hidden), constants)
