"""Noise that keeps a recurrent model from learning its data by heart."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class VariationalDropout(nn.Module):
    """Dropout whose mask is drawn once for a sequence and holds at all of its steps.

    Gal and Ghahramani 2016 (arXiv:1512.05287); "locked" dropout in Merity et al. 2017
    (arXiv:1708.02182).
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, sequence: Tensor) -> Tensor:
        """Drop features of sequence (B, T, H), the same at every step of a row."""
        if not self.training or not self.rate:
            return sequence
        kept = torch.empty_like(sequence[:, :1]).bernoulli_(1 - self.rate)  # (B, 1, H)
        return sequence * kept / (1 - self.rate)


def sequence_dropout(rate: float, variational: bool) -> nn.Module:
    """Dropout for (B, T, H): with one mask for all steps of a row, or with a mask for each."""
    return VariationalDropout(rate) if variational else nn.Dropout(rate)


def drop_positions(embedded: Tensor, rate: float) -> Tensor:
    """Blank out whole words of embedded (B, T, E): word dropout (Iyyer et al. 2015, ACL P15-1162), unscaled."""
    return embedded * (torch.rand_like(embedded[..., :1]) >= rate)


def drop_types(embedded: Tensor, ids: Tensor, vocabulary: int, rate: float) -> Tensor:
    """Blank out every occurrence of some words of the vocabulary in embedded (B, T, E), which ids (B, T) chose.

    Embedding dropout (Gal and Ghahramani 2016, arXiv:1512.05287): what is left is scaled up.
    """
    kept = embedded.new_empty(vocabulary).bernoulli_(1 - rate) / (1 - rate)  # (V,)
    return embedded * kept[ids].unsqueeze(-1)


@contextmanager
def dropped_weights(model: nn.Module, rate: float) -> Iterator[None]:
    """Within it, a share of every recurrent layer's weights from step to step is 0, and the rest is scaled up.

    DropConnect of the hidden-to-hidden matrices (Wan et al. 2013; Merity et al. 2017,
    arXiv:1708.02182): run forward and backward within. The weights are masked where they lie, so that
    the fused kernels keep their flat buffer, and are put back, to the bit, on the way out; gradients
    are masked by a hook as they come.
    """
    if not rate:
        yield
        return
    whole: list[tuple[nn.Parameter, Tensor]] = []
    hooks = []
    for module in model.modules():
        if not isinstance(module, nn.RNNBase):
            continue
        for name, weight in module.named_parameters(recurse=False):
            if not name.startswith("weight_hh"):
                continue
            mask = torch.empty_like(weight).bernoulli_(1 - rate) / (1 - rate)
            whole.append((weight, weight.detach().clone()))
            weight.data.mul_(mask)
            hooks.append(weight.register_hook(mask.mul))  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        for weight, content in whole:
            weight.data.copy_(content)
        for hook in hooks:
            hook.remove()
