"""ONNX models for ONNX Runtime: what all int8 runtimes share."""

import os
from collections.abc import Sequence

import numpy as np
import torch
from onnx import NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper
from torch import Tensor

from models.networks.recurrent import LSTMWeights
from models.runtime.int8.quantization import quantize_weight

# ONNX Runtime's published builds, from 1.29 on, send events about sessions to Microsoft, and write them and an
# identifier of the machine below HOME. They read this variable once, when they are imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime

MICROSOFT = "com.microsoft"
OPSETS = (("", 18), (MICROSOFT, 1))
FORMAT = 9  # of ONNX files; onnxruntime reads those up to its own
GATES = (0, 3, 1, 2)
"""ONNX has the gates in the order input, output, forget, cell; PyTorch in the order input, forget, cell, output."""


def start_session(model: bytes, threads: int) -> onnxruntime.InferenceSession:
    """A session of a serialized model on a CPU; 0 threads are one a core."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or os.cpu_count() or 1
    # a thread that spins while it waits takes the core that the event loop needs
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def make_model(
    nodes: Sequence[NodeProto],
    inputs: Sequence[ValueInfoProto],
    outputs: Sequence[ValueInfoProto],
    constants: Sequence[TensorProto],
) -> bytes:
    """A model of nodes, serialized: several sessions may start from it."""
    graph = helper.make_graph(nodes, "model", inputs, outputs, constants)
    opsets = [helper.make_opsetid(domain, version) for domain, version in OPSETS]
    serialized: bytes = helper.make_model(graph, opset_imports=opsets, ir_version=FORMAT).SerializeToString()
    return serialized


def value_info(name: str, element: int, *shape: int | str | None) -> ValueInfoProto:
    """The type of an input or output; a dimension that varies has a name."""
    return helper.make_tensor_value_info(name, element, list(shape))


def quantized_lstm(
    name: str, directions: Sequence[LSTMWeights], states: Sequence[str] = ("", "")
) -> tuple[list[str], list[TensorProto]]:
    """The inputs of a DynamicQuantizeLSTM after its first, and the constants among them.

    directions are the weights of one direction or two; states are the names of the initial hidden state and cell.
    """
    constants: list[TensorProto] = []
    names: dict[str, str] = {}

    def constant(part: str, tensor: Tensor) -> None:
        names[part] = f"{name}_{part}"
        constants.append(numpy_helper.from_array(tensor.contiguous().numpy(), names[part]))

    ordered = [LSTMWeights(*map(_in_onnx_order, weights)) for weights in directions]
    matrices = {
        "inputs": [weights.input for weights in ordered],
        "recurrent": [weights.recurrent for weights in ordered],
    }
    for part, weights_by_direction in matrices.items():
        quantized = [quantize_weight(weight) for weight in weights_by_direction]
        constant(part, torch.stack([whole.T for whole, _ in quantized]))  # (D, K, 4H)
        constant(f"{part}_scale", torch.stack([scale for _, scale in quantized]))  # (D, 4H)
        constant(f"{part}_zero", torch.zeros(len(ordered), len(weights_by_direction[0]), dtype=torch.int8))
    biases = [torch.cat([weights.input_bias, weights.recurrent_bias]) for weights in ordered]
    constant("bias", torch.stack(biases))  # (D, 8H)
    quantization = [names[part] for part in ("inputs_scale", "inputs_zero", "recurrent_scale", "recurrent_zero")]
    return [names["inputs"], names["recurrent"], names["bias"], "", *states, "", *quantization], constants


def _in_onnx_order(tensor: Tensor) -> Tensor:
    """The gates' rows of a weight (4H, K) or bias (4H,) in ONNX's order."""
    parts = tensor.chunk(4)
    return torch.cat([parts[gate] for gate in GATES])


def integers(name: str, *values: int) -> TensorProto:
    """An int64 constant (N,), such as a shape."""
    return numpy_helper.from_array(np.array(values, np.int64), name)
