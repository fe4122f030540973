"""A language model in int8: a state of 5 bytes a unit, and steps of a fraction of a millisecond.

A whole step is one graph that ONNX Runtime runs: some thirty small operations, of which each would
cost Python more than it costs the processor, and after each of which Python's other threads could
hold the step up. The rules of int8.py hold: fixed scales for what the products read, sums of whole
numbers, and so the same result in any company.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper
from onnxruntime import InferenceSession
from torch import Tensor

from models.language_model import LanguageModel
from models.runtime.int8 import STEPS, ZERO, gate_order, quantize_weight, quantize_within
from models.runtime.onnx import MICROSOFT, integers, make_model, quantized_lstm, start_session, value_info
from models.runtime.state import State
from models.sampling import BLOCK, Draw, padded_size

LARGEST_TABLE_BYTES = 256 * 2**20
CROWD = 16
"""Rows from which on a step is worth more than one thread: waking another takes as long as a small step."""


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
        weights = [
            [getattr(model.lstm, f"{name}_l{layer}").detach().float() for name in _LSTM_NAMES]
            for layer in range(config.layers)
        ]
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
        graph = _Graph(config.hidden)
        for layer, (inputs, recurrent, *biases) in enumerate(weights):
            bias_sum = biases[0] + biases[1]
            if layer == 0 and tabled:
                graph.layer(0, recurrent, None, tabled=True)
            elif layer == 0:
                wide = torch.cat([inputs, recurrent], dim=1)
                graph.layer(0, wide, bias_sum, ranges=torch.cat([ranges, torch.ones(config.hidden)]))
            else:
                graph.layer(layer, torch.cat([inputs, recurrent], dim=1), bias_sum)
        graph.linear(f"hidden_out_{config.layers - 1}", softmax, bias, "logits")
        step = graph.model(self._first, config.layers)
        self._step = start_session(step, 1), start_session(step, threads)
        graph.draw(config.vocabulary)
        step = graph.model(self._first, config.layers, drawn=True)
        self._draw = start_session(step, 1), start_session(step, threads)
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
        logits, *after = self._run(self._step, ["logits", *self._after], ids, state)
        return logits, State(tuple(after))

    def draw(self, ids: Tensor, state: State, how: Draw, scored: bool) -> tuple[Tensor, Tensor | None, State]:
        fed = {"scale_in": how.scale.numpy(), "number": how.numbers.unsqueeze(1).numpy(), "barred": how.barred.numpy()}
        wanted = ["drawn", *["logits"] * scored, *self._after]
        drawn, *made = self._run(self._draw, wanted, ids, state, fed)
        return drawn, made[0] if scored else None, State(tuple(made[scored:]))

    def _run(
        self, sessions: tuple[InferenceSession, InferenceSession], wanted: list[str], ids: Tensor, state: State,
        more: dict[str, "NDArray[Any]"] | None = None,
    ) -> list[Tensor]:  # fmt: skip
        """A step of the rows, by the session for one thread or the one for several."""
        fed = {name: tensor.numpy() for name, tensor in zip(self._before, state.tensors, strict=True)}
        fed["first"] = self._first[ids].numpy()
        arrays = sessions[len(state) >= CROWD].run(wanted, {**fed, **(more or {})})
        return [torch.from_numpy(array) for array in arrays]

    def _read(self, ids: Tensor, state: tuple[Tensor, ...]) -> list["NDArray[np.generic]"]:
        """The state after ids (T,), from a state of one row."""
        fed = {name: tensor.numpy() for name, tensor in zip(self._before, state, strict=True)}
        arrays: list[NDArray[np.generic]] = self._reader.run(
            None, {"inputs": self._embedding[ids.numpy()][:, None], **fed}
        )
        return arrays


_LSTM_NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def _state_names(suffix: str, layers: int) -> list[str]:
    return [f"{part}{suffix}_{layer}" for part in ("hidden", "cell") for layer in range(layers)]


class _Graph:
    """A step as ONNX nodes, put together layer by layer."""

    def __init__(self, hidden: int) -> None:
        self._hidden = hidden
        self._nodes: list[NodeProto] = []
        self._constants: list[TensorProto] = []
        self._constant("scale", np.array(1 / STEPS, np.float32))
        self._constant("zero", np.array(ZERO, np.uint8))
        self._constant("sides", np.array([3 * hidden, hidden], np.int64))

    def linear(
        self, inputs: str, weight: Tensor, bias: Tensor | None, output: str, ranges: Tensor | None = None
    ) -> None:
        """output = inputs W^T + b, for inputs (B, K) uint8."""
        whole, scale = quantize_weight(weight, ranges)
        names = [
            inputs,
            self._constant(f"{output}_weight", whole.T.contiguous().numpy()),
            "scale",
            self._constant(f"{output}_scale", scale.numpy()),
            "zero",
        ]
        if bias is not None:
            names += ["", self._constant(f"{output}_bias", bias.detach().numpy())]  # weights have no zero point
        self._node("MatMulIntegerToFloat", names, [output], domain=MICROSOFT)

    def layer(
        self, number: int, weight: Tensor, bias: Tensor | None, ranges: Tensor | None = None, tabled: bool = False
    ) -> None:
        """One LSTM layer; its gates are one product, in the order input, forget, output, cell."""
        order = gate_order(self._hidden)
        weight, bias = weight[order], None if bias is None else bias[order]
        name, below = f"layer_{number}", "first" if number == 0 else f"hidden_out_{number - 1}"
        if tabled:
            self.linear(f"hidden_{number}", weight, bias, f"{name}_recurrent", ranges)
            self._node("Add", [f"{name}_recurrent", "first"], [f"{name}_gates"])
        else:
            self._node("Concat", [below, f"hidden_{number}"], [f"{name}_inputs"], axis=1)
            self.linear(f"{name}_inputs", weight, bias, f"{name}_gates", ranges)
        self._node("Split", [f"{name}_gates", "sides"], [f"{name}_doors", f"{name}_raw"], axis=1)
        self._node("Sigmoid", [f"{name}_doors"], [f"{name}_open"])
        doors = [f"{name}_input", f"{name}_forget", f"{name}_output"]
        self._node("Split", [f"{name}_open"], doors, axis=1, num_outputs=3)
        self._node("Tanh", [f"{name}_raw"], [f"{name}_candidate"])
        self._node("Mul", [f"cell_{number}", doors[1]], [f"{name}_kept"])
        self._node("Mul", [doors[0], f"{name}_candidate"], [f"{name}_new"])
        self._node("Add", [f"{name}_kept", f"{name}_new"], [f"cell_out_{number}"])
        self._node("Tanh", [f"cell_out_{number}"], [f"{name}_squashed"])
        self._node("Mul", [doors[2], f"{name}_squashed"], [f"{name}_hidden"])
        self._node("QuantizeLinear", [f"{name}_hidden", "scale", "zero"], [f"hidden_out_{number}"])

    def draw(self, size: int) -> None:
        """As `models.sampling.draw`: PyTorch's calls, one by one, cost several times as much."""
        padded = padded_size(size)
        for name, values in {
            "padding": (0, 0, 0, padded - size), "blocked": (0, -1, BLOCK), "block_size": (BLOCK,),
            "last_id": (size - 1,), "first_axis": (0,), "column_axis": (1,), "block_axis": (2,),
            "last_block": (padded // BLOCK - 1,), "last_place": (BLOCK - 1,),
        }.items():  # fmt: skip
            self._constant(name, np.array(values, np.int64))
        self._constant("nothing", np.array(0, np.float32))
        self._node("Mul", ["logits", "scale_in"], ["scaled"])
        self._node("Softmax", ["scaled"], ["probabilities"], axis=1)
        self._node("Pad", ["probabilities", "padding", "nothing"], ["padded"])
        self._node("Mul", ["scale_in", "nothing"], ["nothings"])
        self._node("ScatterElements", ["padded", "barred", "nothings"], ["weights"], axis=1)
        self._node("Reshape", ["weights", "blocked"], ["blocks"])
        self._node("ReduceSum", ["blocks", "block_axis"], ["narrow_sums"], keepdims=0)
        self._node("Cast", ["narrow_sums"], ["sums"], to=TensorProto.DOUBLE)
        self._node("CumSum", ["sums", "column_axis"], ["cumulative"])
        self._node("Gather", ["cumulative", "last_block"], ["total"], axis=1)
        self._node("Mul", ["total", "number"], ["target"])
        self._count("cumulative", "last_block", "target", "block")
        self._node("GatherElements", ["cumulative", "block"], ["block_end"], axis=1)
        self._node("GatherElements", ["sums", "block"], ["block_sum"], axis=1)
        self._node("Sub", ["block_end", "block_sum"], ["before"])
        self._node("Sub", ["target", "before"], ["rest"])
        self._node("GatherND", ["blocks", "block"], ["narrow_inside"], batch_dims=1)
        self._node("Cast", ["narrow_inside"], ["inside"], to=TensorProto.DOUBLE)
        self._node("CumSum", ["inside", "column_axis"], ["running"])
        self._count("running", "last_place", "rest", "place")
        self._node("Mul", ["block", "block_size"], ["block_begin"])
        self._node("Add", ["block_begin", "place"], ["found"])
        self._node("Min", ["found", "last_id"], ["found_id"])
        self._node("Squeeze", ["found_id", "column_axis"], ["drawn"])

    def _count(self, sums: str, last: str, target: str, output: str) -> None:
        """How many of all running sums but the last are no greater than the target."""
        self._node("Slice", [sums, "first_axis", last, "column_axis"], [f"{output}_sums"])
        self._node("LessOrEqual", [f"{output}_sums", target], [f"{output}_passed"])
        self._node("Cast", [f"{output}_passed"], [f"{output}_ones"], to=TensorProto.INT64)
        self._node("ReduceSum", [f"{output}_ones", "column_axis"], [output])

    def model(self, first: Tensor, layers: int, drawn: bool = False) -> ModelProto:
        """From `first`, the rows of the bottom layer's input, and the state, to logits and state."""
        element = TensorProto.FLOAT if first.dtype == torch.float32 else TensorProto.UINT8
        given = [value_info("first", element, "rows", first.shape[1]), *_state_infos("", layers, self._hidden)]
        made = [value_info("logits", TensorProto.FLOAT, "rows", None), *_state_infos("_out", layers, self._hidden)]
        if drawn:
            given += [
                value_info("scale_in", TensorProto.FLOAT, "rows", 1),
                value_info("number", TensorProto.DOUBLE, "rows", 1),
                value_info("barred", TensorProto.INT64, "rows", 1),
            ]
            made.append(value_info("drawn", TensorProto.INT64, "rows"))
        return make_model(self._nodes, given, made, self._constants)

    def _node(self, kind: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any) -> None:
        self._nodes.append(helper.make_node(kind, inputs, outputs, **attributes))

    def _constant(self, name: str, value: "np.ndarray[tuple[int, ...], np.dtype[np.generic]]") -> str:
        self._constants.append(numpy_helper.from_array(value, name))
        return name


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
