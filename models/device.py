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
    """Whether to train in bfloat16 rather than float32; auto: where that is faster, on CPUs with AMX and GPUs
    that have it (since Ampere).

    On a CPU with AVX-512 alone PyTorch can, at half the speed of float32 (measured: docs/quality.md).
    Raises ConfigError for bfloat16 where it can't be.
    """
    on_cpu = device.type == "cpu"
    if name == "bfloat16" and on_cpu and not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        raise ConfigError("precision is to be bfloat16, but on this CPU PyTorch cannot train an LSTM in it")
    faster = torch.cpu._is_amx_tile_supported() if on_cpu else torch.cuda.is_bf16_supported(including_emulation=False)
    return name == "bfloat16" or (name == "auto" and faster)
