"""What every model is: a module with the frozen config it was built from."""

from typing import Any

from torch import nn


class Model(nn.Module):
    """A network, or tables that were counted. Tensors that are saved are parameters or buffers."""

    config: Any
    """A frozen dataclass; its `vocabulary` is the number of ids."""
