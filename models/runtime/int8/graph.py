"""Steps in int8 as graphs for ONNX Runtime.

A step is some thirty small operations, of which each would cost Python more than it costs the
processor, and after each of which Python's other threads could hold the step up. As one graph they are one call.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper
from torch import Tensor, from_numpy

from models.runtime.int8.onnx import MICROSOFT, make_model, start_session
from models.runtime.int8.quantization import STEPS, ZERO, gate_order, quantize_weight

CROWD = 16
"""Rows from which on a step is worth more than one thread: waking another takes as long as a small step."""


class Graph:
    """ONNX nodes that are put together one by one. Names are those of tensors; sizes are of one LSTM's units."""

    def __init__(self, hidden: int) -> None:
        self._hidden = hidden
        self._nodes: list[NodeProto] = []
        self._constants: list[TensorProto] = []
        self.constant("scale", np.array(1 / STEPS, np.float32))
        self.constant("zero", np.array(ZERO, np.uint8))
        self.constant("sides", np.array([3 * hidden, hidden], np.int64))

    def node(self, kind: str, inputs: Sequence[str], *outputs: str, domain: str = "", **attributes: Any) -> str:
        """Add a node; return its first output."""
        self._nodes.append(helper.make_node(kind, inputs, outputs, domain=domain, **attributes))
        return outputs[0]

    def constant(self, name: str, value: NDArray[Any]) -> str:
        self._constants.append(numpy_helper.from_array(value, name))
        return name

    def linear(
        self, inputs: str, weight: Tensor, bias: Tensor | None, output: str, ranges: Tensor | None = None
    ) -> str:
        """output = inputs W^T + b, for inputs (B, K) uint8 whose ranges (K,) are 1 if left out."""
        whole, scale = quantize_weight(weight, ranges)
        names = [
            inputs,
            self.constant(f"{output}_weight", whole.T.contiguous().numpy()),
            "scale",
            self.constant(f"{output}_scale", scale.numpy()),
            "zero",
        ]
        if bias is not None:
            names += ["", self.constant(f"{output}_bias", bias.detach().float().numpy())]  # weights have no zero point
        return self.node("MatMulIntegerToFloat", names, output, domain=MICROSOFT)

    def gates(self, inputs: str, weight: Tensor, bias: Tensor | None, output: str, ranges: Tensor | None = None) -> str:
        """As linear, of weight (4H, K) and bias (4H,) in PyTorch's order of gates; those with a sigmoid come first."""
        order = gate_order(self._hidden)
        return self.linear(inputs, weight[order], None if bias is None else bias[order], output, ranges)

    def cell(self, name: str, gates: str, cell: str, cell_out: str) -> str:
        """An LSTM's cell from its gates, (B, 4H), and the cell before; return its hidden state, (B, H) float."""
        self.node("Split", [gates, "sides"], f"{name}_doors", f"{name}_raw", axis=1)
        self.node("Sigmoid", [f"{name}_doors"], f"{name}_open")
        doors = [f"{name}_input", f"{name}_forget", f"{name}_output"]
        self.node("Split", [f"{name}_open"], *doors, axis=1, num_outputs=3)
        self.node("Tanh", [f"{name}_raw"], f"{name}_candidate")
        self.node("Mul", [cell, doors[1]], f"{name}_kept")
        self.node("Mul", [doors[0], f"{name}_candidate"], f"{name}_new")
        self.node("Add", [f"{name}_kept", f"{name}_new"], cell_out)
        self.node("Tanh", [cell_out], f"{name}_squashed")
        return self.node("Mul", [doors[2], f"{name}_squashed"], f"{name}_hidden")

    def quantize(self, inputs: str, output: str, ranges: Tensor | None = None) -> str:
        """inputs (B, K) as uint8 around ZERO, in steps of their ranges (K,), which are 1 if left out."""
        if ranges is not None:
            factors = self.constant(f"{output}_factors", (1 / ranges).numpy())
            inputs = self.node("Mul", [inputs, factors], f"{output}_within")
        return self.node("QuantizeLinear", [inputs, "scale", "zero"], output)

    def model(self, given: Sequence[ValueInfoProto], made: Sequence[ValueInfoProto]) -> ModelProto:
        return make_model(self._nodes, given, made, self._constants)


class Step:
    """A graph, ready to run on batches of any size."""

    def __init__(self, model: ModelProto, threads: int) -> None:
        """threads compute a step of CROWD rows or more; 0 is one a core."""
        self._alone, self._crowd = start_session(model, 1), start_session(model, threads)

    def __call__(self, rows: int, wanted: Sequence[str], given: dict[str, Tensor]) -> list[Tensor]:
        """The tensors of the wanted names, from the given ones, of so many rows."""
        session = self._crowd if rows >= CROWD else self._alone
        arrays = session.run(wanted, {name: tensor.numpy() for name, tensor in given.items()})
        return [from_numpy(array) for array in arrays]
