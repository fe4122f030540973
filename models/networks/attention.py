"""Attention of a decoder over the encoder output."""

import math

import torch
from torch import Tensor, nn


class Attention(nn.Module):
    """Scaled general attention (Luong et al. 2015, arXiv:1508.04025): score = query · W key / √H.

    Computed for all target steps in one product; the softmax in float32, also where the rest is half precision.
    """

    def __init__(self, query_size: int, value_size: int) -> None:
        super().__init__()
        self.key = nn.Linear(value_size, query_size, bias=False)

    def keys(self, values: Tensor) -> Tensor:
        """Project values (B, S, M) to keys (B, S, H), once a sentence."""
        keys: Tensor = self.key(values)
        return keys

    def forward(self, query: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Attend with queries (B, T, H) to values (B, S, M) by their keys (B, S, H), where mask (B, S) is true.

        Returns the context (B, T, M) and the weights (B, T, S), which are 0 at padding and sum to 1.
        """
        scores = query @ keys.transpose(1, 2) / math.sqrt(query.shape[-1])  # (B, T, S)
        scores = scores.float().masked_fill(~mask.unsqueeze(1), float("-inf"))
        weights = torch.softmax(scores, dim=-1)  # (B, T, S)
        return weights.to(values.dtype) @ values, weights  # (B, T, M), (B, T, S)
