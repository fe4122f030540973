"""Sampling as part of a step's graph, as `models.sampling.sample` defines it: the same calls made from Python, one by
one, cost several times as much."""

import numpy as np
from onnx import TensorProto, ValueInfoProto
from torch import Tensor

from models.adjustments import no_adjustments
from models.reductions import BLOCK
from models.runtime.int8.graph import Graph
from models.runtime.int8.onnx import value_info
from models.sampling import SamplingStep, padded_size


def sampling_infos() -> tuple[list[ValueInfoProto], ValueInfoProto]:
    """The inputs of sampling, as SamplingStep has them, and its output."""
    inputs = [
        value_info("sampling_scale", TensorProto.FLOAT, "rows", 1),
        value_info("uniform", TensorProto.DOUBLE, "rows", 1),
        value_info("masked", TensorProto.INT64, "rows", 1),
    ]
    return inputs, value_info("sampled", TensorProto.INT64, "rows")


def sampling_inputs(step: SamplingStep) -> dict[str, Tensor]:
    """The inputs of sampling, by name."""
    return {"sampling_scale": step.scale, "uniform": step.uniform.unsqueeze(1), "masked": step.masked}


def adjusted_sampling_model(vocabulary: int) -> bytes:
    """A graph from `logits` (B, V), the inputs of sampling and adjustments to `sampled` and `probabilities` (B, V).

    It runs after a step without sampling. As part of the step its further nodes would take a tenth of a step of one
    row, and plain rows need none of them.
    """
    graph = Graph()
    add_sampling(graph, vocabulary, with_adjustments=True)
    inputs, sampled = sampling_infos()
    inputs.append(value_info("logits", TensorProto.FLOAT, "rows", vocabulary))
    inputs.append(value_info("adjusted_ids", TensorProto.INT64, "rows", "entries"))
    inputs += [value_info(name, TensorProto.FLOAT, "rows", "entries") for name in ("penalty", "shift")]
    return graph.model(inputs, [sampled, value_info("probabilities", TensorProto.FLOAT, "rows", vocabulary)])


def adjusted_sampling_inputs(step: SamplingStep) -> dict[str, Tensor]:
    """The inputs of `adjusted_sampling_model` beside the logits, by name."""
    adjustments = step.adjustments or no_adjustments(len(step.scale))
    changes = {"adjusted_ids": adjustments.ids, "penalty": adjustments.penalty, "shift": adjustments.shift}
    return sampling_inputs(step) | changes


def add_sampling(graph: Graph, vocabulary: int, with_adjustments: bool = False) -> None:
    """From `logits` (B, V) and the inputs of `sampling_infos` to `probabilities` (B, V) and `sampled` (B,)."""
    padded = padded_size(vocabulary)
    for name, values in {
        "padding": (0, 0, 0, padded - vocabulary), "blocks_shape": (0, -1, BLOCK), "block_size": (BLOCK,),
        "last_id": (vocabulary - 1,), "first": (0,), "column_axis": (1,), "block_axis": (2,),
        "last_block": (padded // BLOCK - 1,), "last_offset": (BLOCK - 1,),
    }.items():  # fmt: skip
        graph.constant(name, np.array(values, np.int64))
    graph.constant("float_zero", np.array(0, np.float32))
    scaled = graph.node("Mul", ["logits", "sampling_scale"], "scaled")
    if with_adjustments:
        scaled = _add_adjustments(graph, scaled)
    graph.node("Softmax", [scaled], "probabilities", axis=1)
    graph.node("Pad", ["probabilities", "padding", "float_zero"], "padded")
    graph.node("Mul", ["sampling_scale", "float_zero"], "zeros")  # (B, 1)
    graph.node("ScatterElements", ["padded", "masked", "zeros"], "weights", axis=1)
    graph.node("Reshape", ["weights", "blocks_shape"], "blocks")  # (B, N, BLOCK)
    # the block: the first at which the running sum of all blocks passes the target
    graph.node("ReduceSum", ["blocks", "block_axis"], "float_sums", keepdims=0)
    graph.node("Cast", ["float_sums"], "sums", to=TensorProto.DOUBLE)  # (B, N)
    graph.node("CumSum", ["sums", "column_axis"], "cumulative")
    graph.node("Gather", ["cumulative", "last_block"], "total", axis=1)
    graph.node("Mul", ["total", "uniform"], "target")  # (B, 1)
    _add_search(graph, "cumulative", "last_block", "target", "block")
    # the offset: the first column in it at which the running sum passes the rest of the target
    graph.node("GatherElements", ["cumulative", "block"], "block_end", axis=1)
    graph.node("GatherElements", ["sums", "block"], "block_sum", axis=1)
    graph.node("Sub", ["block_end", "block_sum"], "before")
    graph.node("Sub", ["target", "before"], "rest")
    graph.node("GatherND", ["blocks", "block"], "float_inside", batch_dims=1)
    graph.node("Cast", ["float_inside"], "inside", to=TensorProto.DOUBLE)  # (B, BLOCK)
    graph.node("CumSum", ["inside", "column_axis"], "cumulative_inside")
    _add_search(graph, "cumulative_inside", "last_offset", "rest", "offset")
    graph.node("Mul", ["block", "block_size"], "block_begin")
    graph.node("Add", ["block_begin", "offset"], "column")
    graph.node("Min", ["column", "last_id"], "column_id")
    graph.node("Squeeze", ["column_id", "column_axis"], "sampled")


def _add_adjustments(graph: Graph, scaled: str) -> str:
    """The scaled logits, those in the adjustments as `Adjustments.apply` has them."""
    graph.node("GatherElements", ["logits", "adjusted_ids"], "values", axis=1)  # (B, A)
    graph.node("Greater", ["values", "float_zero"], "positive")
    graph.node("Div", ["values", "penalty"], "divided")
    graph.node("Mul", ["values", "penalty"], "multiplied")
    graph.node("Where", ["positive", "divided", "multiplied"], "penalized")
    graph.node("Add", ["penalized", "shift"], "shifted")
    graph.node("Mul", ["shifted", "sampling_scale"], "scaled_adjusted")
    return graph.node("ScatterElements", [scaled, "adjusted_ids", "scaled_adjusted"], "adjusted", axis=1)


def _add_search(graph: Graph, sums: str, last: str, target: str, output: str) -> None:
    """output (B, 1): how many of the running sums (B, N), the last left out, are no greater than the target (B, 1)."""
    graph.node("Slice", [sums, "first", last, "column_axis"], f"{output}_sums")
    graph.node("LessOrEqual", [f"{output}_sums", target], f"{output}_passed")
    graph.node("Cast", [f"{output}_passed"], f"{output}_ones", to=TensorProto.INT64)
    graph.node("ReduceSum", [f"{output}_ones", "column_axis"], output)
