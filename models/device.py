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
