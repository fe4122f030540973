"""A language model in int8: a state of 5 bytes a unit, and steps of a fraction of a millisecond.

The rules of int8.py hold: fixed scales for what the products read, sums of whole numbers, and so the
same result in any company. A whole step is one graph (int8_graph.py).
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper
from torch import Tensor

from models.networks.language_model import LanguageModel
from models.runtime.int8.graph import Graph, Step
from models.runtime.int8.onnx import MICROSOFT, integers, make_model, quantized_lstm, start_session, value_info
from models.runtime.int8.quantization import STEPS, ZERO, gate_order, quantize_within
from models.runtime.state import State
from models.sampling import BLOCK, Draw, padded_size

LARGEST_TABLE_BYTES = 256 * 2**20


class Int8Language:
    """A LanguageModel on a CPU. Its state is hidden uint8, then cell float32, (B, H) each, of every layer.

    What a token adds to the bottom layer's gates is looked up in a table, made once, where that
    takes no more than LARGEST_TABLE_BYTES; elsewhere the token's embedding is multiplied in int8.
    The projection before the softmax, where there is one, is folded into it. A prompt is read by
    ONNX Runtime's quantized LSTM in one call, each prompt by itself, several at the same time.
    """

    precision = "int8"
    exact = True
    device = torch.device("cpu")

    def __init__(self, model: LanguageModel, threads: int = 0, largest_table_bytes: int = LARGEST_TABLE_BYTES) -> None:
        """threads compute a step of CROWD rows or more; 0 is one a core."""
        config = model.config
        self.vocabulary, self.layers, self.hidden = config.vocabulary, config.layers, config.hidden
        embedding = model.embedding.weight.detach().float()
        weights = [[getattr(layer, name).detach().float() for name in _LSTM_NAMES] for layer in model.lstm.layers]
        inputs, _, *biases = weights[0]
        tabled = 16 * config.vocabulary * config.hidden <= largest_table_bytes
        if tabled:
            self._first = (embedding @ inputs.T + biases[0] + biases[1])[:, gate_order(config.hidden)]  # (V, 4H) float
        else:
            ranges = embedding.abs().amax(dim=0).clamp_min(1e-6)
            self._first = quantize_within(embedding, ranges)  # (V, E) uint8
        softmax, bias = embedding, model.bias.detach().float()
        if isinstance(model.projection, torch.nn.Linear):
            projection = model.projection
            softmax, bias = embedding @ projection.weight.detach().float(), bias + embedding @ projection.bias.detach()
        graph = Graph(config.hidden)
        below = "first"
        for layer, (inputs, recurrent, *biases) in enumerate(weights):
            if layer == 0 and tabled:
                graph.gates("hidden_0", recurrent, None, "recurrent_0")
                gates = graph.node("Add", ["recurrent_0", "first"], "gates_0")
            else:
                wide = torch.cat([inputs, recurrent], dim=1)
                both = torch.cat([ranges, torch.ones(config.hidden)]) if layer == 0 else None
                joined = graph.node("Concat", [below, f"hidden_{layer}"], f"inputs_{layer}", axis=1)
                gates = graph.gates(joined, wide, biases[0] + biases[1], f"gates_{layer}", both)
            hidden = graph.cell(f"layer_{layer}", gates, f"cell_{layer}", f"cell_out_{layer}")
            below = graph.quantize(hidden, f"hidden_out_{layer}")
        graph.linear(below, softmax, bias, "logits")
        sizes = (self._first, config.layers, config.hidden)
        self._step = Step(_graph_model(graph, *sizes, drawn=False), threads)
        _add_draw(graph, config.vocabulary)
        self._draw = Step(_graph_model(graph, *sizes, drawn=True), threads)
        self._embedding = embedding.numpy()
        self._reader = start_session(_reader_model(weights, config.embedding, config.hidden), 1)
        self._pool = ThreadPoolExecutor(threads or os.cpu_count() or 1, "reading")
        self._before, self._after = _state_names("", config.layers), _state_names("_out", config.layers)

    def start(self, rows: int) -> State:
        hidden = torch.full((rows, self.hidden), ZERO, dtype=torch.uint8)
        return State((*[hidden] * self.layers, *[torch.zeros(rows, self.hidden)] * self.layers))

    def prefill(self, texts: Sequence[Tensor], state: State) -> State:
        rows = [(ids, tuple(part[row : row + 1] for part in state.tensors)) for row, ids in enumerate(texts)]
        read = [self._read(*rows[0])] if len(rows) == 1 else list(self._pool.map(lambda row: self._read(*row), rows))
        return State(tuple(torch.from_numpy(np.concatenate(parts)) for parts in zip(*read, strict=True)))

    def step(self, ids: Tensor, state: State) -> tuple[Tensor, State]:
        logits, *after = self._step(len(state), ["logits", *self._after], self._given(ids, state))
        return logits, State(tuple(after))

    def draw(self, ids: Tensor, state: State, how: Draw, scored: bool) -> tuple[Tensor, Tensor | None, State]:
        given = {"scale_in": how.scale, "number": how.numbers.unsqueeze(1), "barred": how.barred}
        wanted = ["drawn", *["logits"] * scored, *self._after]
        drawn, *made = self._draw(len(state), wanted, self._given(ids, state) | given)
        return drawn, made[0] if scored else None, State(tuple(made[scored:]))

    def _given(self, ids: Tensor, state: State) -> dict[str, Tensor]:
        return {"first": self._first[ids], **dict(zip(self._before, state.tensors, strict=True))}

    def _read(self, ids: Tensor, state: tuple[Tensor, ...]) -> list["NDArray[np.generic]"]:
        """The state after ids (T,), from a state of one row."""
        fed = {name: tensor.numpy() for name, tensor in zip(self._before, state, strict=True)}
        arrays: list[NDArray[np.generic]] = self._reader.run(
            None, {"inputs": self._embedding[ids.numpy()][:, None], **fed}
        )
        return arrays


_LSTM_NAMES = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")


def _state_names(suffix: str, layers: int) -> list[str]:
    return [f"{part}{suffix}_{layer}" for part in ("hidden", "cell") for layer in range(layers)]


def _add_draw(graph: Graph, size: int) -> None:
    """As `models.sampling.draw`: PyTorch's calls, one by one, cost several times as much."""
    padded = padded_size(size)
    for name, values in {
        "padding": (0, 0, 0, padded - size), "blocked": (0, -1, BLOCK), "block_size": (BLOCK,),
        "last_id": (size - 1,), "first_axis": (0,), "column_axis": (1,), "block_axis": (2,),
        "last_block": (padded // BLOCK - 1,), "last_place": (BLOCK - 1,),
    }.items():  # fmt: skip
        graph.constant(name, np.array(values, np.int64))
    graph.constant("nothing", np.array(0, np.float32))
    graph.node("Mul", ["logits", "scale_in"], "scaled")
    graph.node("Softmax", ["scaled"], "probabilities", axis=1)
    graph.node("Pad", ["probabilities", "padding", "nothing"], "padded")
    graph.node("Mul", ["scale_in", "nothing"], "nothings")
    graph.node("ScatterElements", ["padded", "barred", "nothings"], "weights", axis=1)
    graph.node("Reshape", ["weights", "blocked"], "blocks")
    graph.node("ReduceSum", ["blocks", "block_axis"], "narrow_sums", keepdims=0)
    graph.node("Cast", ["narrow_sums"], "sums", to=TensorProto.DOUBLE)
    graph.node("CumSum", ["sums", "column_axis"], "cumulative")
    graph.node("Gather", ["cumulative", "last_block"], "total", axis=1)
    graph.node("Mul", ["total", "number"], "target")
    _count(graph, "cumulative", "last_block", "target", "block")
    graph.node("GatherElements", ["cumulative", "block"], "block_end", axis=1)
    graph.node("GatherElements", ["sums", "block"], "block_sum", axis=1)
    graph.node("Sub", ["block_end", "block_sum"], "before")
    graph.node("Sub", ["target", "before"], "rest")
    graph.node("GatherND", ["blocks", "block"], "narrow_inside", batch_dims=1)
    graph.node("Cast", ["narrow_inside"], "inside", to=TensorProto.DOUBLE)
    graph.node("CumSum", ["inside", "column_axis"], "running")
    _count(graph, "running", "last_place", "rest", "place")
    graph.node("Mul", ["block", "block_size"], "block_begin")
    graph.node("Add", ["block_begin", "place"], "found")
    graph.node("Min", ["found", "last_id"], "found_id")
    graph.node("Squeeze", ["found_id", "column_axis"], "drawn")


def _count(graph: Graph, sums: str, last: str, target: str, output: str) -> None:
    """How many of all running sums but the last are no greater than the target."""
    graph.node("Slice", [sums, "first_axis", last, "column_axis"], f"{output}_sums")
    graph.node("LessOrEqual", [f"{output}_sums", target], f"{output}_passed")
    graph.node("Cast", [f"{output}_passed"], f"{output}_ones", to=TensorProto.INT64)
    graph.node("ReduceSum", [f"{output}_ones", "column_axis"], output)


def _graph_model(graph: Graph, first: Tensor, layers: int, hidden: int, drawn: bool) -> ModelProto:
    """From `first`, the rows of the bottom layer's input, and the state, to logits and state."""
    element = TensorProto.FLOAT if first.dtype == torch.float32 else TensorProto.UINT8
    given = [value_info("first", element, "rows", first.shape[1]), *_state_infos("", layers, hidden)]
    made = [value_info("logits", TensorProto.FLOAT, "rows", None), *_state_infos("_out", layers, hidden)]
    if drawn:
        given += [
            value_info("scale_in", TensorProto.FLOAT, "rows", 1),
            value_info("number", TensorProto.DOUBLE, "rows", 1),
            value_info("barred", TensorProto.INT64, "rows", 1),
        ]
        made.append(value_info("drawn", TensorProto.INT64, "rows"))
    return graph.model(given, made)


def _state_infos(suffix: str, layers: int, hidden: int) -> list[ValueInfoProto]:
    kinds = [TensorProto.UINT8] * layers + [TensorProto.FLOAT] * layers
    names = _state_names(suffix, layers)
    return [value_info(name, kind, "rows", hidden) for name, kind in zip(names, kinds, strict=True)]


def _reader_model(weights: Sequence[Sequence[Tensor]], inputs: int, hidden: int) -> ModelProto:
    """From inputs (T, 1, E) and a state of one row to the state after them."""
    nodes: list[NodeProto] = []
    constants = [
        numpy_helper.from_array(np.array(1 / STEPS, np.float32), "scale"),
        numpy_helper.from_array(np.array(ZERO, np.uint8), "zero"),
        integers("before", 1, 1, hidden),
        integers("after", 1, hidden),
        integers("direction", 1),
    ]
    below = "inputs"
    for layer, parameters in enumerate(weights):
        name = f"layer_{layer}"
        starts = [f"{name}_hidden", f"{name}_cell"]
        given, own = quantized_lstm(name, [parameters], starts)
        constants += own
        ends = [f"{name}_outputs", f"{name}_hidden_end", f"{name}_cell_end"]
        nodes += [
            helper.make_node("DequantizeLinear", [f"hidden_{layer}", "scale", "zero"], [f"{name}_float"]),
            helper.make_node("Reshape", [f"{name}_float", "before"], [starts[0]]),
            helper.make_node("Reshape", [f"cell_{layer}", "before"], [starts[1]]),
            helper.make_node("DynamicQuantizeLSTM", [below, *given], ends, domain=MICROSOFT, hidden_size=hidden),
            helper.make_node("Squeeze", [ends[0], "direction"], [f"{name}_above"]),  # (T, 1, H)
            helper.make_node("Reshape", [ends[1], "after"], [f"{name}_last"]),
            helper.make_node("QuantizeLinear", [f"{name}_last", "scale", "zero"], [f"hidden_out_{layer}"]),
            helper.make_node("Reshape", [ends[2], "after"], [f"cell_out_{layer}"]),
        ]
        below = f"{name}_above"
    read = [value_info("inputs", TensorProto.FLOAT, "steps", 1, inputs), *_state_infos("", len(weights), hidden)]
    return make_model(nodes, read, _state_infos("_out", len(weights), hidden), constants)
