"""What the runtimes that run on ONNX Runtime share."""

import os

import onnxruntime
from onnx import ModelProto, ValueInfoProto, helper

MICROSOFT = "com.microsoft"
OPSETS = (("", 18), (MICROSOFT, 1))
FORMAT = 9  # of ONNX files; onnxruntime reads those up to its own


def start_session(model: ModelProto, threads: int) -> onnxruntime.InferenceSession:
    """A model, ready to run on a CPU; 0 threads are one a core."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or os.cpu_count() or 1
    # a thread that spins while it waits takes the core that the event loop needs
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def value_info(name: str, element: int, *shape: int | str | None) -> ValueInfoProto:
    """The type of an input or output; a size that varies has a name."""
    return helper.make_tensor_value_info(name, element, list(shape))
