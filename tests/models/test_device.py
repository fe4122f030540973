"""The device, and PyTorch's private functions."""

from types import SimpleNamespace

import pytest
import torch

from models.device import choose_device, trains_in_bfloat16
from models.errors import ConfigError

CPU = torch.device("cpu")


def test_where_pytorch_lacks_its_private_functions_a_cpu_trains_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "_is_amx_tile_supported", raising=False)
    monkeypatch.setattr(torch.ops, "mkldnn", SimpleNamespace(), raising=False)
    assert not trains_in_bfloat16("auto", CPU)
    with pytest.raises(ConfigError, match="on this CPU"):
        trains_in_bfloat16("bfloat16", CPU)


@pytest.mark.parametrize("name", ["", "gpu", "cuda:0"])
def test_a_device_of_another_name(name: str) -> None:
    with pytest.raises(ConfigError, match="none of auto, cpu, cuda"):
        choose_device(name)
