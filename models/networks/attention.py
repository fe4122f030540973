"""Where a decoder looks in its source."""

import math

import torch
from torch import Tensor, nn


class Attention(nn.Module):
    """Scaled general attention (Luong et al. 2015, arXiv:1508.04025): score = query · W key / √H.

    Computed for all target steps in one product.
    """

    def __init__(self, query_size: int, memory_size: int) -> None:
        super().__init__()
        self.key = nn.Linear(memory_size, query_size, bias=False)

    def keys(self, memory: Tensor) -> Tensor:
        """Project memory (B, S, M) once a sentence; return (B, S, H)."""
        keys: Tensor = self.key(memory)
        return keys

    def forward(self, query: Tensor, keys: Tensor, memory: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Look from query (B, T, H) into memory (B, S, M) with its keys (B, S, H), where mask (B, S).

        Returns the context (B, T, M) and the weights (B, T, S), which are 0 at padding and sum to 1.
        """
        scores = query @ keys.transpose(1, 2) / math.sqrt(query.shape[-1])  # (B, T, S)
        scores = scores.float().masked_fill(~mask.unsqueeze(1), float("-inf"))
        weights = torch.softmax(scores, dim=-1)  # (B, T, S)
        return weights.to(memory.dtype) @ memory, weights  # (B, T, M), (B, T, S)
