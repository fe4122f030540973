"""A recurrent text classifier, and the exact contribution of each token to its logits."""

from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor, nn

from models.batch import padding_mask
from models.config import Config, Range
from models.errors import ConfigError
from models.model import Model
from models.networks.dropout import word_dropout
from models.networks.recurrent import BidirectionalStack, Cell


@dataclass(frozen=True)
class ClassifierConfig(Config):
    """Sizes and labels of a Classifier. Raises ConfigError for a value outside its range."""

    vocabulary: Annotated[int, Range(2, 1_000_000)]
    labels: tuple[str, ...]
    embedding: Annotated[int, Range(1, 8192)] = 128
    """Size of a token's vector."""
    hidden: Annotated[int, Range(1, 8192)] = 128
    """Units of a recurrent layer, in each direction."""
    layers: Annotated[int, Range(1, 16)] = 1
    """Recurrent layers."""
    cell: Cell = "lstm"
    """Of the recurrent layers; `rnn` is Elman's plain one. All but `lstm` are served in float32 only."""
    dropout: Annotated[float, Range(0.0, 0.95)] = 0.5
    """Dropout between recurrent layers and of the pooled features."""
    embedding_dropout: Annotated[float, Range(0.0, 0.95)] = 0.5
    """Dropout of the embedding's features."""
    word_dropout: Annotated[float, Range(0.0, 0.95)] = 0.1
    """Dropout of whole positions of a text."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", tuple(self.labels))
        if len(self.labels) < 2 or len(set(self.labels)) != len(self.labels):
            raise ConfigError(f"ClassifierConfig.labels is {self.labels!r}; it must be two or more different labels")
        super().__post_init__()


class Classifier(Model):
    """Bidirectional recurrent layers, max and mean pooling over time, and a linear head.

    Pooling as in Howard and Ruder 2018 (arXiv:1801.06146), without their last state and hidden
    layer: with a linear head each logit is a sum over tokens, so that `contributions` is exact.
    """

    config: ClassifierConfig

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary, config.embedding)
        nn.init.normal_(self.embedding.weight, std=0.1)
        self.embedding_dropout = nn.Dropout(config.embedding_dropout)
        # checkpoints have this name, whatever the cell
        self.lstm = BidirectionalStack(
            config.embedding, config.hidden, config.layers, nn.Dropout(config.dropout), config.cell
        )
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(4 * config.hidden, len(config.labels))

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Score ids (B, T) with lengths (B,); return logits (B, C)."""
        pooled, _, _ = self.pool(self.hidden_states(ids, lengths), lengths)
        logits: Tensor = self.head(self.dropout(pooled))
        return logits

    def hidden_states(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Run the layers over ids (B, T) with lengths (B,); return (B, T, 2H)."""
        embedded = self.embedding_dropout(self.embedding(ids))  # (B, T, E)
        if self.training and self.config.word_dropout:
            embedded = word_dropout(embedded, self.config.word_dropout)
        hidden: Tensor = self.lstm(embedded, lengths)
        return hidden

    def pool(self, hidden: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Pool hidden (B, T, 2H) over the steps that are not padding.

        Returns maximum and mean, concatenated, (B, 4H); the step of each maximum (B, 2H); and the mask (B, T).
        """
        mask = padding_mask(lengths, hidden.shape[1])  # (B, T)
        padding = ~mask.unsqueeze(-1)
        maximum, argmax = hidden.masked_fill(padding, float("-inf")).max(dim=1)  # (B, 2H)
        mean = hidden.masked_fill(padding, 0.0).sum(dim=1) / lengths.unsqueeze(1)  # (B, 2H)
        return torch.cat([maximum, mean.to(maximum.dtype)], dim=-1), argmax, mask  # (B, 4H), (B, 2H), (B, T)

    def contributions(self, hidden: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Split every logit into the shares of the tokens, from their hidden states (B, T, 2H).

        Returns logits (B, C) and shares (B, T, C), 0 at padding; for each row and class the shares
        and the head's bias sum to the logit. A token's share is its part of the mean, and the part
        of each feature that is greatest at it.
        """
        pooled, argmax, mask = self.pool(hidden, lengths)
        width = hidden.shape[-1]
        max_weight, mean_weight = self.head.weight[:, :width], self.head.weight[:, width:]  # (C, 2H) each
        mean_share = (hidden @ mean_weight.T) / lengths.view(-1, 1, 1)  # (B, T, C)
        mean_share = mean_share.masked_fill(~mask.unsqueeze(-1), 0.0)
        max_parts = pooled[:, :width].unsqueeze(-1) * max_weight.T  # (B, 2H, C)
        max_share = torch.zeros_like(mean_share).scatter_add_(1, argmax.unsqueeze(-1).expand_as(max_parts), max_parts)
        return self.head(pooled), mean_share + max_share
