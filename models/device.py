"""Where models run."""

import torch

from models.errors import ConfigError


def choose_device(name: str) -> torch.device:
    """auto is a GPU where there is one. Raises ConfigError for another name, and for cuda where there is no GPU."""
    if name not in ("auto", "cpu", "cuda"):
        raise ConfigError(f"device {name!r} is none of auto, cpu, cuda")
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise ConfigError("the device is to be cuda, but no GPU can be used here")
    return torch.device("cuda" if name != "cpu" and available else "cpu")


def trains_in_bfloat16(name: str, device: torch.device) -> bool:
    """Whether to train in bfloat16 rather than float32; auto: wherever PyTorch can train an LSTM so.

    On a CPU that takes AVX-512. Raises ConfigError for bfloat16 where it can't be.
    """
    able = device.type != "cpu" or torch.ops.mkldnn._is_mkldnn_bf16_supported()
    if name == "bfloat16" and not able:
        raise ConfigError("precision is to be bfloat16, but on this CPU PyTorch cannot train an LSTM in it")
    return name != "float32" and able
