"""The device that models run on, and whether it trains in bfloat16."""

from typing import Literal

import torch

from models.errors import ConfigError


def choose_device(name: str) -> torch.device:
    """auto is a GPU if there is one. Raises ConfigError for an unknown name, and for cuda without a GPU."""
    if name not in ("auto", "cpu", "cuda"):
        raise ConfigError(f"device {name!r} is none of auto, cpu, cuda")
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise ConfigError("the device is to be cuda, but no GPU can be used here")
    return torch.device("cuda" if name != "cpu" and available else "cpu")


def trains_in_bfloat16(name: str, device: torch.device) -> bool:
    """Whether to train in bfloat16 rather than float32; auto is where that is faster: on CPUs with AMX, and on GPUs
    since Ampere.

    A CPU with AVX-512 but without AMX supports it too, at half the speed of float32 (measured: docs/measurements.md).
    Raises ConfigError for bfloat16 where it is not supported.
    """
    on_cpu = device.type == "cpu"
    if name == "bfloat16" and on_cpu and not _cpu_supports("bfloat16"):
        raise ConfigError("precision is to be bfloat16, but on this CPU PyTorch cannot train an LSTM in it")
    faster = _cpu_supports("amx") if on_cpu else torch.cuda.is_bf16_supported(including_emulation=False)
    return name == "bfloat16" or (name == "auto" and faster)


def _cpu_supports(feature: Literal["bfloat16", "amx"]) -> bool:
    """Whether PyTorch computes in bfloat16, or uses the AMX tiles, of this CPU.

    PyTorch has only private functions for both. Where a version lacks one, the answer is no: float32 always works.
    """
    owner, name = {
        "bfloat16": (torch.ops.mkldnn, "_is_mkldnn_bf16_supported"),
        "amx": (torch.cpu, "_is_amx_tile_supported"),
    }[feature]
    supported = getattr(owner, name, None)
    return bool(supported()) if supported else False
