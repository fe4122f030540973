"""What the runtimes that run on ONNX Runtime share."""

import os
from collections.abc import Sequence

import numpy as np
import onnxruntime
import torch
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper
from torch import Tensor

from models.runtime.int8.quantization import quantize_weight

MICROSOFT = "com.microsoft"
OPSETS = (("", 18), (MICROSOFT, 1))
FORMAT = 9  # of ONNX files; onnxruntime reads those up to its own
GATES = (0, 3, 1, 2)
"""ONNX has the gates in the order input, output, forget, cell; PyTorch in the order input, forget, cell, output."""


def start_session(model: ModelProto, threads: int) -> onnxruntime.InferenceSession:
    """A model, ready to run on a CPU; 0 threads are one a core."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or os.cpu_count() or 1
    # a thread that spins while it waits takes the core that the event loop needs
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def make_model(
    nodes: Sequence[NodeProto],
    given: Sequence[ValueInfoProto],
    made: Sequence[ValueInfoProto],
    constants: Sequence[TensorProto],
) -> ModelProto:
    """Nodes as a model."""
    graph = helper.make_graph(nodes, "model", given, made, constants)
    opsets = [helper.make_opsetid(domain, version) for domain, version in OPSETS]
    return helper.make_model(graph, opset_imports=opsets, ir_version=FORMAT)


def value_info(name: str, element: int, *shape: int | str | None) -> ValueInfoProto:
    """The type of an input or output; a size that varies has a name."""
    return helper.make_tensor_value_info(name, element, list(shape))


def quantized_lstm(
    name: str, directions: Sequence[Sequence[Tensor]], states: Sequence[str] = ("", "")
) -> tuple[list[str], list[TensorProto]]:
    """The inputs of a DynamicQuantizeLSTM after its first, and the constants among them.

    directions has, for each, PyTorch's input weights (4H, K), recurrent weights (4H, H) and two
    biases (4H,); states are the names of the hidden state and cell to begin with.
    """
    constants: list[TensorProto] = []
    names: dict[str, str] = {}

    def constant(part: str, tensor: Tensor) -> None:
        names[part] = f"{name}_{part}"
        constants.append(numpy_helper.from_array(tensor.contiguous().numpy(), names[part]))

    gates = [[_in_onnx_order(tensor) for tensor in tensors] for tensors in directions]
    for part, place in (("inputs", 0), ("recurrent", 1)):
        quantized = [quantize_weight(tensors[place]) for tensors in gates]
        constant(part, torch.stack([whole.T for whole, _ in quantized]))  # (D, K, 4H)
        constant(f"{part}_scale", torch.stack([scale for _, scale in quantized]))  # (D, 4H)
        constant(f"{part}_zero", torch.zeros(len(gates), gates[0][place].shape[0], dtype=torch.int8))
    constant("bias", torch.stack([torch.cat(tensors[2:]) for tensors in gates]))  # (D, 8H)
    quantization = [names[part] for part in ("inputs_scale", "inputs_zero", "recurrent_scale", "recurrent_zero")]
    return [names["inputs"], names["recurrent"], names["bias"], "", *states, "", *quantization], constants


def _in_onnx_order(tensor: Tensor) -> Tensor:
    """The gates' rows of a weight (4H, K) or bias (4H,), as ONNX has them."""
    parts = tensor.detach().float().chunk(4)
    return torch.cat([parts[gate] for gate in GATES])


def integers(name: str, *values: int) -> TensorProto:
    """A constant of whole numbers, as shapes and sizes are given."""
    return numpy_helper.from_array(np.array(values, np.int64), name)
