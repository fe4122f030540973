"""A step in int8 as one graph for ONNX Runtime.

A step is some thirty small operations, each of which would cost Python more than the processor, and after each of
which another thread of Python could delay the step. As one graph they are one call.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper
from torch import Tensor, from_numpy

from models.runtime.int8.onnx import MICROSOFT, make_model, start_session
from models.runtime.int8.quantization import STEPS, ZERO, gate_order, quantize_weight

PARALLEL_ROWS = 16
"""Rows from which a step uses several threads: waking another takes as long as a small step."""


class Graph:
    """ONNX nodes, added one by one. Nodes, inputs and outputs go by the names of tensors; hidden is an LSTM's size.

    hidden is 0 for a graph without int8 products.
    """

    def __init__(self, hidden: int = 0) -> None:
        self._hidden = hidden
        self._nodes: list[NodeProto] = []
        self._constants: list[TensorProto] = []
        if hidden:
            self.constant("scale", np.array(1 / STEPS, np.float32))
            self.constant("zero", np.array(ZERO, np.uint8))
            self.constant("sigmoid_and_tanh_sizes", np.array([3 * hidden, hidden], np.int64))

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
        quantized, scale = quantize_weight(weight, ranges)
        names = [
            inputs,
            self.constant(f"{output}_weight", quantized.T.contiguous().numpy()),
            "scale",
            self.constant(f"{output}_scale", scale.numpy()),
            "zero",
        ]
        if bias is not None:
            names += ["", self.constant(f"{output}_bias", bias.detach().float().numpy())]  # weights have no zero point
        return self.node("MatMulIntegerToFloat", names, output, domain=MICROSOFT)

    def gates(self, inputs: str, weight: Tensor, bias: Tensor | None, output: str, ranges: Tensor | None = None) -> str:
        """As linear, of weight (4H, K) and bias (4H,) in PyTorch's order of gates; output has the order of `cell`."""
        order = gate_order(self._hidden)
        return self.linear(inputs, weight[order], None if bias is None else bias[order], output, ranges)

    def cell(self, name: str, gates: str, cell: str, cell_out: str) -> str:
        """An LSTM's cell: from the gates before their activation (B, 4H), in the order input, forget, output,
        candidate, and the previous cell. Returns its hidden state (B, H) float.

        cell_out = forget * cell + input * candidate; hidden = output * tanh(cell_out)
        """
        activated, candidate, tanh_cell = f"{name}_activated", f"{name}_candidate", f"{name}_tanh_cell"
        input_gate, forget_gate, output_gate = f"{name}_input", f"{name}_forget", f"{name}_output"
        self.node("Split", [gates, "sigmoid_and_tanh_sizes"], f"{activated}_in", f"{candidate}_in", axis=1)
        self.node("Sigmoid", [f"{activated}_in"], activated)
        self.node("Split", [activated], input_gate, forget_gate, output_gate, axis=1, num_outputs=3)
        self.node("Tanh", [f"{candidate}_in"], candidate)
        self.node("Mul", [cell, forget_gate], f"{name}_forget_cell")
        self.node("Mul", [input_gate, candidate], f"{name}_input_candidate")
        self.node("Add", [f"{name}_forget_cell", f"{name}_input_candidate"], cell_out)
        self.node("Tanh", [cell_out], tanh_cell)
        return self.node("Mul", [output_gate, tanh_cell], f"{name}_hidden")

    def quantize(self, inputs: str, output: str, ranges: Tensor | None = None) -> str:
        """inputs (B, K) as uint8 around ZERO, in steps of their ranges (K,), which are 1 if left out."""
        if ranges is not None:
            factors = self.constant(f"{output}_factors", (1 / ranges).numpy())
            inputs = self.node("Mul", [inputs, factors], f"{output}_normalized")
        return self.node("QuantizeLinear", [inputs, "scale", "zero"], output)

    def model(self, inputs: Sequence[ValueInfoProto], outputs: Sequence[ValueInfoProto]) -> bytes:
        return make_model(self._nodes, inputs, outputs, self._constants)


class Step:
    """A graph, ready to run on batches of any size."""

    def __init__(self, model: bytes, threads: int) -> None:
        """threads compute a step of PARALLEL_ROWS rows or more; 0 is one a core."""
        self._single, self._parallel = start_session(model, 1), start_session(model, threads)

    def __call__(self, rows: int, outputs: Sequence[str], inputs: Mapping[str, Tensor]) -> list[Tensor]:
        """The tensors named in outputs, from the inputs by name, for a batch of so many rows."""
        session = self._parallel if rows >= PARALLEL_ROWS else self._single
        arrays = session.run(outputs, {name: tensor.numpy() for name, tensor in inputs.items()})
        return [from_numpy(array) for array in arrays]
