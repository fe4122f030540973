"""Dropout against overfitting, in the forms that suit recurrent models."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class VariationalDropout(nn.Module):
    """Dropout with one mask for all steps of a sequence.

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
        mask = torch.empty_like(sequence[:, :1]).bernoulli_(1 - self.rate)  # (B, 1, H)
        return sequence * mask / (1 - self.rate)


def sequence_dropout(rate: float, variational: bool) -> nn.Module:
    """Dropout for (B, T, H), with one mask for all steps of a row or one for each step."""
    return VariationalDropout(rate) if variational else nn.Dropout(rate)


def word_dropout(embedded: Tensor, rate: float) -> Tensor:
    """Zero whole positions of embedded (B, T, E) (Iyyer et al. 2015, ACL P15-1162). The rest is not scaled up."""
    return embedded * (torch.rand_like(embedded[..., :1]) >= rate)


def embedding_dropout(embedded: Tensor, ids: Tensor, vocabulary: int, rate: float) -> Tensor:
    """Zero every occurrence of some words of the vocabulary in embedded (B, T, E), the embeddings of ids (B, T).

    Gal and Ghahramani 2016 (arXiv:1512.05287). The rest is scaled up.
    """
    mask = embedded.new_empty(vocabulary).bernoulli_(1 - rate) / (1 - rate)  # (V,)
    return embedded * mask[ids].unsqueeze(-1)


@contextmanager
def dropped_weights(model: nn.Module, rate: float) -> Iterator[None]:
    """A context in which a share of every recurrent layer's hidden-to-hidden weights is 0, and the rest scaled up.

    DropConnect (Wan et al. 2013; Merity et al. 2017, arXiv:1708.02182). Run forward and backward inside it. The
    weights are masked in place, because the fused kernels read them from one flat buffer, and restored on exit from
    a copy; a hook masks their gradients.
    """
    if not rate:
        yield
        return
    originals: list[tuple[nn.Parameter, Tensor]] = []
    hooks = []
    for module in model.modules():
        if not isinstance(module, nn.RNNBase):
            continue
        for name, weight in module.named_parameters(recurse=False):
            if not name.startswith("weight_hh"):
                continue
            mask = torch.empty_like(weight).bernoulli_(1 - rate) / (1 - rate)
            originals.append((weight, weight.detach().clone()))
            weight.data.mul_(mask)
            hooks.append(weight.register_hook(mask.mul))  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        for weight, original in originals:
            weight.data.copy_(original)
        for hook in hooks:
            hook.remove()
